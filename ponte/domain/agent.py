"""Agents, their roles and their sessions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody who logs in is there for."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"
    PROMPT_ENGINEER = "prompt_engineer"


class Permission(StrEnum):
    """What a role may do."""

    READ = "read conversations"
    WORK = "claim and answer conversations"
    OVERRIDE = "act on conversations that another agent holds"
    SUPERVISE = "see the floor and the reports"
    PROMPTS = "see the prompt files' versions"
    ENGINEER = "choose which version of the prompt files is served"
    CURATE = "keep canned replies and labels"
    MANAGE = "manage agents, their sessions, dispositions and the audit log"
    ERASE = "export and erase what is kept of customers"


_GRANTS: dict[Role, frozenset[Permission]] = {
    Role.AGENT: frozenset({Permission.READ, Permission.WORK}),
    Role.SUPERVISOR: frozenset(Permission) - {Permission.ERASE, Permission.MANAGE, Permission.ENGINEER},
    Role.ADMIN: frozenset(Permission),
    Role.PROMPT_ENGINEER: frozenset({Permission.READ, Permission.PROMPTS, Permission.ENGINEER}),
}


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody who logs in.

    Args:
        id: opaque.
        email: lower case; what they log in with.
        name: as customers and colleagues see it.
        role: what they are there for.
        password_hash: Argon2id.
        created_at: ms UTC.
        disabled: may not log in any more.
    """

    id: str
    email: str
    name: str
    role: Role
    password_hash: str
    created_at: int
    disabled: bool = False

    def may(self, permission: Permission) -> bool:
        """Tell whether the agent's role grants ``permission``."""
        return permission in _GRANTS[self.role]


@dataclass(frozen=True, slots=True)
class AgentSession:
    """A login. The token itself is never stored.

    Args:
        token_hash: SHA-256 of the bearer token, hex.
        agent_id: whose it is.
        created_at: ms UTC.
        expires_at: ms UTC.
    """

    token_hash: str
    agent_id: str
    created_at: int
    expires_at: int
