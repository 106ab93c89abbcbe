"""The strip under a conversation's head: priority, labels, snooze, reopen, and who else is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from agent_console.board import Board, Opened
from agent_console.components import mount
from agent_console.i18n import Catalogue
from agent_console.queue_actions import QueueActions
from agent_console.rules import held_by_another
from agent_console.session import Session
from agent_console.view import reason_why_not
from ponte.domain.agent import Permission
from ponte.domain.conversation import HIGHEST_PRIORITY, Status

if TYPE_CHECKING:
    from agent_console.view import Plain

_MOST_MS: Final = 2**53


def draw(session: Session, board: Board, opened: Opened, labels: Sequence[tuple[str, str]]) -> None:
    """Draw the strip for the open conversation; ``labels`` are the office's with their colours' names."""
    handle = _Handlers(session, opened.conversation.id)
    handlers = {
        "priority": handle.priority,
        "label": handle.label,
        "snooze": handle.snooze,
        "reopen": handle.reopen,
    }
    mount("triage", "triage", view(board, opened, session.say, labels), handlers)


def view(board: Board, opened: Opened, say: Catalogue, labels: Sequence[tuple[str, str]]) -> dict[str, Plain]:
    """Return what the strip draws."""
    conversation, agent = opened.conversation, board.agent
    works = agent.may(Permission.WORK)
    colours = dict(labels)
    resolved = conversation.status is Status.RESOLVED
    held = conversation.status is Status.AGENT_ACTIVE
    no_snooze = None if works else "deny.role"
    if works and held:
        no_snooze = held_by_another(agent, conversation)
    elif works:
        no_snooze = "deny.snooze"
    return {
        "locale": say.locale,
        "now": board.now,
        "id": conversation.id,
        "works": works,
        "denied": None if works else say("deny.role"),
        "priority": conversation.priority,
        "priorities": [{"id": str(p), "label": say(f"priority.{p}")} for p in range(HIGHEST_PRIORITY + 1)],
        "labels": [{"name": name, "colour": colours.get(name, "")} for name in conversation.labels],
        "known": [name for name, _ in labels if name not in conversation.labels],
        "snoozed": conversation.snoozed_until,
        "no_snooze": reason_why_not(board, no_snooze, say),
        "reopen": resolved,
        "no_reopen": reason_why_not(board, _no_reopen(opened, works=works), say),
        "reopened": conversation.reopened,
        "texts": dict(say.part("triage.", "presence.")),
    }


def _no_reopen(opened: Opened, *, works: bool) -> str | None:
    if not works:
        return "deny.role"
    return "deny.newer" if opened.superseded else None


class _Handlers:
    """What the strip's controls do; each value carries the conversation that it was meant for."""

    def __init__(self, session: Session, conversation_id: str) -> None:
        self._session = session
        self._id = conversation_id
        self._actions = QueueActions(session.bridge.ponte, session.token, session.say)

    def priority(self, value: object) -> None:
        """Raise or lower."""
        if sent := self._sent(value):
            wanted = str(sent.get("priority", ""))
            if wanted.isascii() and wanted.isdigit():
                self._session.act(self._id, self._actions.prioritise(self._id, int(wanted[:3])))

    def label(self, value: object) -> None:
        """Put a label on, or take one off."""
        if sent := self._sent(value):
            add, remove = ([str(sent[name])] if sent.get(name) else [] for name in ("add", "remove"))
            self._session.act(self._id, self._actions.label(self._id, add, remove))

    def snooze(self, value: object) -> None:
        """Put off, or take back."""
        if (sent := self._sent(value)) is None:
            return
        until = sent.get("until")
        if until is None or (isinstance(until, int | float) and 0 < until < _MOST_MS):
            moment = None if until is None else int(until)
            self._session.act(self._id, self._actions.snooze(self._id, moment))

    def reopen(self, value: object) -> None:
        """Open again."""
        if self._sent(value):
            self._session.act(self._id, self._actions.reopen(self._id), mine=True)

    def _sent(self, value: object) -> Mapping[str, object] | None:
        """A click that was on its way when another conversation was opened is not meant for that one."""
        if isinstance(value, Mapping) and value.get("id") == self._id:
            return value
        return None
