"""The office: agents, logins, canned replies, labels, dispositions, templates and the audit log."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Final

import streamlit as st

from agent_console import bridge
from agent_console.i18n import catalogue
from agent_console.office import audit, lists, staff
from agent_console.office.tools import Tools
from agent_console.places.away import away
from agent_console.words import alert
from ponte.domain.agent import Permission
from ponte.errors import Forbidden, StoreUnavailable, Unauthenticated

if TYPE_CHECKING:
    from agent_console.frame import Visit

PARTS: Final[dict[str, tuple[Permission, Callable[[Tools], None]]]] = {
    "agents": (Permission.MANAGE, staff.draw),
    "canned": (Permission.CURATE, lists.canned),
    "labels": (Permission.CURATE, lists.labels),
    "dispositions": (Permission.MANAGE, lists.dispositions),
    "templates": (Permission.CURATE, lists.templates),
    "audit": (Permission.MANAGE, audit.draw),
}
_PART: Final = "office-part"


def draw(visit: Visit) -> None:
    """Draw the page."""
    with st.container(key="page", gap="small"):
        _office(visit.token, visit.say.locale)


@st.fragment
def _office(token: str, locale: str) -> None:
    say, here = catalogue(locale), bridge.current()
    try:
        agent = here.run(here.ponte.accounts.who(token))
        st.html(f'<h1 class="pc-page-title">{escape(say("office.title"))}</h1>')
        allowed = [name for name, (permission, _) in PARTS.items() if agent.may(permission)]
        tools = Tools(here, token, agent, say)
        chosen = choose_part(tools, allowed, _PART, "office")
        if chosen is None:
            alert(say, "deny.page")
            return
        PARTS[chosen][1](tools)
    except Unauthenticated:
        alert(say, "session.ended", link="session.log_in_again")
    except Forbidden:
        alert(say, "deny.page")
    except StoreUnavailable:
        away(say)


def choose_part(tools: Tools, allowed: list[str], key: str, area: str) -> str | None:
    """Draw the choice among the parts of a page; returns the chosen one, None when there are none.

    The part is in the address as ``s``, so that a reload and a link find it.
    """
    if not allowed:
        return None
    wanted = st.query_params.get("s", "")
    if key not in tools.state and wanted in allowed:
        tools.state[key] = wanted

    def changed() -> None:
        tools.close()
        st.query_params["s"] = str(tools.state[key])

    chosen = st.segmented_control(
        tools.say(f"{area}.parts"),
        allowed,
        default=None if key in tools.state else allowed[0],
        required=True,
        format_func=lambda name: tools.say(f"{area}.part.{name}"),
        key=key,
        label_visibility="collapsed",
        on_change=changed,
    )
    return chosen if chosen in allowed else allowed[0]
