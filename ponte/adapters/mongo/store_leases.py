"""Leases and named values in MongoDB."""

from __future__ import annotations

from ponte.adapters.codec import Plain
from ponte.adapters.mongo.store_client import Part
from ponte.errors import LeaseLost
from ponte.ports import Lease


class MongoLeases(Part):
    """``ponte.ports.LeaseStore``."""

    async def acquire(self, key: str, owner: str, now: int, ttl_ms: int) -> Lease | None:
        """Take the lease if it is free, expired or the owner's already, see the port."""
        expires_at = now + ttl_ms
        held: Plain = {"owner": owner, "expires_at": expires_at}
        document = await self._leases.change_and_get(
            {"_id": key, "$or": [{"owner": None}, {"owner": owner}, {"expires_at": {"$lte": now}}]},
            {"$set": held, "$inc": {"token": 1}},
        )
        if document is not None:
            return Lease(key, owner, document["token"], expires_at)
        # The first token is the time, so that it grows even after the document was pruned.
        created = await self._leases.insert({"_id": key, "token": now, **held})
        return Lease(key, owner, now, expires_at) if created else None

    async def renew(self, lease: Lease, now: int, ttl_ms: int) -> Lease:
        """Prolong a lease. Raises LeaseLost."""
        renewed = Lease(lease.key, lease.owner, lease.token, now + ttl_ms)
        if not await self._leases.change(_held(lease), {"$set": {"expires_at": renewed.expires_at}}):
            raise LeaseLost(f"The lease {lease.key} is no longer held with token {lease.token}.")
        return renewed

    async def release_lease(self, lease: Lease) -> None:
        """Give a lease back, see the port."""
        await self._leases.change(_held(lease), {"$set": {"owner": None}})

    async def get_value(self, name: str) -> str | None:
        """Return a small value kept by name."""
        document = await self._values.first({"_id": name})
        return None if document is None else str(document["value"])

    async def set_value(self, name: str, value: str) -> None:
        """Keep a small value by name."""
        update = {"$set": {"value": value}}
        if not await self._values.change({"_id": name}, update) and not await self._values.insert(
            {"_id": name, "value": value}
        ):
            await self._values.change({"_id": name}, update)  # made by another process in between


def _held(lease: Lease) -> Plain:
    return {"_id": lease.key, "owner": lease.owner, "token": lease.token}
