"""Turn the queue into the plain values that its component draws: tabs, rows, hits, filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from agent_console.board import MOST_ROWS, Board, Wanted
from agent_console.i18n import LOCALES, Catalogue
from agent_console.queue_data import Queue, Tab
from agent_console.view import agent_name, name_of, number_of, spoken
from ponte.domain.agent import Permission
from ponte.domain.contact import Contact
from ponte.domain.conversation import HIGHEST_PRIORITY, Conversation, Status
from ponte.domain.searching import Query, excerpt, joined_text, query_of
from ponte.domain.window import window_expires_at
from ponte.ports import Hit

if TYPE_CHECKING:
    from agent_console.view import Plain

LANGUAGES: Final = LOCALES
_MOST_LABELS: Final = 3
_BY_FAR: Final = 3


def queue(
    board: Board,
    say: Catalogue,
    wanted: Wanted,
    *,
    model: bool,
    labels: Sequence[tuple[str, str]],
    notice: str | None = None,
) -> dict[str, Plain]:
    """Return what the queue component draws.

    Args:
        board: what was read.
        say: the words.
        wanted: what the tab looks at.
        model: whether a language model answers.
        labels: the office's labels, each with its colour's name.
        notice: what to tell about the last action in the queue.
    """
    found = board.queue
    return {
        "locale": say.locale,
        "now": board.now,
        "me": {"id": board.agent.id, "name": board.agent.name, "role": say(f"role.{board.agent.role}")},
        # Who cannot set one up need not read of it.
        "model": model or not board.agent.may(Permission.ENGINEER),
        "works": board.agent.may(Permission.WORK),
        "notice": notice,
        "tabs": [
            {"id": t.value, "label": say(f"tab.{t}"), "count": found.counts.get(t), "on": t is wanted.tab}
            for t in Tab
            if t is not Tab.SNOOZED or wanted.tab is t or found.counts.get(t)
        ],
        "badge": found.counts.get(Tab.WAITING, 0) + found.unread,
        "searching": found.hits is not None,
        "search": wanted.search,
        "filters": _filters(wanted, say, labels),
        "rows": _Entries(board, say, wanted, dict(labels)).all(),
        "more": found.more,
        "cut": say("queue.cut", count=wanted.rows) if found.more and wanted.rows >= MOST_ROWS else None,
        "empty": _empty(wanted, found, say),
        "texts": dict(say.part("queue.", "app.", "bell.", "keys.", "alert.", "presence.")),
    }


def _empty(wanted: Wanted, found: Queue, say: Catalogue) -> str:
    if found.hits is not None:
        return say("queue.empty.search")
    return say("queue.empty.filtered" if wanted.filters else f"queue.empty.{wanted.tab}")


def _filters(wanted: Wanted, say: Catalogue, labels: Sequence[tuple[str, str]]) -> dict[str, Plain]:
    chosen = wanted.filters
    names = [name for name, _ in labels]
    if chosen.label is not None and chosen.label not in names:
        names.insert(0, chosen.label)
    return {
        "on": bool(chosen),
        "label": chosen.label or "",
        "labels": [*names],
        "language": chosen.language or "",
        "languages": [{"id": tag, "label": _language(tag, say)} for tag in LANGUAGES],
        "priority": "" if chosen.priority is None else str(chosen.priority),
        "priorities": [
            {"id": str(p), "label": say(f"priority.{p}")} for p in range(HIGHEST_PRIORITY, -1, -1)
        ],
    }


class _Entries:
    """Builds rows and hits.

    Args:
        board: what was read.
        say: the words.
        wanted: what the tab looks at.
        colours: the labels' colours by name.
    """

    def __init__(self, board: Board, say: Catalogue, wanted: Wanted, colours: dict[str, str]) -> None:
        self._board = board
        self._say = say
        self._wanted = wanted
        self._colours = colours

    def all(self) -> list[Plain]:
        """Return the hits while something is searched for, else the rows."""
        found = self._board.queue
        if found.hits is None:
            return [self._row(c, found.contacts.get(c.contact_id)) for c in found.rows]
        query = query_of(self._wanted.search)
        return [{**self._row(hit.conversation, hit.contact), **_hit(hit, query)} for hit in found.hits]

    def _row(self, conversation: Conversation, contact: Contact | None) -> dict[str, Plain]:
        me, say = self._board.agent.id, self._say
        mine = conversation.agent_id == me
        on = conversation.id == self._wanted.conversation_id
        waiting = conversation.status is Status.AWAITING_AGENT
        handoff = conversation.handoff if waiting else None
        language = spoken(conversation, contact)
        closes = window_expires_at(contact.last_inbound_at) if contact is not None else None
        return {
            "id": conversation.id,
            "conversation": conversation.id,
            "name": name_of(contact),
            "status": conversation.status.value,
            "label": say(f"status.{conversation.status}"),
            "preview": conversation.preview,
            "unread": 0 if on and mine else conversation.unread,
            "at": (conversation.waiting_since if waiting else None) or conversation.updated_at,
            "waiting": waiting,
            "owed": conversation.unanswered_since if mine else None,
            "why": (handoff.reason or say(f"trigger.{handoff.trigger}")) if handoff else None,
            **self._late(conversation, waiting=waiting),
            "trigger": say(f"trigger.{handoff.trigger}") if handoff else None,
            "summary": handoff.summary if handoff else None,
            "language": language.partition("-")[0].upper(),
            "language_name": _language(language, say),
            "holder": self._holder(conversation),
            "snoozed": conversation.snoozed_until,
            "window": closes if conversation.human else None,
            "on": on,
            **self._filed(conversation),
        }

    def _late(self, conversation: Conversation, *, waiting: bool) -> dict[str, Plain]:
        """Return when the wait, or the answer that is owed, misses its target, and when it does by far."""
        policy = self._board.policy
        since, target = conversation.unanswered_since, policy.first_reply_ms
        if waiting:
            since, target = conversation.waiting_since, policy.wait_ms
        if since is None or target is None:
            return {"late": None, "very_late": None}
        return {"late": policy.due(since, target), "very_late": policy.due(since, _BY_FAR * target)}

    def _holder(self, conversation: Conversation) -> str | None:
        if conversation.status is not Status.AGENT_ACTIVE:
            return None
        if conversation.agent_id == self._board.agent.id:
            return self._say("queue.you")
        name = agent_name(self._board.agents, conversation.agent_id, self._say)
        return self._say("queue.with", name=name)

    def _filed(self, conversation: Conversation) -> dict[str, Plain]:
        priority = conversation.priority
        shown = conversation.labels[:_MOST_LABELS]
        return {
            "priority": priority,
            "priority_name": self._say(f"priority.{priority}") if priority else None,
            "labels": [{"name": name, "colour": self._colours.get(name, "")} for name in shown],
            "more_labels": len(conversation.labels) - len(shown),
        }


def _hit(hit: Hit, query: Query) -> dict[str, Plain]:
    """Return what a hit has in place of a preview: the text found, in parts that are marked or not."""
    parts: list[Plain] = []
    if hit.message is None:
        number = number_of(hit.contact)
        if number != hit.contact.name:
            parts.append({"text": number, "on": bool(query.digits)})
        return {"id": f"c-{hit.contact.id}", "parts": parts, "hit": "contact"}
    files = [media.text for media in hit.message.media]
    text, marks = excerpt(joined_text(hit.message.body, files), query)
    end = 0
    for start, stop in marks:
        parts += [{"text": text[end:start], "on": False}, {"text": text[start:stop], "on": True}]
        end = stop
    parts.append({"text": text[end:], "on": False})
    at = hit.message.created_at
    return {"id": f"m-{hit.message.id}", "parts": parts, "hit": "message", "at": at, "seq": hit.message.seq}


def _language(tag: str, say: Catalogue) -> str:
    return say.maybe(f"language.{tag.partition('-')[0].lower()}", tag)
