"""Changes of agents that meet each other, or are cut short."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from ponte.accounts import Accounts
from ponte.domain.agent import Role
from ponte.domain.conversation import Status
from ponte.errors import Conflict
from ponte.handoff import HandoffDesk
from ponte.ports import Commit, Store
from ponte.staff import Staff
from tests.fixtures.api_office import Office, open_office


class SlowHashing(PasswordHash):
    """Tries to disable the agent while it hashes."""

    def __init__(self) -> None:
        super().__init__((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
        self.meanwhile: Any = None
        self.loop = asyncio.get_running_loop()
        self.error: BaseException | None = None

    def hash(self, *args: Any, **kwargs: Any) -> str:  # noqa: ANN401 - as pwdlib's
        """Hash, once the change came to an end."""
        self.error = asyncio.run_coroutine_threadsafe(self.meanwhile(), self.loop).exception(10)
        return super().hash(*args, **kwargs)


class Contested:
    """A store in which one conversation is never free."""

    def __init__(self, inner: Store, conversation_id: str) -> None:
        self._inner = inner
        self._conversation_id = conversation_id

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands for every method of the store
        return getattr(self._inner, name)

    async def commit(self, commit: Commit) -> None:
        """Commit, or tell that somebody else was quicker."""
        if commit.conversation.id == self._conversation_id:
            raise Conflict("Somebody else was quicker.")
        await self._inner.commit(commit)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Serve an API over an empty store."""
    async with open_office(tmp_path / "data") as opened:
        yield opened


async def test_a_password_undoes_no_change(office: Office) -> None:
    """While a password is set nobody is disabled: whoever tries is told, and nothing is lost in silence."""
    rita, _ = await office.add_agent("Rita", Role.ADMIN)
    ana, _ = await office.add_agent("Ana")
    store, clock = office.ponte.store, office.clock
    admin = await store.agent(rita)
    hashing = SlowHashing()
    staff = Staff(store, clock, Accounts(store, clock, hashing), office.ponte.desk)
    hashing.meanwhile = lambda: staff.change(admin, ana, disabled=True)
    await staff.set_password(admin, ana)
    assert isinstance(hashing.error, Conflict)
    assert (await staff.change(admin, ana, disabled=True)).disabled
    assert (await store.agent(ana)).disabled


async def test_disabling_that_was_cut_short_is_completed(office: Office) -> None:
    """The agent is disabled, and no more was done: again ends the logins and gives the customers back."""
    _, admin = await office.add_agent("Rita", Role.ADMIN)
    ana, hers = await office.add_agent("Ana")
    waiting = await office.waiting("Oi")
    await office.call("POST", f"/v1/conversations/{waiting.id}/claim", hers)
    store = office.ponte.store
    await store.update_agent(replace(await store.agent(ana), disabled=True))
    again = await office.call("PATCH", f"/v1/office/agents/{ana}", admin, json={"disabled": True})
    assert (again.status, again.json["disabled"]) == (200, True)
    assert await store.sessions(ana, office.clock.now(), 10) == []
    assert await office.is_now(waiting) is Status.AWAITING_AGENT
    assert "agent_disabled" not in {entry.action for entry in await store.audit_log()}


async def test_one_contested_conversation_holds_up_no_other(office: Office) -> None:
    """What cannot be given back is passed over; disabling the agent again gives it back."""
    rita, _ = await office.add_agent("Rita", Role.ADMIN)
    ana, hers = await office.add_agent("Ana")
    talks = [await office.waiting("Oi") for _ in range(3)]
    for talk in talks:
        await office.call("POST", f"/v1/conversations/{talk.id}/claim", hers)
    ponte = office.ponte
    contested = cast("Store", Contested(ponte.store, talks[1].id))
    desk = HandoffDesk(contested, office.clock, ponte.signals)
    admin = await ponte.store.agent(rita)
    await Staff(ponte.store, office.clock, ponte.accounts, desk).change(admin, ana, disabled=True)
    waits, held = Status.AWAITING_AGENT, Status.AGENT_ACTIVE
    assert [await office.is_now(talk) for talk in talks] == [waits, held, waits]
    await ponte.staff.change(admin, ana, disabled=True)
    assert await office.is_now(talks[1]) is waits
