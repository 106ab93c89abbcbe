"""Agents' accounts and logins.

Follows OWASP ASVS 5.0, V6 (authentication) and V7 (sessions): Argon2id, one answer for every failed login,
tries throttled per account and per address, tokens of 256 bits stored only as a hash, revocable.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from dataclasses import replace
from typing import Final

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from ponte.domain.agent import Agent, AgentSession, Role
from ponte.errors import InvalidInput, NotFound, Throttled, Unauthenticated
from ponte.ports import AuditEntry, Clock, Store

OPERATOR: Final = "operator"
SESSION_MS: Final = 12 * 60 * 60 * 1000
_WINDOW_MS: Final = 15 * 60 * 1000
_TRIES_PER_ACCOUNT: Final = 10
_TRIES_PER_ADDRESS: Final = 50
_MIN_PASSWORD: Final = 8
_MAX_PASSWORD: Final = 256
_BAD_LOGIN: Final = "E-mail or password is wrong."


class Accounts:
    """Creates agents, logs them in, and finds out who a token belongs to.

    Args:
        store: where agents and sessions are kept.
        clock: the time.
        hashing: the password hashing; the default is Argon2id with pwdlib's parameters.
    """

    def __init__(self, store: Store, clock: Clock, hashing: PasswordHash | None = None) -> None:
        self._store = store
        self._clock = clock
        self._hashing = hashing or PasswordHash((Argon2Hasher(),))
        # Verified when the account is unknown, so that the time does not tell whether it exists.
        self._decoy: str | None = None

    async def add(self, email: str, name: str, role: Role, password: str, *, by: str = OPERATOR) -> Agent:
        """Create an agent; ``by`` is for the audit log.

        Raises:
            InvalidInput: the e-mail is malformed or taken, the name empty, or the password too weak.
        """
        email = _normal_email(email)
        if not name.strip():
            raise InvalidInput("The agent needs a name; customers and colleagues see it.")
        agent = Agent(
            id=f"ag_{secrets.token_hex(12)}",
            email=email,
            name=name.strip(),
            role=role,
            password_hash=await self._hash(password, email),
            created_at=self._clock.now(),
        )
        await self._store.add_agent(agent)
        await self._audit(by, "agent_added", agent.id)
        return agent

    async def set_password(self, email: str, password: str, *, by: str = OPERATOR) -> Agent:
        """Give an agent another password, let them in again, and end their sessions.

        Raises:
            NotFound: no such agent.
            InvalidInput: the password is too weak.
        """
        agent = await self._by_email(email)
        agent = replace(agent, password_hash=await self._hash(password, agent.email), disabled=False)
        await self._store.update_agent(agent)
        await self._store.end_sessions(agent.id)
        await self._audit(by, "password_set", agent.id)
        return agent

    async def disable(self, email: str) -> Agent:
        """Lock an agent out and end their sessions. Raises NotFound."""
        agent = replace(await self._by_email(email), disabled=True)
        await self._store.update_agent(agent)
        await self._store.end_sessions(agent.id)
        await self._audit(OPERATOR, "agent_disabled", agent.id)
        return agent

    async def log_in(self, email: str, password: str, address: str) -> tuple[str, Agent]:
        """Return a new bearer token and whose it is.

        Args:
            email: as typed.
            password: as typed.
            address: the client's network address, for throttling.

        Raises:
            Unauthenticated: the pair is wrong, or the account is disabled; it does not say which.
            Throttled: too many tries for this account or from this address.
        """
        email = email.strip().lower()
        now = self._clock.now()
        account_key = f"login:account:{email}"
        for key, most in (
            (account_key, _TRIES_PER_ACCOUNT),
            (f"login:address:{address}", _TRIES_PER_ADDRESS),
        ):
            if await self._store.hit(key, now, _WINDOW_MS) > most:
                raise Throttled("Too many tries to log in. Wait some minutes and try again.", _WINDOW_MS)
        agent = await self._store.agent_by_email(email)
        right = await self._verify(password, agent.password_hash if agent else await self._decoy_hash())
        if agent is None or agent.disabled or not right:
            raise Unauthenticated(_BAD_LOGIN)
        await self._store.forgive(account_key)
        token = secrets.token_urlsafe(32)
        await self._store.add_session(
            AgentSession(_digest(token), agent.id, created_at=now, expires_at=now + SESSION_MS)
        )
        await self._audit(agent.id, "login", agent.id)
        return token, agent

    async def who(self, token: str) -> Agent:
        """Return whose token this is.

        Raises:
            Unauthenticated: no such session, it ended, or the agent is disabled.
        """
        session = await self._store.session(_digest(token)) if token else None
        if session is None or session.expires_at <= self._clock.now():
            raise Unauthenticated("The session has ended. Log in again.")
        try:
            agent = await self._store.agent(session.agent_id)
        except NotFound:
            raise Unauthenticated("The session has ended. Log in again.") from None
        if agent.disabled:
            raise Unauthenticated("This account is disabled. Ask an administrator.")
        return agent

    async def log_out(self, token: str) -> None:
        """End the session of this token."""
        await self._store.end_session(_digest(token))

    async def _by_email(self, email: str) -> Agent:
        agent = await self._store.agent_by_email(email.strip().lower())
        if agent is None:
            raise NotFound(f"There is no agent with the e-mail {email}.")
        return agent

    async def _hash(self, password: str, email: str) -> str:
        if not _MIN_PASSWORD <= len(password) <= _MAX_PASSWORD:
            raise InvalidInput(f"The password must have {_MIN_PASSWORD} to {_MAX_PASSWORD} characters.")
        if password.lower() in {email, email.split("@", maxsplit=1)[0]}:
            raise InvalidInput("The password must not be the e-mail or a part of it.")
        return await asyncio.to_thread(self._hashing.hash, password)

    async def _verify(self, password: str, password_hash: str) -> bool:
        # Argon2 takes tens of ms on purpose: off the event loop.
        return await asyncio.to_thread(self._hashing.verify, password[: _MAX_PASSWORD + 1], password_hash)

    async def _decoy_hash(self) -> str:
        if self._decoy is None:
            self._decoy = await asyncio.to_thread(self._hashing.hash, secrets.token_urlsafe(16))
        return self._decoy

    async def _audit(self, actor: str, action: str, detail: str) -> None:
        entry = AuditEntry(f"au_{secrets.token_hex(12)}", self._clock.now(), actor, action, None, detail)
        await self._store.audit(entry)


def _normal_email(email: str) -> str:
    email = email.strip().lower()
    local, _, domain = email.partition("@")
    if not local or "." not in domain or any(c.isspace() for c in email):
        raise InvalidInput(f"{email!r} is not an e-mail address.")
    return email


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
