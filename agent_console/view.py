"""Turn a board into the plain values that the components in the browser draw.

Pure. Customers' text goes through as text; the components write it with ``textContent`` only. Times stay ms
UTC: the browser knows the agent's time zone and keeps "2 min ago" running by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, TypeAlias

import phonenumbers

from agent_console.board import Board, Opened
from agent_console.files import files
from agent_console.i18n import Catalogue
from agent_console.particulars import particulars
from agent_console.rules import Allowed, allowed
from ponte.answers import ORIGINAL
from ponte.domain.agent import Agent
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation, Handoff, Status
from ponte.domain.message import Author, Kind, Message, MessageStatus
from ponte.domain.office import Disposition
from ponte.domain.twilio_errors import words_for
from ponte.domain.window import window_expires_at, window_open

_TRANSCRIPT: Final = (
    "transcript.",
    "file.",
    "translate.",
    "write.",
    "delivery.retry",
    "delivery.withdraw",
)
Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"


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


def filed_as(disposition: str, known: Iterable[Disposition], say: Catalogue) -> str:
    """Return a disposition in words; one that is not the office's is a rule's, or an integration's."""
    for one in known:
        if one.id == disposition:
            return one.name(say.locale)
    return say.maybe(f"disposition.{disposition}", disposition)


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
        "language": language_name(conversation, say),
        "status": conversation.status.value,
        "status_label": status,
        "waiting_since": conversation.waiting_since,
        "opted_out_at": contact.opted_out_at,
        "window_expires": window_expires_at(contact.last_inbound_at),
        "disposition": say("head.disposition", label=filed_as(filed, board.dispositions, say))
        if filed
        else None,
        "handoff": _handoff(conversation.handoff, say),
        "notice": dict(notice) if notice else None,
        "texts": dict(say.part("head.", "known.", "write.", "app.just_now", "queue.waiting_for")),
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


def transcript(
    board: Board, opened: Opened, rules: Allowed, say: Catalogue, *, aid: bool = False
) -> dict[str, Plain]:
    """Return what the transcript component draws; ``aid``: there is a model to translate."""
    may_retry = rules.reply is None
    return {
        "me": board.agent.id,
        "no_aid": not aid,
        "locale": say.locale,
        "now": board.now,
        "conversation": opened.conversation.id,
        "older": opened.older,
        "messages": [_message(board, m, opened, say, may_retry=may_retry) for m in opened.messages],
        "texts": dict(say.part(*_TRANSCRIPT)),
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
        "foreign": _foreign(message, opened, say),
        "original": dict(message.details).get(ORIGINAL),
        "sources": dict(message.details).get("sources"),
        "status": message.status.value,
        "tick": say(f"delivery.{message.status}") if outbound else None,
        "error": _failure(message.error_code, say) if failed else None,
        "retry": failed and may_retry and message.author is Author.AGENT,
        "withdraw": message.status is MessageStatus.PARKED and may_retry,
        "prompt": say("transcript.prompt", version=message.prompt_version)
        if message.prompt_version
        else None,
    }


def _foreign(message: Message, opened: Opened, say: Catalogue) -> bool:
    """Tell whether a customer's message has words in another language than the agent's."""
    if message.author is not Author.CUSTOMER:
        return False
    spoken = opened.contact.language or opened.conversation.language
    if same_language(spoken, say.locale):
        return False
    return bool(message.body) or any(media.text for media in message.media)


def same_language(one: str, other: str) -> bool:
    """Tell whether two BCP 47 tags are of one language, whatever its region."""
    return one.partition("-")[0].lower() == other.partition("-")[0].lower()


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


def language_name(conversation: Conversation, say: Catalogue) -> str:
    """Return the name of the customer's language in the agent's."""
    return language_of(conversation.language, say)


def language_of(tag: str, say: Catalogue) -> str:
    """Return the name of a language, given as a BCP 47 tag, in the agent's; the tag where it has none."""
    return say.maybe(f"language.{tag.partition('-')[0].lower()}", tag)
