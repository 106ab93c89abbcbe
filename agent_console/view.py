"""Turn a board into the plain values that the components in the browser draw.

Pure. Customers' text goes through as text; the components write it with ``textContent`` only. Times stay ms
UTC: the browser knows the agent's time zone and keeps "2 min ago" running by itself.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

import phonenumbers

from agent_console.board import Board, Opened, Tab
from agent_console.files import files
from agent_console.i18n import Catalogue
from agent_console.particulars import particulars
from agent_console.rules import Allowed, allowed
from ponte.domain.agent import Agent
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation, Handoff, Status
from ponte.domain.message import Author, Kind, Message, MessageStatus
from ponte.domain.twilio_errors import words_for
from ponte.domain.window import window_expires_at, window_open

Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"

_RECENT_KEYS: Final = 20


def name_of(contact: Contact | None) -> str:
    """Return what to call a customer: the profile name, else the number."""
    if contact is None:
        return "?"
    return (contact.name or "").strip() or number_of(contact)


def number_of(contact: Contact) -> str:
    """Return the customer's phone number to read, or the WhatsApp user name where there is no number."""
    return _readable(contact.address.removeprefix("whatsapp:"))


@lru_cache(maxsize=4096)
def _readable(address: str) -> str:
    try:
        number = phonenumbers.parse(address)
    except phonenumbers.NumberParseException:
        return address
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def rules_of(board: Board, opened: Opened) -> Allowed:
    """Return what the board's agent may do with the open conversation."""
    return allowed(
        board.agent,
        opened.conversation,
        colleagues=len(board.takers()),
        opted_out=opened.contact.opted_out_at is not None,
    )


def window_closed(board: Board, opened: Opened) -> bool:
    """Tell whether WhatsApp lets only templates through to the open conversation's customer."""
    return not window_open(opened.contact.last_inbound_at, board.now)


def reason_why_not(board: Board, key: str | None, say: Catalogue) -> str | None:
    """Return the sentence for a key of ``Allowed``, with the holder's name in it; None stays None."""
    if key is None:
        return None
    holder = board.opened.conversation.agent_id if board.opened else None
    return say(key, name=agent_name(board.agents, holder, say))


def agent_name(agents: dict[str, Agent], agent_id: str | None, say: Catalogue) -> str:
    """Return an agent's name; a neutral word for one who is not known any more."""
    agent = agents.get(agent_id) if agent_id else None
    return agent.name if agent else say("author.former")


def queue(board: Board, say: Catalogue, *, tab: Tab, selected: str | None, model: bool) -> dict[str, Plain]:
    """Return what the queue component draws."""
    return {
        "locale": say.locale,
        "now": board.now,
        "me": {"name": board.agent.name, "role": say(f"role.{board.agent.role}")},
        "model": model,
        "tabs": [
            {"id": t.value, "label": say(f"tab.{t}"), "count": board.counts.get(t), "on": t is tab}
            for t in Tab
        ],
        "rows": [_row(board, c, say, selected) for c in board.rows],
        "more": board.more,
        "empty": say(f"queue.empty.{tab}"),
        "texts": dict(say.part("queue.", "app.")),
    }


def _row(board: Board, conversation: Conversation, say: Catalogue, selected: str | None) -> dict[str, Plain]:
    contact = board.contacts.get(conversation.contact_id)
    waiting = conversation.status is Status.AWAITING_AGENT
    mine = conversation.agent_id is not None and conversation.agent_id == board.agent.id
    handoff = conversation.handoff
    holder = None
    if conversation.status is Status.AGENT_ACTIVE:
        other = say("queue.with", name=agent_name(board.agents, conversation.agent_id, say))
        holder = say("queue.you") if mine else other
    on = conversation.id == selected
    return {
        "id": conversation.id,
        "name": name_of(contact),
        "status": conversation.status.value,
        "label": say(f"status.{conversation.status}"),
        "preview": conversation.preview,
        "unread": 0 if on and mine else conversation.unread,
        "at": (conversation.waiting_since if waiting else None) or conversation.updated_at,
        "waiting": waiting,
        "why": (handoff.reason or say(f"trigger.{handoff.trigger}")) if waiting and handoff else None,
        "trigger": say(f"trigger.{handoff.trigger}") if waiting and handoff else None,
        "summary": handoff.summary if waiting and handoff else None,
        "language": conversation.language.partition("-")[0].upper(),
        "language_name": _language(conversation, say),
        "holder": holder,
        "on": on,
    }


