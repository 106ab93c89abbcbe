"""What the control that rates a handoff shows. Pure."""

from __future__ import annotations

from typing import Final

from agent_console.board import Opened
from ponte.domain.agent import Agent, Permission
from ponte.domain.decision import HandoffMark
from ponte.domain.message import Author

_SHOWN: Final = 60
_MOST: Final = 20


def may_mark(agent: Agent, opened: Opened) -> str | None:
    """Return None when the agent may rate the handoff, else the catalogue key of why not."""
    if not agent.may(Permission.WORK):
        return "deny.role"
    return "deny.no_handoff" if opened.conversation.handoff is None else None


def own_mark(agent: Agent, opened: Opened) -> HandoffMark | None:
    """Return what the agent said last of the conversation's newest handoff."""
    handoff = opened.conversation.handoff
    since = handoff.at if handoff is not None else 0
    own = [mark for mark in opened.marks if mark.agent_id == agent.id and mark.at >= since]
    return own[-1] if own else None


def late_choices(opened: Opened) -> dict[int, str]:
    """Return the customer's messages before the handoff by seq, newest first, each as a short text."""
    found = {
        message.seq: f"{message.seq} · {' '.join(message.body.split())[:_SHOWN]}"
        for message in reversed(opened.messages)
        if message.author is Author.CUSTOMER
        and message.seq <= opened.conversation.handoff_seq
        and message.body
    }
    return dict(list(found.items())[:_MOST])
