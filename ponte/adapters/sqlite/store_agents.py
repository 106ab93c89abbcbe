"""Agents, sessions, throttles and the audit log in SQLite."""

from __future__ import annotations

import sqlite3
from functools import partial

from ponte.adapters.codec import AGENT, AUDIT, SESSION, Plain, read_cursor, write_cursor
from ponte.adapters.sqlite.store_commit import NOTE
from ponte.adapters.sqlite.store_rows import Part, Row, first
from ponte.domain.agent import Agent, AgentSession
from ponte.errors import InvalidInput, NotFound
from ponte.ports import AuditEntry, AuditFilter, Page

# Later than any moment.
_END = 2**62

_AGENT = "SELECT id, email, name, role, password_hash, created_at, disabled FROM agents"
_AUDIT = "SELECT id, at, actor, action, conversation_id, detail FROM audit"

ADD_AGENT = """
    INSERT INTO agents (id, email, name, role, password_hash, created_at, disabled)
    VALUES (:id, :email, :name, :role, :password_hash, :created_at, :disabled)
"""
UPDATE_AGENT = """
    UPDATE agents SET email = :email, name = :name, role = :role, password_hash = :password_hash,
        created_at = :created_at, disabled = :disabled
    WHERE id = :id
"""
AGENT_BY_ID = f"{_AGENT} WHERE id = :id"
AGENT_BY_EMAIL = f"{_AGENT} WHERE email = :email"
AGENTS = f"{_AGENT} WHERE email >= '' ORDER BY email"
ADD_SESSION = """
    INSERT INTO sessions (token_hash, agent_id, created_at, expires_at)
    VALUES (:token_hash, :agent_id, :created_at, :expires_at)
"""
SESSION_BY_HASH = (
    "SELECT token_hash, agent_id, created_at, expires_at FROM sessions WHERE token_hash = :token_hash"
)
SESSIONS = (
    "SELECT token_hash, agent_id, created_at, expires_at FROM sessions WHERE agent_id = :agent_id "
    "AND expires_at > :now LIMIT :limit"
)
END_SESSION = "DELETE FROM sessions WHERE token_hash = :token_hash"
END_SESSIONS = "DELETE FROM sessions WHERE agent_id = :agent_id"
HIT = """
    INSERT INTO throttles (key, began_at, expires_at, tries) VALUES (:key, :now, :now + :window, 1)
    ON CONFLICT (key) DO UPDATE SET
        tries = CASE WHEN began_at + :window > :now THEN tries + 1 ELSE 1 END,
        expires_at = CASE WHEN began_at + :window > :now THEN began_at ELSE :now END + :window,
        began_at = CASE WHEN began_at + :window > :now THEN began_at ELSE :now END
    RETURNING tries
"""
FORGIVE = "DELETE FROM throttles WHERE key = :key"
LOG = f"{_AUDIT} ORDER BY at DESC, id DESC LIMIT :limit"
LOG_OF_CONVERSATION = (
    f"{_AUDIT} WHERE conversation_id = :conversation_id ORDER BY at DESC, id DESC LIMIT :limit"
)
_NEWEST = "AND (at, id) < (:key, :after_id) AND at >= :since ORDER BY at DESC, id DESC LIMIT :limit"
# SQLite's parameters cannot be in an index's choice: a statement for each filter.
PAGE_OF_ALL = f"{_AUDIT} WHERE TRUE {_NEWEST}"
PAGE_OF_ACTOR = f"{_AUDIT} WHERE actor = :actor {_NEWEST}"
PAGE_OF_ACTION = f"{_AUDIT} WHERE action = :action {_NEWEST}"
PAGE_OF_BOTH = f"{_AUDIT} WHERE actor = :actor AND action = :action {_NEWEST}"
PAGE_OF_CONVERSATION = f"""
    {_AUDIT} WHERE conversation_id = :conversation_id AND actor = coalesce(:actor, actor)
    AND action = coalesce(:action, action) {_NEWEST}
"""


