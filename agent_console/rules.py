"""What an agent may do with a conversation now, and if not, why: pure, for the buttons.

The server's rules are those of ``ponte.handoff``, which decides again on every action; these say beforehand
what it would answer, so that a button that cannot work is not offered.
"""

from __future__ import annotations

from dataclasses import dataclass

from ponte.domain.agent import Agent, Permission
from ponte.domain.conversation import Conversation, Status


@dataclass(frozen=True, slots=True)
class Allowed:
    """For each action None when it is allowed, else the catalogue key of why it is not.

    The texts may name ``{name}``: the agent who holds the conversation.
    """

    claim: str | None
    reply: str | None
    note: str | None
    transfer: str | None
    give_back: str | None
    resolve: str | None


def allowed(agent: Agent, conversation: Conversation, *, colleagues: int, opted_out: bool = False) -> Allowed:
    """Return what ``agent`` may do.

    Args:
        agent: who asks.
        conversation: as it is now.
        colleagues: how many agents could take a transfer.
        opted_out: whether the customer wants no messages.
    """
    if not agent.may(Permission.WORK):
        return Allowed(*["deny.role"] * 6)
    held = _not_in_human_hands(conversation) or held_by_another(agent, conversation)
    return Allowed(
        claim=_claim(agent, conversation),
        reply=_reply(agent, conversation, opted_out=opted_out),
        note=None,
        transfer=held or _nowhere_to(conversation, colleagues),
        give_back=held,
        resolve=held,
    )


def _claim(agent: Agent, conversation: Conversation) -> str | None:
    if conversation.status is Status.AGENT_ACTIVE:
        return "deny.yours" if conversation.agent_id == agent.id else "deny.held"
    if conversation.status is Status.BOT_ACTIVE:
        return "deny.not_waiting"
    return "deny.resolved" if conversation.status is Status.RESOLVED else None


def _reply(agent: Agent, conversation: Conversation, *, opted_out: bool) -> str | None:
    if conversation.status is Status.AWAITING_AGENT:
        return "deny.claim_first"
    if why := _not_in_human_hands(conversation) or held_by_another(agent, conversation):
        return why
    return "deny.opted_out" if opted_out else None


def _not_in_human_hands(conversation: Conversation) -> str | None:
    if conversation.status is Status.RESOLVED:
        return "deny.resolved"
    return "deny.with_bot" if conversation.status is Status.BOT_ACTIVE else None


def held_by_another(agent: Agent, conversation: Conversation) -> str | None:
    """Return None when the agent may act on it although another one may hold it, else why not."""
    if agent.may(Permission.OVERRIDE) or conversation.agent_id in {None, agent.id}:
        return None
    return "deny.held"


def _nowhere_to(conversation: Conversation, colleagues: int) -> str | None:
    """A held conversation can always go back to the queue; a waiting one needs somebody to go to."""
    if conversation.status is Status.AGENT_ACTIVE or colleagues:
        return None
    return "deny.nobody_else"
