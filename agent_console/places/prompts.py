"""Prompts: versions and differences, the last evaluation, the decision ledger, and the playground."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Final

import streamlit as st

from agent_console import bridge
from agent_console.i18n import catalogue
from agent_console.office.tools import Tools
from agent_console.places.away import away
from agent_console.places.office import choose_part
from agent_console.prompting import evals, ledger, playground, versions
from agent_console.words import alert
from ponte.domain.agent import Permission
from ponte.errors import Forbidden, StoreUnavailable, Unauthenticated

if TYPE_CHECKING:
    from agent_console.frame import Visit

PARTS: Final[dict[str, tuple[Permission, Callable[[Tools], None]]]] = {
    "versions": (Permission.PROMPTS, versions.draw),
    "diff": (Permission.PROMPTS, versions.diff),
    "evals": (Permission.PROMPTS, evals.draw),
    "ledger": (Permission.PROMPTS, ledger.draw),
    "try": (Permission.ENGINEER, playground.draw),
}
_PART: Final = "prompts-part"
_NEXT: Final = "prompts-part-next"


def draw(visit: Visit) -> None:
    """Draw the page."""
    with st.container(key="page", gap="small"):
        _prompts(visit.token, visit.say.locale)


@st.fragment
def _prompts(token: str, locale: str) -> None:
    say, here = catalogue(locale), bridge.current()
    try:
        agent = here.run(here.ponte.accounts.who(token))
        st.html(f'<h1 class="pc-page-title">{escape(say("prompts.title"))}</h1>')
        allowed = [name for name, (permission, _) in PARTS.items() if agent.may(permission)]
        tools = Tools(here, token, agent, say)
        if (wanted := tools.state.pop(_NEXT, None)) in allowed:
            tools.state[_PART] = wanted
        chosen = choose_part(tools, allowed, _PART, "prompts")
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