def head(board: Board, opened: Opened, say: Catalogue, notice: dict[str, str] | None) -> dict[str, Plain]:
    """Return what the head of the conversation draws."""
    conversation, contact = opened.conversation, opened.contact
    status = say(f"status.{conversation.status}")
    if conversation.status is Status.AGENT_ACTIVE:
        mine = conversation.agent_id == board.agent.id
        name = agent_name(board.agents, conversation.agent_id, say)
        status = f"{status} · {say('queue.you') if mine else say('queue.with', name=name)}"
    filed = conversation.disposition
    return {
        "locale": say.locale,
        "now": board.now,
        "id": conversation.id,
        "name": name_of(contact),
        "number": number_of(contact),
        "language": _language(conversation, say),
        "status": conversation.status.value,
        "status_label": status,
        "waiting_since": conversation.waiting_since,
        "opted_out_at": contact.opted_out_at,
        "window_expires": window_expires_at(contact.last_inbound_at),
        "disposition": say("head.disposition", label=say.maybe(f"disposition.{filed}", filed))
        if filed
        else None,
        "handoff": _handoff(conversation.handoff, say),
        "notice": dict(notice) if notice else None,
        "texts": dict(say.part("head.", "app.just_now", "queue.waiting_for")),
    }


def _handoff(handoff: Handoff | None, say: Catalogue) -> Plain:
    if handoff is None:
        return None
    return {
        "reason": handoff.reason,
        "trigger": say(f"trigger.{handoff.trigger}"),
        "score": say("head.score", percent=round(handoff.score * 100)),
        "summary": handoff.summary,
        "at": handoff.at,
    }


def transcript(board: Board, opened: Opened, rules: Allowed, say: Catalogue) -> dict[str, Plain]:
    """Return what the transcript component draws."""
    may_retry = rules.reply is None
    return {
        "locale": say.locale,
        "now": board.now,
        "conversation": opened.conversation.id,
        "older": opened.older,
        "messages": [_message(board, m, opened, say, may_retry=may_retry) for m in opened.messages],
        "texts": dict(say.part("transcript.", "file.", "delivery.retry", "delivery.withdraw")),
    }


def _message(
    board: Board, message: Message, opened: Opened, say: Catalogue, *, may_retry: bool
) -> dict[str, Plain]:
    failed = message.status is MessageStatus.FAILED
    outbound = message.author is not Author.CUSTOMER and message.kind is not Kind.NOTE
    kind = message.kind
    return {
        "id": message.id,
        "author": message.author.value,
        "kind": kind.value,
        "who": _speaker(board, message, say),
        "body": message.body,
        "label": None if kind is Kind.TEXT else say(f"kind.{kind}"),
        "particulars": dict(particulars(message, opened.messages, say)),
        "files": [*files(message, say)],
        "at": message.created_at,
        "status": message.status.value,
        "tick": say(f"delivery.{message.status}") if outbound else None,
        "error": _failure(message.error_code, say) if failed else None,
        "retry": failed and may_retry and message.author is Author.AGENT,
        "withdraw": message.status is MessageStatus.PARKED and may_retry,
        "prompt": say("transcript.prompt", version=message.prompt_version)
        if message.prompt_version
        else None,
    }


def _speaker(board: Board, message: Message, say: Catalogue) -> str | None:
    """Customers need no name above their bubbles: there is one a conversation."""
    if message.author is Author.CUSTOMER:
        return None
    if message.author is Author.AGENT:
        if message.agent_id == board.agent.id:
            return say("author.you")
        return agent_name(board.agents, message.agent_id, say)
    return say(f"author.{message.author}")


def _failure(code: int | None, say: Catalogue) -> str:
    if code is None:
        return say("error.unknown")
    return words_for(code, say.locale) or say("error.other", code=code)


def composer(
    board: Board, opened: Opened, rules: Allowed, say: Catalogue, outcome: dict[str, Plain] | None
) -> dict[str, Plain]:
    """Return what the composer draws.

    ``recent`` holds the keys of the agent's newest stored replies: what the browser still thinks it is
    sending, and is stored already, is done.
    """
    conversation = opened.conversation
    stem = f"a-{conversation.id}-"
    stored = [m.id.removeprefix(stem) for m in opened.messages if m.id.startswith(stem)]
    return {
        "conversation": conversation.id,
        "reply": reason_why_not(board, rules.reply, say),
        "note": reason_why_not(board, rules.note, say),
        "may_reply": rules.reply is None,
        "parks": window_closed(board, opened),
        "may_note": rules.note is None,
        "outcome": outcome,
        "recent": [key.rpartition(":")[0] for key in stored[-_RECENT_KEYS:]],
        "texts": dict(say.part("reply.")),
    }


def _language(conversation: Conversation, say: Catalogue) -> str:
    tag = conversation.language
    return say.maybe(f"language.{tag.partition('-')[0].lower()}", tag)
