"""The playground's other half: a stored conversation's customer says it again, old and new side by side."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import streamlit as st
from babel.dates import format_datetime

from agent_console.formats import babel_tag
from agent_console.office.tools import Tools, Words
from ponte.domain.agent import Agent
from ponte.domain.office_hours import local
from ponte.domain.trial import Answered, Compared, ComparedTurn, RecentTalk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_console.i18n import Catalogue

_COMPARED: Final = "prompts-compared"
_WORDS: Final = Words(bad_input="prompts.fail.try", missing="prompts.past.missing")
_TYPED: Final = ""
_PREVIEW: Final = 60
_TAIL: Final = 6
_COLUMNS: Final = ("customer", "before", "now")
# Each turn may wait for a model.
_TRY_S: Final = 300.0


def forget(tools: Tools) -> None:
    """Take what was compared off the page: it is of another version."""
    tools.state.pop(_COMPARED, None)


def draw(tools: Tools, version: str) -> None:
    """Draw the choice of a conversation, and what came of it."""
    say, state = tools.say, tools.state
    talks = tools.bridge.run(tools.ponte.prompt_desk.recent(tools.agent))
    timezone = tools.bridge.run(tools.ponte.reports.policy()).timezone
    names = {talk.id: _name(talk, timezone, say) for talk in talks}
    with st.container(key="prompts-past", gap="small"):
        chosen = st.selectbox(
            say("prompts.past.choose"),
            [_TYPED, *names],
            index=1 if names else 0,
            format_func=lambda key: names.get(key) or say("prompts.past.other"),
            key="past-conversation",
        )
        typed = ""
        if chosen == _TYPED:
            typed = st.text_input(
                say("prompts.past.typed"), key="past-typed", max_chars=400, placeholder="cv_…"
            )
        wanted = chosen or conversation_of(typed)
        st.button(
            say("prompts.past.run"),
            key="past-run",
            type="primary",
            on_click=_run,
            args=(tools, version, wanted),
            disabled=not wanted,
        )
    tools.tell()
    compared = state.get(_COMPARED)
    if isinstance(compared, Compared):
        st.html(_table(compared, say))


def conversation_of(typed: str) -> str:
    """Return the conversation that was typed: its id, or an address of the inbox that opens it."""
    named = parse_qs(urlsplit(typed.strip()).query).get("c")
    return named[0] if named else typed.strip()


def _name(talk: RecentTalk, timezone: str, say: Catalogue) -> str:
    at: datetime = local(talk.updated_at, timezone)
    when = format_datetime(at.replace(tzinfo=None), "short", locale=babel_tag(say))
    language = talk.language.partition("-")[0].upper()
    preview = talk.preview if len(talk.preview) <= _PREVIEW else f"{talk.preview[:_PREVIEW].rstrip()}…"
    # Two can be alike in all of that, and a choice goes by its text.
    return f"{when} · {language} · {preview} · {talk.id[-_TAIL:]}"


def _run(tools: Tools, version: str, conversation_id: str) -> None:
    async def work(agent: Agent) -> str:
        compared = await tools.ponte.prompt_desk.try_past(agent, version, conversation_id)
        tools.keep(_COMPARED, compared)
        return ""

    forget(tools)
    with st.spinner(tools.say("prompts.try.waits")):
        tools.do(work, _WORDS, _TRY_S)


def _table(compared: Compared, say: Catalogue) -> str:
    heads = "".join(f'<th scope="col">{escape(say(f"prompts.past.{name}"))}</th>' for name in _COLUMNS)
    rows = "".join(_row(turn, say) for turn in compared.turns)
    told = [
        say("prompts.try.by", version=compared.version),
        say("prompts.try.took", seconds=f"{compared.took_ms / 1000:.1f}"),
        say("prompts.try.model" if compared.model else "prompts.try.no_model"),
    ]
    if compared.cut:
        told.append(say.number("prompts.past.cut", len(compared.turns)))
    error = ""
    if compared.error:
        error = f'<p class="pc-office-said pc-office-bad" role="alert">{escape(compared.error)}</p>'
    return (
        f'<table class="pc-past"><caption class="pc-sr">{escape(say("prompts.past.title"))}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>{error}"
        f'<p class="pc-report-note">{escape(" ".join(told))}</p>'
    )


def _row(turn: ComparedTurn, say: Catalogue) -> str:
    said = "".join(f'<div class="pc-try-said pc-try-customer">{escape(text)}</div>' for text in turn.customer)
    if turn.left_out:
        said += f'<div class="pc-try-why">{escape(say.number("prompts.past.left_out", turn.left_out))}</div>'
    differs = (turn.before.trigger is None) != (turn.now.trigger is None)
    sides = (
        "".join(_side(turn.before, None, say)),
        "".join(_side(turn.now, turn.model_failed, say, differs=differs)),
    )
    cells = "".join(
        f'<td data-label="{escape(say(f"prompts.past.{name}"))}">{content}</td>'
        for name, content in zip(_COLUMNS, (said, *sides), strict=True)
    )
    return f"<tr>{cells}</tr>"


def _side(side: Answered, failed: str | None, say: Catalogue, *, differs: bool = False) -> Iterator[str]:
    if not side.said:
        yield f'<div class="pc-try-why">{escape(say("prompts.past.silent"))}</div>'
    for text in side.said:
        yield f'<div class="pc-try-said pc-try-bot">{escape(text)}</div>'
    chips: list[str] = []
    if side.trigger is not None:
        chips.append(f'<span class="pc-chip pc-tone-warn">{escape(say(f"trigger.{side.trigger}"))}</span>')
    if differs:
        key = "prompts.past.only_before" if side.trigger is None else "prompts.past.only_now"
        chips.append(f'<span class="pc-chip pc-tone-bad">{escape(say(key))}</span>')
    if failed is not None:
        told = escape(say("prompts.past.failed"))
        chips.append(f'<span class="pc-chip pc-tone-bad" title="{escape(failed)}">{told}</span>')
    if chips:
        yield f'<div class="pc-try-why">{"".join(chips)}</div>'
