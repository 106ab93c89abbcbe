"""The frame of every page: language, style, who looks, the rail that leads to the pages, and permission.

A page is named in the address (``/agent?p=reports``); without a name it is the inbox. Each page asks for its
permission here, on the server, whatever the rail shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import streamlit as st

from agent_console import assets, cookies
from agent_console.bridge import Bridge, current
from agent_console.components import mount
from agent_console.i18n import LOCALES, Catalogue, catalogue, choose
from agent_console.office.tools import keep_typed
from agent_console.places import floor, inbox, office, prompts, reports
from agent_console.words import alert, unavailable
from ponte.domain.agent import Agent, Permission
from ponte.errors import StoreUnavailable, Unauthenticated

if TYPE_CHECKING:
    from agent_console.view import Plain


@dataclass(frozen=True, slots=True)
class Visit:
    """One run of a page.

    Args:
        bridge: to the shell.
        token: the session token of whoever looks.
        agent: who that is.
        say: the words.
    """

    bridge: Bridge
    token: str
    agent: Agent
    say: Catalogue


@dataclass(frozen=True, slots=True)
class Place:
    """A page.

    Args:
        name: in the address; the rail's text is ``rail.<name>``, its icon ``<name>`` of ``common.js``.
        permission: who may see it.
        draw: draws it.
    """

    name: str
    permission: Permission
    draw: Callable[[Visit], None]


PLACES: Final = (
    Place("inbox", Permission.READ, lambda visit: inbox.draw(visit.token, visit.say)),
    Place("floor", Permission.SUPERVISE, floor.draw),
    Place("reports", Permission.SUPERVISE, reports.draw),
    Place("prompts", Permission.PROMPTS, prompts.draw),
    Place("office", Permission.CURATE, office.draw),
)


def render(token: str) -> None:
    """Draw the page that the address names, for the owner of ``token``."""
    default = current().ponte.settings.default_locale
    wishes = [st.query_params.get("lang"), st.context.cookies.get(cookies.LANGUAGE), st.context.locale]
    say = catalogue(choose(wishes, default))
    st.set_page_config(page_title=say("app.title"), page_icon=str(assets.FOLDER / "icon.svg"), layout="wide")
    theme = cookies.theme_of(st.context.cookies)
    scheme = f":root {{ color-scheme: {theme}; }}" if theme else ""
    st.html(f"<style>{_style()}\n{scheme}</style>")
    here = current()
    try:
        agent = here.run(here.ponte.accounts.who(token))
    except Unauthenticated:
        alert(say, "session.ended", link="session.log_in_again")
        return
    except StoreUnavailable:
        keep_typed(st.session_state)
        unavailable(say)
        # It makes the page try again.
        mount("live", "live", {"offline": say("app.offline"), "stale": ""}, {"changed": lambda _: None})
        return
    wanted = st.query_params.get("p", PLACES[0].name)
    place = next((p for p in PLACES if p.name == wanted), PLACES[0])
    mount("rail", "rail", _rail(agent, place, say, theme), {"go": _go})
    if not agent.may(place.permission):
        alert(say, "deny.page")
        return
    place.draw(Visit(here, token, agent, say))


def _rail(agent: Agent, current: Place, say: Catalogue, theme: str) -> dict[str, Plain]:
    return {
        "label": say("rail.label"),
        "places": [
            {"id": p.name, "label": say(f"rail.{p.name}"), "on": p is current}
            for p in PLACES
            if agent.may(p.permission)
        ],
        "me": {"name": agent.name, "role": say(f"role.{agent.role}")},
        "locale": say.locale,
        "locales": [{"id": tag, "label": catalogue(tag)("rail.own_language")} for tag in LOCALES],
        "theme": theme,
        "texts": dict(say.part("app.", "rail.", "alert.")),
    }


def _go(value: object) -> None:
    """Open another page; what the old one had in the address goes."""
    keep = {"lang": lang} if (lang := st.query_params.get("lang")) else {}
    wanted: Mapping[str, str] = {**keep, "p": str(value)}
    st.query_params.from_dict(wanted)


@cache
def _style() -> str:
    sheets = [p for p in sorted(assets.FOLDER.glob("*.css")) if p.name != "login.css"]
    return "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
