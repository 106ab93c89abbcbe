"""The report of the last evaluation: how many conversations came out as expected, and which did not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from agent_console.office.tools import Tools

if TYPE_CHECKING:
    from agent_console.i18n import Catalogue

_FORMAT: Final = 1
_MOST: Final = 50
_FAILED: Final = ("failed", "unsteady")

# The report is another program's JSON: every field may be missing.
Found = dict[str, Any]


def draw(tools: Tools) -> None:
    """Draw the report, or say how to get one."""
    say = tools.say
    tools.title("prompts.part.evals", "prompts.evals.lead")
    report = tools.bridge.run(tools.ponte.prompt_desk.report(tools.agent))
    if report is None or report.get("format") != _FORMAT:
        st.html(
            f'<p class="pc-grid-empty" role="status">{escape(say("prompts.evals.none"))} '
            "<code>ponte prompts eval</code></p>"
        )
        return
    st.html(_summary(report, say))
    cases = [case for case in _list(report, "cases") if case.get("status") not in {"passed", "skipped"}]
    if cases:
        st.html(f'<h3 class="pc-office-h2">{escape(say.number("prompts.evals.failures", len(cases)))}</h3>')
        st.html("".join(_case(case, say) for case in cases[:_MOST]))


def _summary(report: Found, say: Catalogue) -> str:
    totals, new = _dict(report, "totals"), _dict(report, "new")
    tiles = [
        (say("prompts.evals.passed"), f"{totals.get('passed', 0)} / {totals.get('cases', 0)}", ""),
        (say("prompts.evals.failed"), str(sum(int(totals.get(name) or 0) for name in _FAILED)), ""),
        (say("prompts.version"), str(new.get("version", "?")), str(new.get("label", ""))),
        (say("prompts.evals.model"), str(report.get("model") or say("prompts.evals.no_model")), ""),
    ]
    at = report.get("at")
    when = f'<time data-at="{int(at)}">{_day(int(at))}</time>' if isinstance(at, int) else ""
    drawn = "".join(
        f"<div><dt>{escape(title)}</dt><dd><b>{escape(value)}</b>"
        + (f"<span>{escape(beside)}</span>" if beside else "")
        + "</dd></div>"
        for title, value, beside in tiles
    )
    compared = _dict(report, "comparison")
    told = ""
    if compared:
        key = "prompts.evals.worse" if compared.get("worse") else "prompts.evals.not_worse"
        bad = " pc-office-bad" if compared.get("worse") else ""
        told = f'<p class="pc-office-said{bad}">{escape(say(key))}</p>'
    return (
        f'<dl class="pc-report-tiles">{drawn}</dl>'
        f'<p class="pc-report-note">{escape(say("prompts.evals.at"))} {when}</p>{told}'
    )


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _case(case: Found, say: Catalogue) -> str:
    runs = _list(case, "runs")
    shown = next((run for run in runs if not run.get("passed")), runs[0] if runs else {})
    body = "".join(_turns(shown, say))
    if shown.get("error"):
        body += f"<p>{escape(str(shown['error']))}</p>"
    body += "".join(_checks(_list(shown, "checks")))
    name = case.get("name") or case.get("id") or "?"
    where = f"{case.get('file', '')}:{case.get('line', '')}"
    return (
        f'<details class="pc-diff"><summary>{escape(str(name))}<span>{escape(where)}</span></summary>'
        f'<div class="pc-eval">{body}</div></details>'
    )


def _turns(run: Found, say: Catalogue) -> Iterator[str]:
    for turn in _list(run, "turns"):
        for text in turn.get("customer") or ():
            yield f'<p class="pc-try-said pc-try-customer">{escape(str(text))}</p>'
        for text in turn.get("bot") or ():
            yield f'<p class="pc-try-said pc-try-bot">{escape(str(text))}</p>'
        if turn.get("handed_over"):
            yield f'<p class="pc-try-why">{escape(say("prompts.try.handed_over"))}</p>'
        yield from _checks(_list(turn, "checks"))


def _checks(checks: list[Found]) -> Iterator[str]:
    for check in checks:
        if not check.get("passed"):
            wanted, found = escape(str(check.get("wanted", ""))), escape(str(check.get("found") or ""))
            yield f'<p class="pc-office-bad pc-eval-check">✗ {escape(str(check.get("kind", "")))}: {wanted}'
            yield f"<span>{found}</span></p>" if found else "</p>"


def _dict(found: Found, key: str) -> Found:
    value = found.get(key)
    return value if isinstance(value, dict) else {}


def _list(found: Found, key: str) -> list[Found]:
    value = found.get(key)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
