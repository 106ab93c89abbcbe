"""Many at once."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from contextlib import AsyncExitStack

from ponte.domain.conversation import Status, claim
from ponte.errors import Conflict
from ponte.ports import Commit, Store
from tests.contract.builders import NOW, OpenStore, bumped, stored, waiting

AGENTS, WAITING = 50, 200


async def work(store: Store, agent_id: str, dice: random.Random) -> list[str]:
    """Claim whatever waits, until nothing does; return what was won."""
    won: list[str] = []
    while True:
        page = await store.conversations(status=Status.AWAITING_AGENT, contact_id=None, after=None, limit=50)
        if not page.items:
            return won
        for seen in dice.sample(page.items, min(8, len(page.items))):
            try:
                await store.commit(Commit(bumped(claim(seen, agent_id, NOW)), silence_bot=True))
            except Conflict:
                continue
            won.append(seen.id)


async def test_each_waiting_conversation_is_claimed_once(open_store: OpenStore) -> None:
    """Fifty agents in two processes claim two hundred conversations, each exactly once."""
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(open_store()) for _ in range(2)]
        await stores[0].migrate()
        await asyncio.gather(*(stored(stores[0], waiting(n, contact_id=f"c{n}")) for n in range(WAITING)))
        dice = [random.Random(n) for n in range(AGENTS)]  # noqa: S311 - a repeatable choice
        won = await asyncio.gather(*(work(stores[n % 2], f"ag{n}", dice[n]) for n in range(AGENTS)))
        assert Counter(itertools.chain(*won)) == {f"cv{n}": 1 for n in range(WAITING)}
        for n, ids in enumerate(won):
            for conversation_id in ids:
                conversation = await stores[n % 2 - 1].conversation(conversation_id)
                assert (conversation.status, conversation.agent_id) == (Status.AGENT_ACTIVE, f"ag{n}")
                assert (conversation.version, conversation.epoch) == (2, 1)


async def test_processes_see_each_others_writes(open_store: OpenStore) -> None:
    """What one process stored the other reads at once."""
    async with open_store() as one, open_store() as other:
        await asyncio.gather(one.migrate(), other.migrate())
        for n in range(20):
            await (one if n % 2 else other).set_value("n", str(n))
            assert await (other if n % 2 else one).get_value("n") == str(n)
