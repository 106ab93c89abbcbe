"""The floor: who waits and since when, who is here, and what each agent holds. For supervisors.

One fragment, as the inbox: the wire to the server makes it run again when a conversation changed. Who is here
shows itself by the seconds, not by changes, so it is looked at again once in a while anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import streamlit as st

from agent_console import bridge
from agent_console.actions import Actions
from agent_console.components import Handler, mount
from agent_console.floor_view import draw_floor
from agent_console.i18n import catalogue
from agent_console.places.away import away
from agent_console.places.inbox import live_data
from agent_console.queue_data import Tab
from agent_console.words import alert
from ponte.errors import Forbidden, StoreUnavailable, Unauthenticated

if TYPE_CHECKING:
    from agent_console.frame import Visit

_ANYWAY_EVERY_S: Final = 10
_NOTICE: Final = "floor-notice"
_LEAVING: Final = "floor-leaving"


def draw(visit: Visit) -> None:
    """Draw the page."""
    st.session_state.pop(_LEAVING, None)
    with st.container(key="page", gap=None):
        _floor(visit.token, visit.say.locale)


@st.fragment(run_every=_ANYWAY_EVERY_S)
def _floor(token: str, locale: str) -> None:
    if st.session_state.get(_LEAVING):
        st.rerun()
    say, here = catalogue(locale), bridge.current()
    try:
        agent = here.run(here.ponte.accounts.who(token))
        floor = here.run(here.ponte.floor.look(agent))
    except Unauthenticated:
        alert(say, "session.ended", link="session.log_in_again")
        return
    except Forbidden:
        alert(say, "deny.page")
        return
    except StoreUnavailable:
        away(say)
        return
    data = draw_floor(floor, say, address=_inbox(""), notice=st.session_state.get(_NOTICE))
    handlers: dict[str, Handler] = {
        "open": _listen_in,
        "assign": partial(_assign, token, locale),
        "dismiss": _dismiss,
    }
    mount("floor", "floor", data, handlers)
    mount("live", "live", live_data(say, stale=None), {"changed": lambda _: None})


def _inbox(conversation_id: str) -> str:
    """Return the address of a conversation in the inbox."""
    keep = {"lang": lang} if (lang := st.query_params.get("lang")) else {}
    return "?" + urlencode({**keep, "p": "inbox", "tab": Tab.ALL.value, "c": conversation_id})


def _listen_in(value: object) -> None:
    """Open a conversation in the inbox; who does not hold it only reads there, unless they take it over."""
    keep = {"lang": lang} if (lang := st.query_params.get("lang")) else {}
    st.query_params.from_dict({**keep, "p": "inbox", "tab": Tab.ALL.value, "c": str(value)})
    st.session_state[_LEAVING] = True


def _assign(token: str, locale: str, value: object) -> None:
    """Give a conversation to an agent, or to the queue. ``HandoffDesk`` decides whether that may be."""
    if not isinstance(value, Mapping):
        return
    say, here = catalogue(locale), bridge.current()
    actions = Actions(here.ponte, token, say)
    target = str(value.get("to") or "") or None
    try:
        outcome = here.run(actions.transfer(str(value.get("conversation", "")), target, ""))
    except StoreUnavailable:
        st.session_state[_NOTICE] = {"kind": "bad", "text": say("fail.unavailable")}
        return
    st.session_state[_NOTICE] = {"kind": "good" if outcome.ok else "bad", "text": outcome.text}


def _dismiss(_: object) -> None:
    st.session_state.pop(_NOTICE, None)
