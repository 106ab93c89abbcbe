"""Turn a board into the plain values that the components in the browser draw.

Pure. Customers' text goes through as text; the components write it with ``textContent`` only. Times stay ms
UTC: the browser knows the agent's time zone and keeps "2 min ago" running by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TypeAlias

import phonenumbers

from agent_console.board import Board, Opened
from agent_console.i18n import Catalogue
from agent_console.rules import Allowed, allowed
from ponte.domain.agent import Agent
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation, Handoff, Status
from ponte.domain.office import Disposition
from ponte.domain.window import window_expires_at, window_open

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


def agent_name(agents: Mapping[str, Agent], agent_id: str | None, say: Catalogue) -> str:
    """Return an agent's name; a neutral word for one who is not known any more."""
    agent = agents.get(agent_id) if agent_id else None
    return agent.name if agent else say("author.former")


def filed_as(disposition: str, known: Iterable[Disposition], say: Catalogue) -> str:
    """Return a disposition in words; one that is not the office's is a rule's, or an integration's."""
    for one in known:
        if one.id == disposition:
            return one.name(say.locale)
    return say.maybe(f"disposition.{disposition}", disposition)


def head(
    board: Board,
    opened: Opened,
    say: Catalogue,
    notice: dict[str, str] | None,
    *,
    denied: dict[str, Plain],
    finished: dict[str, Plain] | None = None,
) -> dict[str, Plain]:
    """Return what the head of the conversation draws.

    Args:
        board: what was read.
        opened: the open conversation.
        say: the words.
        notice: what to tell about the last action.
        denied: why the actions below it cannot be used, by name; None for one that can.
        finished: which pop-up's form was done last, and where.
    """
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
        "me": board.agent.id,
        "denied": denied,
        "finished": finished,
        "language": language_of(spoken(conversation, contact), say),
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


def same_language(one: str, other: str) -> bool:
    """Tell whether two BCP 47 tags are of one language, whatever its region."""
    return one.partition("-")[0].lower() == other.partition("-")[0].lower()


def spoken(conversation: Conversation, contact: Contact | None) -> str:
    """Return the customer's language, as a BCP 47 tag: what agents say of it, else what was detected."""
    return (contact.language if contact is not None else None) or conversation.language


def language_of(tag: str, say: Catalogue) -> str:
    """Return the name of a language, given as a BCP 47 tag, in the agent's; the tag where it has none."""
    return say.maybe(f"language.{tag.partition('-')[0].lower()}", tag)
