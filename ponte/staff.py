"""Who works here: agents, roles, passwords and logins. For administrators."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

import structlog

from ponte.accounts import Accounts
from ponte.domain.agent import Agent, AgentSession, Permission, Role
from ponte.errors import Conflict, Forbidden, InvalidInput, NotFound, WrongState
from ponte.handoff import HandoffDesk
from ponte.ports import AuditEntry, Clock, Store

log = structlog.get_logger(__name__)

LONGEST_NAME: Final = 80
# Of the hash of a login's token: names it among an agent's logins, and nobody can log in with it.
_SESSION_ID: Final = 16
_SESSIONS: Final = 100
_HELD: Final = 100
_LEASE_MS: Final = 10_000
_LEASE_TRIES: Final = 50
_LEASE_WAIT_MS: Final = 100


class Staff:
    """What administrators do with agents.

    Every method raises Forbidden for a role that may not, and NotFound for an unknown agent. Changes come one
    after the other, over all processes, so that the last administrator always stays.

    Args:
        store: where agents are.
        clock: the time.
        accounts: creates agents and keeps passwords.
        desk: gives conversations back to the queue.
    """

    def __init__(self, store: Store, clock: Clock, accounts: Accounts, desk: HandoffDesk) -> None:
        self._store = store
        self._clock = clock
        self._accounts = accounts
        self._desk = desk

    async def agents(self, by: Agent) -> list[Agent]:
        """Return all agents, by e-mail."""
        permit(by, Permission.MANAGE)
        return await self._store.agents()

    async def add(
        self, by: Agent, email: str, name: str, role: Role, password: str | None = None
    ) -> tuple[Agent, str]:
        """Create an agent; returns it with its password, a new one where none is given.

        Raises:
            InvalidInput: the e-mail is malformed or taken, the name empty or too long, or the password weak.
        """
        permit(by, Permission.MANAGE)
        chosen = password or new_password()
        return await self._accounts.add(email, _name(name), role, chosen, by=by.id), chosen

    async def change(
        self,
        by: Agent,
        agent_id: str,
        *,
        name: str | None = None,
        role: Role | None = None,
        disabled: bool | None = None,
    ) -> Agent:
        """Change an agent; what is None stays. A disabled one is logged out, and gives back what they hold.

        Cut short, it can be run again: what follows from the agent's state is done also when nothing changes.

        Raises:
            InvalidInput: the name is empty or too long.
            WrongState: it would lock out the one who does it, or the last administrator.
            Conflict: others kept changing agents.
        """
        permit(by, Permission.MANAGE)
        async with self._alone():
            before = await self._store.agent(agent_id)
            after = replace(
                before,
                name=before.name if name is None else _name(name),
                role=role or before.role,
                disabled=before.disabled if disabled is None else disabled,
            )
            if after != before:
                await self._keep_an_admin(by, before, after)
                await self._store.update_agent(after)
        for action, detail in _told(before, after):
            await self._note(by, action, f"{agent_id} {detail}".strip())
        if after.disabled or after.role is not before.role:
            # A tab that is open must not go on with what the old role could see.
            await self._store.end_sessions(agent_id)
        if after.disabled or not after.may(Permission.WORK):
            await self._give_back(by, after)
        return after

    async def set_password(self, by: Agent, agent_id: str, password: str | None = None) -> tuple[Agent, str]:
        """Give an agent another password, a new one where none is given; ends their logins.

        Raises:
            InvalidInput: the password is weak.
            WrongState: the agent is disabled.
            Conflict: others kept changing agents.
        """
        permit(by, Permission.MANAGE)
        chosen = password or new_password()
        async with self._alone():
            agent = await self._store.agent(agent_id)
            if agent.disabled:
                raise WrongState("This agent is disabled. Enable them first.")
            return await self._accounts.set_password(agent.email, chosen, by=by.id), chosen

    async def sessions(self, by: Agent, agent_id: str) -> list[AgentSession]:
        """Return an agent's valid logins, the newest first."""
        permit(by, Permission.MANAGE)
        await self._store.agent(agent_id)
        found = await self._store.sessions(agent_id, self._clock.now(), _SESSIONS)
        return sorted(found, key=lambda s: (-s.created_at, s.token_hash))

    async def end_session(self, by: Agent, agent_id: str, login_id: str) -> None:
        """End one login. Raises NotFound when the agent has no such one."""
        for login in await self.sessions(by, agent_id):
            if session_id(login) == login_id:
                await self._store.end_session(login.token_hash)
                await self._note(by, "session_ended", agent_id)
                return
        raise NotFound("This login has ended already.")

    async def end_sessions(self, by: Agent, agent_id: str) -> int:
        """End all logins of an agent; returns how many there were."""
        permit(by, Permission.MANAGE)
        await self._store.agent(agent_id)
        ended = await self._store.end_sessions(agent_id)
        await self._note(by, "sessions_ended", f"{agent_id} {ended}")
        return ended

    async def _keep_an_admin(self, by: Agent, before: Agent, after: Agent) -> None:
        lost = after.disabled or after.role is not Role.ADMIN
        if before.role is not Role.ADMIN or before.disabled or not lost:
            return
        if before.id == by.id:
            raise WrongState("Nobody disables or demotes themselves. Ask another administrator.")
        admins = [a for a in await self._store.agents() if a.role is Role.ADMIN and not a.disabled]
        if [a.id for a in admins] == [before.id]:
            raise WrongState("This is the last administrator. Make somebody else one first.")

    async def _give_back(self, by: Agent, gone: Agent) -> None:
        """Nobody's customer waits for somebody who cannot answer."""
        for snoozed in (False, True):
            moved = 1
            while moved:
                page = await self._store.conversations(
                    status=None,
                    contact_id=None,
                    after=None,
                    limit=_HELD,
                    agent_id=gone.id,
                    snoozed=snoozed,
                )
                moved = 0
                for held in page.items:
                    try:
                        await self._desk.transfer(by, held.id, to_agent_id=None)
                    except WrongState:
                        continue  # it was finished meanwhile
                    except (Conflict, NotFound) as error:
                        # The others' customers do not wait for it; changing the agent again tries it again.
                        log.warning("not_given_back", conversation=held.id, agent=gone.id, error=str(error))
                        continue
                    moved += 1

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        owner = f"staff-{secrets.token_hex(8)}"
        for _ in range(_LEASE_TRIES):
            lease = await self._store.acquire("staff", owner, self._clock.now(), _LEASE_MS)
            if lease is not None:
                break
            await self._clock.sleep(_LEASE_WAIT_MS)
        else:
            raise Conflict("Somebody else changes agents right now. Try again in a moment.")
        try:
            yield
        finally:
            await self._store.release_lease(lease)

    async def _note(self, by: Agent, action: str, detail: str) -> None:
        entry_id = f"au_{secrets.token_hex(12)}"
        await self._store.audit(AuditEntry(entry_id, self._clock.now(), by.id, action, None, detail))


def session_id(login: AgentSession) -> str:
    """Return what names a login among those of its agent."""
    return login.token_hash[:_SESSION_ID]


def new_password() -> str:
    """Return a password of 96 bits that can be read out over the phone."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def permit(agent: Agent, permission: Permission) -> None:
    """Raise Forbidden unless the agent may."""
    if agent.disabled or not agent.may(permission):
        raise Forbidden(f"The role {agent.role} may not {permission}.")


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise InvalidInput(f"An agent's name has 1 to {LONGEST_NAME} characters.")
    return name


def _told(before: Agent, after: Agent) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if after.name != before.name:
        found.append(("agent_renamed", ""))
    if after.role is not before.role:
        found.append(("agent_role", f"{before.role} -> {after.role}"))
    if after.disabled is not before.disabled:
        found.append(("agent_disabled" if after.disabled else "agent_enabled", ""))
    return found
