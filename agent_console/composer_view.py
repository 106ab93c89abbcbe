"""What the composer draws. Pure but for the question what Ponte has: a speaker, a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_console.rules import Allowed
from agent_console.view import (
    Plain,
    language_of,
    name_of,
    reason_why_not,
    same_language,
    spoken,
    window_closed,
)
from ponte.domain.media_rules import RULES

if TYPE_CHECKING:
    from agent_console.board import Board, Opened
    from agent_console.i18n import Catalogue
    from ponte.bootstrap import Ponte

_RECENT_KEYS: Final = 20
_WORDS: Final = (
    "reply.",
    "tool.",
    "draft.",
    "attach.",
    "voice.",
    "canned.",
    "template.",
    "translate.",
    "write.",
)


def composer(
    board: Board,
    opened: Opened,
    rules: Allowed,
    say: Catalogue,
    *,
    ponte: Ponte,
) -> dict[str, Plain]:
    """Return what the composer draws.

    ``recent`` holds the keys of agents' newest stored replies and notes: what the browser still thinks it is
    sending, and is stored already, is done. ``translate`` is the name of the customer's language where it is
    another one than the agent's. ``limits`` has the most bytes of each type of file.
    """
    conversation = opened.conversation
    language = spoken(conversation, opened.contact)
    return {
        "conversation": conversation.id,
        "locale": say.locale,
        "me": board.agent.id,
        "name": name_of(opened.contact),
        "customer": language,
        "reply": reason_why_not(board, rules.reply, say),
        "note": reason_why_not(board, rules.note, say),
        "may_reply": rules.reply is None,
        "closed": window_closed(board, opened),
        "may_note": rules.note is None,
        "no_voice": None if ponte.voice is not None else say("deny.no_voice"),
        "no_aid": None if ponte.writing.available else say("deny.no_aid"),
        "translate": translated_from(language, say),
        "limits": {name: rule.max_bytes for name, rule in RULES.items()},
        "recent": _recent(opened),
        "texts": dict(say.part(*_WORDS)),
    }


def _recent(opened: Opened) -> list[Plain]:
    """A reply's key is in the ids of its messages, a note's in its own."""
    reply, note = f"a-{opened.conversation.id}-", f"n-{opened.conversation.id}-"
    keys: list[Plain] = []
    for message in opened.messages:
        if message.id.startswith(reply):
            keys.append(message.id.removeprefix(reply).rpartition(":")[0])
        elif message.id.startswith(note):
            keys.append(message.id.removeprefix(note))
    return keys[-_RECENT_KEYS:]


def translated_from(language: str, say: Catalogue) -> str | None:
    """Return the name of a language that is not the agent's; None for the agent's own."""
    return None if same_language(language, say.locale) else language_of(language, say)
