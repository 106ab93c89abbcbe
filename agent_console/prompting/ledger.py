"""The decision ledger: why a human came, or the bot went on, and what agents say of it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import streamlit as st

from agent_console.office.tools import Tools
from ponte.domain.conversation import Trigger
from ponte.domain.decision import MARKS, DecisionFilter, Mark, Outcome
from ponte.prompt_desk import LedgerRow

if TYPE_CHECKING:
    from agent_console.i18n import Catalogue
    from agent_console.view import Plain

PATH: Final = "/agent/prompts/examples.tsv"
_PAGE: Final = 50
_MOST: Final = 1_000
_ROWS: Final = "prompts-ledger-rows"
_ALL: Final = ""
_PERCENT: Final = 100


def draw(tools: Tools) -> None:
    """Draw the filters, a page of decisions, and the way to the examples."""
    say, state = tools.say, tools.state
    tools.title("prompts.part.ledger", "prompts.ledger.lead")
    wanted, mark = _filters(tools)
    limit = int(state.get(_ROWS, _PAGE))
    page = tools.bridge.run(tools.ponte.prompt_desk.ledger(tools.agent, wanted, mark=mark, limit=limit))

    def more() -> None:
        state[_ROWS] = min(limit + _PAGE, _MOST)

    columns = (
        ("at", "office.audit.at"),
        ("what", "prompts.ledger.what"),
        ("scores", "prompts.ledger.scores"),
        ("mark", "prompts.ledger.mark"),
        ("version", "prompts.version"),
        ("conversation", "office.audit.conversation"),
    )
    rows = [_row(row, say) for row in page.items]
    on_more = more if page.next is not None and limit < _MOST else None
    tools.grid("ledger", columns, rows, empty="prompts.ledger.empty", on_more=on_more)


def _filters(tools: Tools) -> tuple[DecisionFilter, Mark | None]:
    say, state = tools.say, tools.state
    versions = [one.version for one in tools.bridge.run(tools.ponte.prompts.history())]

    def reset() -> None:
        state.pop(_ROWS, None)

    def what_is(name: str) -> str:
        named = {_ALL: "prompts.ledger.every", **{o.value: f"prompts.ledger.{o}" for o in Outcome}}
        return say(named[name]) if name in named else say(f"trigger.{name}")

    with st.container(key="office-tools", horizontal=True, vertical_alignment="bottom", gap="small"):
        what = st.selectbox(
            say("prompts.ledger.what"),
            [Outcome.HUMAN.value, *(t.value for t in Trigger), Outcome.BOT.value, _ALL],
            format_func=what_is,
            key="ledger-what",
            on_change=reset,
        )
        mark = st.selectbox(
            say("prompts.ledger.mark"),
            [_ALL, *(m.value for m in MARKS)],
            format_func=lambda name: say(f"mark.{name}") if name else say("prompts.ledger.any_mark"),
            key="ledger-mark",
            on_change=reset,
        )
        version = st.selectbox(
            say("prompts.version"),
            [_ALL, *versions],
            format_func=lambda name: name or say("prompts.ledger.any_version"),
            key="ledger-version",
            on_change=reset,
        )
        href = f"{PATH}?{urlencode({'lang': say.locale})}"
        st.html(
            f'<a class="pc-office-link st-key-examples" href="{escape(href)}" download>'
            f"{escape(say('prompts.ledger.export'))}</a>"
        )
    outcomes = {outcome.value for outcome in Outcome}
    wanted = DecisionFilter(
        outcome=Outcome(what) if what in outcomes else None,
        trigger=Trigger(what) if what and what not in outcomes else None,
        prompt_version=version or None,
    )
    return wanted, Mark(mark) if mark else None


def _row(row: LedgerRow, say: Catalogue) -> Plain:
    decision = row.decision
    query = urlencode({"p": "inbox", "tab": "all", "c": decision.conversation_id, "lang": say.locale})
    chips: list[Plain] = [{"text": say(f"mark.{mark.mark}"), "tone": "warn"} for mark in row.marks]
    what = say(f"trigger.{decision.trigger}") if decision.trigger else say("prompts.ledger.bot")
    return {
        "id": decision.id,
        "cells": {
            "at": {"at": decision.at},
            "what": {"text": what, "sub": decision.phrase or ""},
            "scores": {"sub": scores_of(decision.scores, dict(decision.thresholds), say)},
            "mark": {"chips": chips} if chips else None,
            "version": {"text": decision.prompt_version, "mono": True},
            "conversation": {"text": say("prompts.ledger.open"), "href": f"?{query}"},
        },
    }


def scores_of(scores: tuple[tuple[str, float], ...], bounds: dict[str, float], say: Catalogue) -> str:
    """Return figures in words, with what they were held against."""
    return " · ".join(
        f"{say.maybe(f'figure.{name}', say.maybe(f'trigger.{name}', name))} {_share(value)}"
        + (f" / {_share(bounds[name])}" if name in bounds else "")
        for name, value in scores
    )


def _share(value: float) -> str:
    return f"{round(value * _PERCENT)}%" if 0 <= value <= 1 else f"{value:g}"
