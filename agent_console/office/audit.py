"""The audit log: who did what to which conversation, when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import streamlit as st

from agent_console.formats import date_order, grouped, told_apart
from agent_console.office.tools import Tools
from ponte.domain.agent import Agent
from ponte.errors import InvalidInput
from ponte.office import FIRST_DAY, LAST_DAY, MOST_EXPORTED, days_only
from ponte.ports import AuditEntry, AuditFilter

if TYPE_CHECKING:
    from agent_console.i18n import Catalogue
    from agent_console.view import Plain

PATH: Final = "/agent/office/audit.csv"
_PAGE: Final = 50
_MOST: Final = 1_000
_ROWS: Final = "office-audit-rows"
_ALL: Final = ""
_OTHERS: Final = ("bot", "operator", "worker")
ACTIONS: Final = (
    "claim",
    "transfer",
    "reply",
    "note",
    "return",
    "resolve",
    "reopen",
    "snooze",
    "wake",
    "label",
    "prioritise",
    "mark_handoff",
    "withdraw",
    "retry",
    "login",
    "contact_note",
    "contact_note_deleted",
    "contact_labels",
    "contact_language",
    "contact_export",
    "contact_erase",
    "agent_added",
    "agent_renamed",
    "agent_role",
    "agent_disabled",
    "agent_enabled",
    "password_set",
    "session_ended",
    "sessions_ended",
    "canned_saved",
    "canned_deleted",
    "label_saved",
    "label_deleted",
    "disposition_saved",
    "disposition_restored",
    "audit_exported",
    "prompts_rolled_back",
    "prompts_released",
    "prompts_canary_started",
    "prompts_canary_promoted",
    "prompts_canary_stopped",
    "prompts_canary_rolled_back",
    "examples_exported",
)
"""The actions that can be filtered by."""


def draw(tools: Tools) -> None:
    """Draw the filters, a page of entries, and the way to the file."""
    say = tools.say
    tools.title("office.part.audit", "office.audit.lead")
    most = say("office.audit.csv_most", most=grouped(MOST_EXPORTED, say))
    st.html(f'<p class="pc-report-note">{escape(most)}</p>')
    agents = {one.id: one for one in tools.bridge.run(tools.ponte.staff.agents(tools.agent))}
    wanted = _filters(tools, agents)
    rows_wanted = int(tools.state.get(_ROWS, _PAGE))
    try:
        page = tools.bridge.run(tools.ponte.office.audit(tools.agent, wanted, limit=rows_wanted))
    except InvalidInput:
        st.html(f'<p class="pc-office-said pc-office-bad" role="alert">{escape(say("fail.input"))}</p>')
        return

    def more() -> None:
        tools.state[_ROWS] = min(rows_wanted + _PAGE, _MOST)

    rows = [_row(entry, agents, say) for entry in page.items]
    columns = (
        ("at", "office.audit.at"),
        ("actor", "office.audit.actor"),
        ("action", "office.audit.action"),
        ("conversation", "office.audit.conversation"),
        ("detail", "office.audit.detail"),
    )
    on_more = more if page.next is not None and rows_wanted < _MOST else None
    tools.grid("audit", columns, rows, empty="office.audit.empty", on_more=on_more)
    if page.next is not None and on_more is None:
        told = say("office.audit.cut", shown=grouped(_MOST, say))
        st.html(f'<p class="pc-report-note" role="status">{escape(told)}</p>')


def _filters(tools: Tools, agents: dict[str, Agent]) -> AuditFilter:
    say, state, names = tools.say, tools.state, told_apart(agents.values())

    def actor_label(who: str) -> str:
        return names.get(who) or (actor_name(who, agents, say) if who else say("office.audit.anybody"))

    def reset() -> None:
        state.pop(_ROWS, None)

    with st.container(key="office-tools", horizontal=True, vertical_alignment="bottom", gap="small"):
        actor = st.selectbox(
            say("office.audit.actor"),
            [_ALL, *agents, *_OTHERS],
            format_func=actor_label,
            key="audit-actor",
            on_change=reset,
        )
        act = st.selectbox(
            say("office.audit.action"),
            [_ALL, *ACTIONS],
            format_func=lambda name: action_name(name, say) if name else say("office.audit.anything"),
            key="audit-action",
            on_change=reset,
        )
        conversation = st.text_input(
            say("office.audit.conversation"),
            key="audit-conversation",
            max_chars=200,
            placeholder="cv_…",
            on_change=reset,
        ).strip()
        first, last = _days(tools, reset)
        chosen = {
            "actor": actor,
            "action": act,
            "conversation": conversation,
            "from": str(first or ""),
            "to": str(last or ""),
            "lang": say.locale,
        }
        href = f"{PATH}?{urlencode({name: value for name, value in chosen.items() if value})}"
        st.html(
            f'<a class="pc-office-link st-key-audit-csv" href="{escape(href)}" download>'
            f"{escape(say('office.audit.csv'))}</a>"
        )
    wanted = AuditFilter(actor or None, act or None, conversation or None)
    return days_only(wanted, first, last, tools.bridge.run(tools.ponte.reports.policy()).timezone)


def _days(tools: Tools, reset: Callable[[], None]) -> tuple[date | None, date | None]:
    """Ask for the first and the last day, the company's; None for no bound."""
    first, last = (
        st.date_input(
            tools.say(f"office.audit.{name}"),
            value=None,
            min_value=FIRST_DAY,
            max_value=LAST_DAY,
            format=date_order(tools.say),
            key=f"audit-{name}",
            on_change=reset,
        )
        for name in ("first", "last")
    )
    return first, last


def actor_name(actor: str, agents: dict[str, Agent], say: Catalogue) -> str:
    """Return who did it: an agent's name, or what the process is called."""
    known = agents.get(actor)
    return known.name if known else say.maybe(f"office.actor.{actor}", say("author.former"))


def action_name(action: str, say: Catalogue) -> str:
    """Return what was done in words; what has none stays as it is."""
    return say.maybe(f"office.act.{action}", action)


def _row(entry: AuditEntry, agents: dict[str, Agent], say: Catalogue) -> Plain:
    conversation: Plain = None
    if entry.conversation_id is not None:
        query = urlencode({"p": "inbox", "tab": "all", "c": entry.conversation_id, "lang": say.locale})
        conversation = {"text": entry.conversation_id[:16], "href": f"?{query}", "mono": True}
    detail = "" if entry.detail == entry.actor else entry.detail
    for one in agents.values():
        detail = detail.replace(one.id, one.name)
    return {
        "id": entry.id,
        "cells": {
            "at": {"at": entry.at},
            "actor": actor_name(entry.actor, agents, say),
            "action": action_name(entry.action, say),
            "conversation": conversation,
            "detail": {"sub": detail} if detail else None,
        },
    }
