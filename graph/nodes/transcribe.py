"""``transcribe``: the customer's messages become the text of the turn, and the data beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from langgraph.runtime import Runtime

from graph.context import GraphContext
from graph.customer_text import SELF_CONTAINED, as_data, carried_by, contacts_in
from graph.decisions import decide
from graph.language import detect_language
from graph.media_records import media_of, media_record
from graph.state import InboundRecord, MediaRecord, State
from graph.understanding import sort_of, understand_all
from graph.visible import visible
from ponte.domain.conversation import Trigger
from ponte.domain.message import Author, Kind, Media, MediaError
from ponte.locales import LOCALES

_SILENT_ASKS = 1
# A recogniser's guess of the language needs some words to go by.
_TELLING_WORDS = 4
# Of one turn, for the model; the transcript keeps all. Many files may come in one turn.
_TEXT_CHARS = 30_000
_ATTACHED_CHARS = 40_000


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the turn's files came to.

    Args:
        text: the customer's words of the whole turn, written and spoken.
        attachments: what stands beside them, as JSON objects.
        silent: voice notes in which nobody speaks.
        unread: files and messages that the bot cannot read.
        language: what the recogniser took the language for; None when it did not tell.
    """

    text: str
    attachments: list[str]
    silent: int
    unread: int
    language: str | None


async def transcribe(state: State, runtime: Runtime[GraphContext]) -> State:
    """Begin the turn: clear the last one's records, read text and files, find the language.

    What cannot be read is handed over, caption or not: guessing what it says would be worse. A voice note in
    which nobody can be heard is asked for again, once. A sticker says nothing that needs reading.
    """
    context = runtime.context
    inbound = state["inbound"]
    spoken = state.get("language") or context.agent_locale
    understood = await _understand(inbound, context, spoken)
    heard = _collect(inbound, understood, can_read=context.responder is not None)
    language = detect_language(heard.text, _locale(heard) or spoken)
    change: State = {
        "text": visible(heard.text),
        "attachments": heard.attachments,
        "understood": {key: [media_record(m) for m in files] for key, files in understood.items()},
        "language": language,
        "ask_repeat": False,
        "unheard": 0,
        "unsure": False,
        "leaning": False,
        "unsure_score": None,
        "thresholds": {},
        "judged": None,
        "cannot_open": False,
        "outgoing": [],
        "decision": None,
        "model_failed": False,
        "prompt_version": context.prompts.version,
        "resolved_memory": state.get("resolved_memory") if _resumed_now(state) else None,
    }
    if heard.silent and not heard.text.strip():
        change["unheard"] = state.get("unheard", 0) + 1
        change["ask_repeat"] = not heard.unread and change["unheard"] <= _SILENT_ASKS
    unread = heard.unread + (heard.silent if change["unheard"] > _SILENT_ASKS else 0)
    if not unread:
        return {**change, "unread": 0}
    change["unread"] = state.get("unread", 0) + 1
    policy = context.prompts.handoff.triggers.media
    if policy.enabled and change["unread"] >= policy.after:
        return {**change, **_unreadable(inbound, unread, language, context)}
    beside = as_data({"files_that_cannot_be_opened": unread})
    return {**change, "cannot_open": True, "attachments": [*heard.attachments, beside]}


def _unreadable(inbound: Sequence[InboundRecord], count: int, language: str, context: GraphContext) -> State:
    """Return the change that hands the turn over, and what the customer reads first."""
    decision, key = decide(Trigger.MEDIA, 1.0, context, count=count), "media.unreadable"
    if all(item["kind"] == Kind.UNKNOWN.value for item in inbound if not _self_contained(item)):
        decision["reason"] = context.prompts.text("reason.unknown", context.agent_locale)
        key = "media.unknown"
    body = context.prompts.text(key, language)
    return {"decision": decision, "outgoing": [{"body": body, "author": Author.SYSTEM.value}]}


def _self_contained(item: InboundRecord) -> bool:
    """Return whether a message says all it has to say without a file."""
    return not item["media"] and Kind(item["kind"]) in SELF_CONTAINED


async def _understand(
    inbound: Sequence[InboundRecord], context: GraphContext, language: str
) -> dict[str, list[Media]]:
    """Return the files of each message that has some, understood as far as possible."""
    files = {item["id"]: [media_of(record) for record in _files(item)] for item in inbound}
    flat = [media for one in files.values() for media in one]
    told = iter(await understand_all(flat, context, language, context.limits.media_deadline_ms))
    return {key: [next(told) for _ in one] for key, one in files.items() if one}


def _files(item: InboundRecord) -> list[MediaRecord]:
    return [] if item["kind"] == Kind.STICKER.value else item["media"]


def _collect(
    inbound: Sequence[InboundRecord], understood: Mapping[str, Sequence[Media]], *, can_read: bool
) -> _Heard:
    """Put the turn's words and data together.

    Args:
        inbound: the turn's messages.
        understood: the files by message id.
        can_read: whether a model reads what stands beside the words; else only speech is understood.
    """
    words: list[str] = []
    attachments = carried_by(inbound)
    silent = unread = 0
    language = None
    for item in inbound:
        words.append(item["body"])
        files = understood.get(item["id"], ())
        unread += not files and Kind(item["kind"]) not in SELF_CONTAINED
        for media in files:
            sort = sort_of(media)
            spoken = sort in {"audio", "video"}
            if media.error is MediaError.SILENT:
                silent += 1
                attachments.append(as_data({"voice_note": "nobody could be heard"}))
            elif not media.text or not (spoken or can_read):
                unread += 1
            elif spoken:
                words.append(media.text)
                language = language or media.language
                if sort == "video":
                    attachments.append(as_data({"video": "its sound was heard; its pictures were not seen"}))
            else:
                room = max(0, _ATTACHED_CHARS - sum(map(len, attachments)))
                attachments += _attached(item["kind"], replace(media, text=media.text[:room]))
    text = "\n".join(part for part in words if part.strip())
    return _Heard(text[:_TEXT_CHARS], attachments, silent, unread, language)


def _attached(kind: str, media: Media) -> list[str]:
    if kind == Kind.CONTACT.value and (contacts := contacts_in([media])):
        return [as_data(one) for one in contacts]
    what = "picture_as_described_by_a_model" if sort_of(media) == "image" else "document"
    return [as_data({what: {"name": media.name, "text": media.text} if media.name else {"text": media.text}})]


def _locale(heard: _Heard) -> str | None:
    """Return the locale that the recogniser's language means, where there were words enough to tell."""
    if heard.language is None or len(heard.text.split()) < _TELLING_WORDS:
        return None
    code = heard.language.partition("-")[0]
    return next((locale for locale in LOCALES if locale.partition("-")[0] == code), None)


def _resumed_now(state: State) -> bool:
    """True when this very turn also ended a human stretch: its memory is part of the turn's result."""
    return state.get("resumed_turn") == state["turn_id"]
