"""What the office and the prompts page share: several parts, of which one is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from agent_console import bridge
from agent_console.i18n import catalogue
from agent_console.office.tools import Tools
from agent_console.places.away import away
from agent_console.words import alert
from ponte.domain.agent import Permission
from ponte.errors import Forbidden, StoreUnavailable, Unauthenticated

if TYPE_CHECKING:
    from agent_console.frame import Visit

Parts = Mapping[str, tuple[Permission, Callable[[Tools], None]]]


def draw_parts(visit: Visit, area: str, parts: Parts) -> None:
    """Draw a page of parts.

    Args:
        visit: the run of the page.
        area: the page's name; its texts are ``<area>.title`` and ``<area>.part.<name>``.
        parts: who may see each, and what draws it, by name.
    """
    with st.container(key="page", gap="small"):
        _page(visit.token, visit.say.locale, area, parts)


@st.fragment
def _page(token: str, locale: str, area: str, parts: Parts) -> None:
    say, here = catalogue(locale), bridge.current()
    try:
        agent = here.run(here.ponte.accounts.who(token))
        st.html(f'<h1 class="pc-page-title">{escape(say(f"{area}.title"))}</h1>')
        allowed = [name for name, (permission, _) in parts.items() if agent.may(permission)]
        tools = Tools(here, token, agent, say)
        chosen = _choose(tools, allowed, area)
        if chosen is None:
            alert(say, "deny.page")
            return
        tools.enter(f"{area}-{chosen}")
        parts[chosen][1](tools)
    except Unauthenticated:
        alert(say, "session.ended", link="session.log_in_again")
    except Forbidden:
        alert(say, "deny.page")
    except StoreUnavailable:
        away(say)


def _choose(tools: Tools, allowed: list[str], area: str) -> str | None:
    """Draw the choice among the parts of a page; returns the chosen one, None when there are none.

    The part is in the address as ``s``, so that a reload and a link find it.
    """
    if not allowed:
        return None
    key = f"{area}-part"
    # What a part's own buttons lead to; once the choice is drawn it can no longer be set.
    following = tools.state.pop(f"{key}-next", None)
    wanted = st.query_params.get("s", "")
    if following in allowed:
        tools.state[key] = following
    elif key not in tools.state and wanted in allowed:
        tools.state[key] = wanted

    def changed() -> None:
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
