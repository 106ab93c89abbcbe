"""Leases and named values."""

from __future__ import annotations

import asyncio

import pytest

from ponte.errors import LeaseLost
from ponte.ports import Lease, Store
from tests.contract.builders import NOW

TTL = 1000


async def held(store: Store, owner: str, now: int = NOW) -> Lease:
    """Acquire the lease ``k``."""
    lease = await store.acquire("k", owner, now, TTL)
    assert lease is not None
    return lease


async def test_one_of_many_gets_a_lease(store: Store) -> None:
    """Of many who want a new lease at once one gets it; another key is another lease."""
    found = await asyncio.gather(*(store.acquire("k", f"w{n}", NOW, TTL) for n in range(20)))
    (lease,) = [f for f in found if f is not None]
    assert lease.expires_at == NOW + TTL
    assert await store.acquire("k", "other", NOW + TTL - 1, TTL) is None
    assert await store.acquire("k2", "other", NOW, TTL) is not None


async def test_the_token_grows_with_every_holder(store: Store) -> None:
    """A released, a stolen and a repeated lease each come with a larger token, also after pruning."""
    tokens = [(await held(store, "a")).token]
    tokens.append((await held(store, "a")).token)
    lease = await held(store, "a")
    tokens.append(lease.token)
    await store.release_lease(lease)
    tokens.append((await held(store, "b")).token)
    tokens.append((await held(store, "c", NOW + TTL)).token)
    assert (await store.prune(NOW + TTL + TTL))["leases"] == 0
    assert (await store.prune(NOW + TTL + TTL + 1))["leases"] == 1
    tokens.append((await held(store, "d", NOW + TTL + TTL + 1)).token)
    assert tokens == sorted(set(tokens))


async def test_a_lease_is_prolonged_while_it_is_held(store: Store) -> None:
    """Renewing moves the end, even a moment too late, as long as nobody else came."""
    lease = await held(store, "a")
    renewed = await store.renew(lease, NOW + 900, TTL)
    assert (renewed.token, renewed.expires_at) == (lease.token, NOW + 900 + TTL)
    assert await store.acquire("k", "b", NOW + TTL, TTL) is None
    assert (await store.renew(renewed, NOW + 5000, TTL)).expires_at == NOW + 5000 + TTL


async def test_a_stolen_lease_is_lost(store: Store) -> None:
    """Once another holds it, an expired lease can be neither renewed nor given back by its old holder."""
    old = await held(store, "a")
    new = await held(store, "b", NOW + TTL)
    with pytest.raises(LeaseLost):
        await store.renew(old, NOW + TTL, TTL)
    await store.release_lease(old)
    assert await store.acquire("k", "c", NOW + TTL, TTL) is None
    assert await store.renew(new, NOW + TTL, TTL)
    again = await held(store, "b", NOW + TTL)
    with pytest.raises(LeaseLost):
        await store.renew(new, NOW + TTL, TTL)
    await store.release_lease(again)
    with pytest.raises(LeaseLost):
        await store.renew(again, NOW + TTL, TTL)


async def test_an_expired_lease_goes_to_one_thief(store: Store) -> None:
    """Of many who find a lease expired one gets it."""
    await held(store, "a")
    found = await asyncio.gather(*(store.acquire("k", f"w{n}", NOW + TTL, TTL) for n in range(20)))
    assert sum(f is not None for f in found) == 1


async def test_values_are_kept_by_name(store: Store) -> None:
    """A named value is None until set, then the last one set; many may set it at once."""
    assert await store.get_value("cursor") is None
    await asyncio.gather(*(store.set_value("cursor", "1") for _ in range(10)))
    assert await store.get_value("cursor") == "1"
    await store.set_value("cursor", "2")
    assert await store.get_value("cursor") == "2"
