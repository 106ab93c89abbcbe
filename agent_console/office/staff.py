"""Agents, their roles, passwords and logins. For administrators."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import TYPE_CHECKING, Final

import streamlit as st

from agent_console.office.tools import Tools, Words, action
from ponte.domain.agent import Agent, Role
from ponte.staff import LONGEST_NAME, session_id

if TYPE_CHECKING:
    from agent_console.view import Plain

_PART: Final = "agents"
_SECRET: Final = "office-secret-of"  # noqa: S105 - where one is kept until it was read, not one itself
_LOGINS: Final = "office-logins-of"
_FORM: Final = Words(bad_input="office.agents.fail.input", bad_state="office.agents.fail.state")
_COLUMNS: Final = (
    ("name", "office.agents.name"),
    ("role", "office.agents.role"),
    ("state", "office.agents.state"),
    ("since", "office.agents.since"),
)


def draw(tools: Tools) -> None:
    """Draw the agents, or the logins of one."""
    agents = {one.id: one for one in tools.bridge.run(tools.ponte.staff.agents(tools.agent))}
    of = agents.get(str(tools.state.get(_LOGINS, "")))
    if of is not None:
        _logins(tools, of)
        return
    tools.title("office.part.agents", "office.agents.lead")
    tools.tell()
    _secret(tools)
    tools.asked()
    editing = tools.editing(_PART)
    if editing is None:
        tools.add_button(_PART, "office.agents.add")
    elif editing == "":
        _add_form(tools)
    elif editing in agents:
        _change_form(tools, agents[editing])
    rows = [_row(tools, one, on=one.id == editing) for one in agents.values()]
    tools.grid(_PART, _COLUMNS, rows, empty="office.agents.empty", on_act=partial(_act, tools, agents))


def _row(tools: Tools, one: Agent, *, on: bool) -> Plain:
    say, own = tools.say, one.id == tools.agent.id
    mine = say("office.agents.own") if own else None
    shut = say("office.agents.is_disabled") if one.disabled else None
    toggle = (
        action("enable", say("office.agents.enable"))
        if one.disabled
        else action("disable", say("office.agents.disable"), mine, bad=True)
    )
    return {
        "id": one.id,
        "name": one.name,
        "on": on,
        "faded": one.disabled,
        "cells": {
            "name": {"text": f"{one.name} ({say('author.you')})" if own else one.name, "sub": one.email},
            "role": say(f"role.{one.role}"),
            "state": {"text": shut, "tone": "warn"} if shut else {"text": say("office.agents.is_active")},
            "since": {"at": one.created_at},
        },
        "actions": [
            action("edit", say("office.edit")),
            action("password", say("office.agents.password"), shut),
            action("logins", say("office.agents.logins")),
            toggle,
        ],
    }


def _act(tools: Tools, agents: dict[str, Agent], agent_id: str, name: str) -> None:
    one, say, staff = agents.get(agent_id), tools.say, tools.ponte.staff
    if one is None:
        return
    if name == "edit":
        tools.edit(_PART, one.id)
    elif name == "logins":
        tools.close()
        tools.state[_LOGINS] = one.id
    elif name == "password":

        async def password(agent: Agent) -> str:
            _, made = await staff.set_password(agent, one.id)
            tools.keep(_SECRET, (one.name, made))
            return say("office.agents.done.password", name=one.name)

        tools.ask(say("office.agents.ask.password", name=one.name), password, _FORM)
    elif name in {"enable", "disable"}:
        disabled = name == "disable"

        async def toggle(agent: Agent) -> str:
            await staff.change(agent, one.id, disabled=disabled)
            return say(f"office.agents.done.{name}", name=one.name)

        if disabled:
            tools.ask(say("office.agents.ask.disable", name=one.name), toggle, _FORM)
        else:
            tools.do(toggle, _FORM)


def _add_form(tools: Tools) -> None:
    say, state = tools.say, tools.state

    def save() -> None:
        email, name = str(state["new-email"]), str(state["new-name"])
        role, typed = Role(state["new-role"]), str(state["new-password"])

        async def add(agent: Agent) -> str:
            added, password = await tools.ponte.staff.add(agent, email, name, role, typed or None)
            if not typed:
                tools.keep(_SECRET, (added.name, password))
            return say("office.agents.done.add", name=added.name)

        if tools.do(add, _FORM):
            tools.close()

    begin = tools.begin({"new-name": "", "new-email": "", "new-role": next(iter(Role)), "new-password": ""})
    with tools.form(_PART, "office.agents.add"):
        st.text_input(
            say("office.agents.name"), value=begin["new-name"], key="new-name", max_chars=LONGEST_NAME
        )
        st.text_input(say("office.agents.email"), value=begin["new-email"], key="new-email", max_chars=320)
        st.selectbox(
            say("office.agents.role"),
            list(Role),
            index=list(Role).index(Role(begin["new-role"])),
            format_func=lambda role: say(f"office.role.{role}"),
            key="new-role",
        )
        st.text_input(
            say("office.agents.password_typed"),
            value=begin["new-password"],
            key="new-password",
            type="password",
            autocomplete="new-password",
            help=say("office.agents.password_help"),
            max_chars=256,
        )
        tools.buttons(save, "office.agents.add_confirm")


def _change_form(tools: Tools, now: Agent) -> None:
    say, state, own, one = tools.say, tools.state, now.id == tools.agent.id, tools.opened(now)

    def save() -> None:
        name, role = str(state[named]), Role(state[ranked])

        async def change(agent: Agent) -> str:
            await tools.ponte.staff.change(
                agent,
                one.id,
                name=None if name == one.name else name,
                role=None if role is one.role else role,
            )
            return say("office.done.saved")

        if tools.do(change, _FORM):
            tools.close()

    named, ranked, roles = f"name-{one.id}", f"role-{one.id}", list(Role)
    begin = tools.begin({named: one.name, ranked: one.role})
    with tools.form(_PART, "office.agents.edit"):
        st.text_input(say("office.agents.name"), value=begin[named], key=named, max_chars=LONGEST_NAME)
        st.selectbox(
            say("office.agents.role"),
            roles,
            index=roles.index(Role(begin[ranked])),
            format_func=lambda role: say(f"office.role.{role}"),
            key=ranked,
            disabled=own,
            help=say("office.agents.own") if own else None,
        )
        tools.buttons(save)


def _secret(tools: Tools) -> None:
    """Show a password that was made, until it was read; nobody sees it again."""
    made = tools.state.get(_SECRET)
    if made is None:
        return
    name, password = made
    with st.container(key="office-secret", gap="small"):
        text = tools.say("office.agents.secret", name=name)
        st.html(f'<p class="pc-office-lead" role="status">{escape(text)}</p>')
        st.code(password, language=None)
        st.button(
            tools.say("office.agents.secret_read"),
            key="office-secret-read",
            on_click=lambda: tools.state.pop(_SECRET, None),
        )


def _logins(tools: Tools, one: Agent) -> None:
    say, staff = tools.say, tools.ponte.staff
    st.button(
        say("office.back"),
        key="office-back",
        icon=":material/arrow_back:",
        on_click=lambda: tools.state.pop(_LOGINS, None),
    )
    st.html(f'<h2 class="pc-office-h2">{escape(say("office.logins.of", name=one.name))}</h2>')
    tools.tell()
    found = tools.bridge.run(staff.sessions(tools.agent, one.id))

    async def all_logins(agent: Agent) -> str:
        return say.number("office.logins.done", await staff.end_sessions(agent, one.id))

    def end(login_id: str, _: str) -> None:
        async def one_login(agent: Agent) -> str:
            await staff.end_session(agent, one.id, login_id)
            return say.number("office.logins.done", 1)

        tools.do(one_login)

    def end_all() -> None:
        tools.do(all_logins)

    rows: list[Plain] = [
        {
            "id": session_id(login),
            "name": one.name,
            "cells": {"since": {"at": login.created_at}, "until": {"at": login.expires_at}},
            "actions": [action("end", say("office.logins.end"), bad=True)],
        }
        for login in found
    ]
    if len(rows) > 1:
        st.button(say("office.logins.end_all"), key="office-end-all", on_click=end_all)
    tools.grid(
        "logins",
        (("since", "office.logins.since"), ("until", "office.logins.until")),
        rows,
        empty="office.logins.empty",
        on_act=end,
    )