class SqliteAgents(Part):
    """``ponte.ports.AgentStore``."""

    async def add_agent(self, agent: Agent) -> None:
        """Store a new agent. Raises InvalidInput when the e-mail is taken."""
        await self._engine.write(partial(_put_agent, ADD_AGENT, AGENT.encode(agent)))

    async def update_agent(self, agent: Agent) -> None:
        """Replace an agent. Raises NotFound, or InvalidInput when the e-mail is another's."""
        if await self._engine.write(partial(_put_agent, UPDATE_AGENT, AGENT.encode(agent))) == 0:
            raise NotFound(f"There is no agent {agent.id}.")

    async def agent(self, agent_id: str) -> Agent:
        """Return an agent. Raises NotFound."""
        row = await self._engine.look(lambda db: first(db, AGENT_BY_ID, {"id": agent_id}))
        if row is None:
            raise NotFound(f"There is no agent {agent_id}.")
        return _agent_from(row)

    async def agent_by_email(self, email: str) -> Agent | None:
        """Return the agent who logs in as ``email``."""
        row = await self._engine.read(lambda db: first(db, AGENT_BY_EMAIL, {"email": email}))
        return None if row is None else _agent_from(row)

    async def agents(self) -> list[Agent]:
        """Return all agents, by e-mail."""
        rows = await self._engine.read(lambda db: db.execute(AGENTS).fetchall())
        return [_agent_from(row) for row in rows]

    async def add_session(self, session: AgentSession) -> None:
        """Store a login."""
        values = SESSION.encode(session)
        await self._engine.write(lambda db: db.execute(ADD_SESSION, values).rowcount)

    async def session(self, token_hash: str) -> AgentSession | None:
        """Return a login by the hash of its token."""
        row = await self._engine.look(lambda db: first(db, SESSION_BY_HASH, {"token_hash": token_hash}))
        return None if row is None else AgentSession(*row)

    async def sessions(self, agent_id: str, now: int, limit: int = 100) -> list[AgentSession]:
        """Return the logins of an agent that are valid at ``now``."""
        values = {"agent_id": agent_id, "now": now, "limit": limit}
        rows = await self._engine.read(lambda db: db.execute(SESSIONS, values).fetchall())
        return [AgentSession(*row) for row in rows]

    async def end_session(self, token_hash: str) -> None:
        """End one login."""
        await self._engine.write(lambda db: db.execute(END_SESSION, {"token_hash": token_hash}).rowcount)

    async def end_sessions(self, agent_id: str) -> int:
        """End all logins of an agent; returns how many there were."""
        return await self._engine.write(lambda db: db.execute(END_SESSIONS, {"agent_id": agent_id}).rowcount)

    async def hit(self, key: str, now: int, window_ms: int) -> int:
        """Count one try under ``key``, see the port."""
        values = {"key": key, "now": now, "window": window_ms}
        return await self._engine.write(lambda db: int(db.execute(HIT, values).fetchall()[0][0]))

    async def forgive(self, key: str) -> None:
        """Forget the tries under ``key``."""
        await self._engine.write(lambda db: db.execute(FORGIVE, {"key": key}).rowcount)

    async def audit(self, entry: AuditEntry) -> None:
        """Record an entry that goes with no commit."""
        values = AUDIT.encode(entry)
        await self._engine.write(lambda db: db.execute(NOTE, values).rowcount)

    async def audit_log(self, *, conversation_id: str | None = None, limit: int = 100) -> list[AuditEntry]:
        """Return entries, the newest first."""
        sql = LOG if conversation_id is None else LOG_OF_CONVERSATION
        values = {"conversation_id": conversation_id, "limit": limit}
        rows = await self._engine.read(lambda db: db.execute(sql, values).fetchall())
        return [AuditEntry(*row) for row in rows]

    async def audit_page(self, wanted: AuditFilter, *, after: str | None, limit: int) -> Page[AuditEntry]:
        """List entries, see the port."""
        end = (_END if wanted.until is None else wanted.until, "")
        key, after_id = end if after is None else min(end, read_cursor("au", after))
        values = {
            "since": wanted.since or 0,
            "actor": wanted.actor,
            "action": wanted.action,
            "conversation_id": wanted.conversation_id,
            "key": key,
            "after_id": after_id,
            "limit": limit + 1,
        }
        rows = await self._engine.read(lambda db: db.execute(_page_of(wanted), values).fetchall())
        items = tuple(AuditEntry(*row) for row in rows[:limit])
        more = len(rows) > limit and bool(items)
        return Page(items, write_cursor("au", items[-1].at, items[-1].id) if more else None)


def _page_of(wanted: AuditFilter) -> str:
    if wanted.conversation_id is not None:
        return PAGE_OF_CONVERSATION
    if wanted.actor is not None:
        return PAGE_OF_ACTOR if wanted.action is None else PAGE_OF_BOTH
    return PAGE_OF_ALL if wanted.action is None else PAGE_OF_ACTION


def _put_agent(sql: str, values: Plain, connection: sqlite3.Connection) -> int:
    try:
        return connection.execute(sql, values).rowcount
    except sqlite3.IntegrityError as error:
        raise InvalidInput("Another agent already logs in with this e-mail address.") from error


def _agent_from(row: Row) -> Agent:
    plain = dict(zip(AGENT.names, row, strict=True))
    plain["disabled"] = bool(plain["disabled"])
    return AGENT.decode(plain)
