"""The playground: what a version of the prompt files makes of an invented customer, or of a stored one."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

import streamlit as st

from agent_console.office.tools import Tools, Words
from agent_console.prompting import past
from agent_console.prompting.ledger import scores_of
from ponte.domain.agent import Agent
from ponte.domain.trial import Tried, TriedTurn
from ponte.prompt_desk import FILES, LONGEST_TURN, MOST_TURNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_console.i18n import Catalogue

_SAID: Final = "prompts-try-said"
_TRIED: Final = "prompts-tried"
_STORED: Final = "stored"
_WHOM: Final = ("invented", _STORED)
_WORDS: Final = Words(bad_input="prompts.fail.try")
# A version's classifier may have to be trained, and a model thinks for some seconds a message.
_TRY_S: Final = 180.0


def draw(tools: Tools) -> None:
    """Draw the choice of a version and of a customer, and what came of them."""
    say, state = tools.say, tools.state
    tools.title("prompts.part.try", "prompts.try.lead")
    if not tools.ponte.prompt_desk.can_try:
        st.html(f'<p class="pc-grid-empty" role="status">{escape(say("prompts.try.no_lab"))}</p>')
        return
    versions = [one.version for one in tools.bridge.run(tools.ponte.prompts.history())]

    def forget() -> None:
        state.pop(_TRIED, None)
        state[_SAID] = []
        past.forget(tools)

    whom = st.segmented_control(
        say("prompts.try.whom"),
        _WHOM,
        default=_WHOM[0],
        required=True,
        format_func=lambda name: say(f"prompts.try.{name}"),
        key="try-whom",
        label_visibility="collapsed",
    )
    with st.container(key="office-tools", horizontal=True, vertical_alignment="bottom", gap="small"):
        version = st.selectbox(
            say("prompts.version"),
            [FILES, *versions],
            format_func=lambda name: say("prompts.the_files") if name == FILES else name,
            key="try-version",
            on_change=forget,
        )
        if whom != _STORED:
            st.button(say("prompts.try.anew"), key="try-anew", on_click=forget)
    if whom == _STORED:
        past.draw(tools, str(version))
    else:
        _invented(tools, str(version))


def _invented(tools: Tools, version: str) -> None:
    """Draw the conversation so far and the box to go on."""
    say, state = tools.say, tools.state
    tools.tell()
    tried = state.get(_TRIED)
    if isinstance(tried, Tried):
        st.html(_talk(tried, say))
    begin = tools.begin({"try-text": ""})
    with st.form("try", border=False, clear_on_submit=False):
        st.text_area(
            say("prompts.try.customer"),
            value=begin["try-text"],
            key="try-text",
            max_chars=LONGEST_TURN,
            height=80,
        )
        st.form_submit_button(
            say("prompts.try.send"),
            key="try-send",
            type="primary",
            on_click=_send,
            args=(tools, version),
            disabled=len(state.get(_SAID, [])) >= MOST_TURNS,
        )


def _send(tools: Tools, version: str) -> None:
    """Play the conversation from its beginning, with the new message at its end."""
    state, say = tools.state, tools.say
    said = [*state.get(_SAID, []), str(state.get("try-text", "")).strip()]

    async def work(agent: Agent) -> str:
        tools.keep(_TRIED, await tools.ponte.prompt_desk.try_out(agent, version, said))
        return ""

    with st.spinner(say("prompts.try.waits")):
        done = tools.do(work, _WORDS, _TRY_S)
    if done:
        tools.close()
        state[_SAID] = said
        state["try-text"] = ""


def _talk(tried: Tried, say: Catalogue) -> str:
    turns = "".join(part for turn in tried.turns for part in _turn(turn, say))
    told = [
        say("prompts.try.by", version=tried.version),
        say("prompts.try.took", seconds=f"{tried.took_ms / 1000:.1f}"),
    ]
    told.append(say("prompts.try.model" if tried.model else "prompts.try.no_model"))
    error = ""
    if tried.error:
        error = f'<p class="pc-office-said pc-office-bad" role="alert">{escape(tried.error)}</p>'
    return (
        f'<div class="pc-try" role="log" aria-label="{escape(say("prompts.part.try"))}">{turns}</div>{error}'
        f'<p class="pc-report-note">{escape(" ".join(told))}</p>'
    )


def _turn(turn: TriedTurn, say: Catalogue) -> Iterator[str]:
    yield _said("customer", turn.customer, say)
    for answer in turn.answers:
        yield _said("bot", answer, say)
    chips: list[str] = []
    if turn.decision is not None:
        trigger = turn.decision.trigger
        what = say(f"trigger.{trigger}") if trigger else say("prompts.ledger.bot")
        chips.append(f'<span class="pc-chip {"pc-tone-warn" if trigger else ""}">{escape(what)}</span>')
        if figures := scores_of(turn.decision.scores, dict(turn.decision.thresholds), say):
            chips.append(f"<span>{escape(figures)}</span>")
    elif turn.handed_over:
        chips.append(f"<span>{escape(say('prompts.try.with_human'))}</span>")
    chips += [f'<span class="pc-chip">{escape(source)}</span>' for source in turn.sources]
    if chips:
        yield f'<div class="pc-try-why">{"".join(chips)}</div>'


def _said(who: str, text: str, say: Catalogue) -> str:
    speaker = f'<span class="pc-sr">{escape(say(f"author.{who}"))}: </span>'
    return f'<div class="pc-try-said pc-try-{who}">{speaker}{escape(text)}</div>'
