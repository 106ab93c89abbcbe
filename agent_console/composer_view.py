"""What the composer draws. Pure but for the question what Ponte has: a speaker, a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_console.rules import Allowed
from agent_console.view import Plain, language_of, reason_why_not, same_language, window_closed
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
    outcome: dict[str, Plain] | None,
    ponte: Ponte,
) -> dict[str, Plain]:
    """Return what the composer draws.

    ``recent`` holds the keys of the agent's newest stored replies: what the browser still thinks it is
    sending, and is stored already, is done. ``translate`` is the name of the customer's language where it is
    another one than the agent's. ``limits`` has the most bytes of each type of file.
    """
    conversation = opened.conversation
    stem = f"a-{conversation.id}-"
    stored = [m.id.removeprefix(stem) for m in opened.messages if m.id.startswith(stem)]
    spoken = opened.contact.language or conversation.language
    return {
        "conversation": conversation.id,
        "locale": say.locale,
        "me": board.agent.id,
        "customer": spoken,
        "reply": reason_why_not(board, rules.reply, say),
        "note": reason_why_not(board, rules.note, say),
        "may_reply": rules.reply is None,
        "closed": window_closed(board, opened),
        "may_note": rules.note is None,
        "no_voice": None if ponte.voice is not None else say("deny.no_voice"),
        "no_aid": None if ponte.writing.available else say("deny.no_aid"),
        "translate": translated_from(spoken, say),
        "limits": {name: rule.max_bytes for name, rule in RULES.items()},
        "outcome": outcome,
        "recent": [key.rpartition(":")[0] for key in stored[-_RECENT_KEYS:]],
        "texts": dict(say.part(*_WORDS)),
    }


def translated_from(language: str, say: Catalogue) -> str | None:
    """Return the name of a language that is not the agent's; None for the agent's own."""
    return None if same_language(language, say.locale) else language_of(language, say)
