"""Agents, sessions, throttles and the audit log in MongoDB."""

from __future__ import annotations

from pymongo.errors import DuplicateKeyError

from ponte.adapters.codec import SESSION, Plain, read_cursor, write_cursor
from ponte.adapters.mongo.documents import agent_document, agent_from, audit_document, audit_from
from ponte.adapters.mongo.store_client import Part
from ponte.domain.agent import Agent, AgentSession
from ponte.errors import InvalidInput, NotFound
from ponte.ports import AuditEntry, AuditFilter, Page

_TAKEN = "Another agent already logs in with this e-mail address."


class MongoAgents(Part):
    """``ponte.ports.AgentStore``."""

    async def add_agent(self, agent: Agent) -> None:
        """Store a new agent. Raises InvalidInput when the e-mail is taken."""
        if not await self._agents.insert(agent_document(agent)):
            raise InvalidInput(_TAKEN)

    async def update_agent(self, agent: Agent) -> None:
        """Replace an agent. Raises NotFound, or InvalidInput when the e-mail is another's."""
        changes = agent_document(agent)
        try:
            found = await self._agents.change({"_id": changes.pop("_id")}, {"$set": changes})
        except DuplicateKeyError as error:
            raise InvalidInput(_TAKEN) from error
        if not found:
            raise NotFound(f"There is no agent {agent.id}.")

    async def agent(self, agent_id: str) -> Agent:
        """Return an agent. Raises NotFound."""
        document = await self._agents.first({"_id": agent_id})
        if document is None:
            raise NotFound(f"There is no agent {agent_id}.")
        return agent_from(document)

    async def agent_by_email(self, email: str) -> Agent | None:
        """Return the agent who logs in as ``email``."""
        document = await self._agents.first({"email": email})
        return None if document is None else agent_from(document)

    async def agents(self) -> list[Agent]:
        """Return all agents, by e-mail."""
        return [agent_from(d) for d in await self._agents.find({}, [("email", 1)])]

    async def add_session(self, session: AgentSession) -> None:
        """Store a login."""
        document = SESSION.encode(session)
        document["_id"] = document.pop("token_hash")
        await self._sessions.insert(document)

    async def session(self, token_hash: str) -> AgentSession | None:
        """Return a login by the hash of its token."""
        document = await self._sessions.first({"_id": token_hash})
        return None if document is None else SESSION.decode({**document, "token_hash": document["_id"]})

    async def sessions(self, agent_id: str, now: int, limit: int = 100) -> list[AgentSession]:
        """Return the logins of an agent that are valid at ``now``."""
        where: Plain = {"agent_id": agent_id, "expires_at": {"$gt": now}}
        found = await self._sessions.find(where, [("_id", 1)], limit)
        return [SESSION.decode({**document, "token_hash": document["_id"]}) for document in found]

    async def end_session(self, token_hash: str) -> None:
        """End one login."""
        await self._sessions.delete({"_id": token_hash})

    async def end_sessions(self, agent_id: str) -> int:
        """End all logins of an agent; returns how many there were."""
        return await self._sessions.delete({"agent_id": agent_id})

    async def hit(self, key: str, now: int, window_ms: int) -> int:
        """Count one try under ``key``, see the port."""
        began_after = now - window_ms
        fresh = {"$set": {"began_at": now, "expires_at": now + window_ms, "tries": 1}}
        while True:
            counted = await self._throttles.change_and_get(
                {"_id": key, "began_at": {"$gt": began_after}}, {"$inc": {"tries": 1}}
            )
            if counted is not None:
                return int(counted["tries"])
            try:
                await self._throttles.change(
                    {"_id": key, "began_at": {"$lte": began_after}}, fresh, upsert=True
                )
            except DuplicateKeyError:
                continue  # somebody else began the window just now: count within it
            return 1

    async def forgive(self, key: str) -> None:
        """Forget the tries under ``key``."""
        await self._throttles.delete({"_id": key})

    async def audit(self, entry: AuditEntry) -> None:
        """Record an entry that goes with no commit."""
        await self._audit.insert(audit_document(entry))

    async def audit_log(self, *, conversation_id: str | None = None, limit: int = 100) -> list[AuditEntry]:
        """Return entries, the newest first."""
        where = {} if conversation_id is None else {"conversation_id": conversation_id}
        return [audit_from(d) for d in await self._audit.find(where, [("at", -1), ("_id", -1)], limit)]

    async def audit_page(self, wanted: AuditFilter, *, after: str | None, limit: int) -> Page[AuditEntry]:
        """List entries, see the port."""
        named = {
            "actor": wanted.actor,
            "action": wanted.action,
            "conversation_id": wanted.conversation_id,
        }
        where: Plain = {name: value for name, value in named.items() if value is not None}
        bounds = {"$gte": wanted.since, "$lt": wanted.until}
        if within := {name: at for name, at in bounds.items() if at is not None}:
            where["at"] = within
        if after is not None:
            key, after_id = read_cursor("au", after)
            where["$or"] = [{"at": {"$lt": key}}, {"at": key, "_id": {"$lt": after_id}}]
        found = await self._audit.find(where, [("at", -1), ("_id", -1)], limit + 1)
        items = tuple(audit_from(document) for document in found[:limit])
        more = len(found) > limit and bool(items)
        return Page(items, write_cursor("au", items[-1].at, items[-1].id) if more else None)
