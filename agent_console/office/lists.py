"""Canned replies, labels and dispositions, and the templates that Twilio has."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Final

import streamlit as st

from agent_console.i18n import LOCALES
from agent_console.office.tools import Tools, Words, action
from ponte.domain.agent import Agent
from ponte.domain.office import COLOURS, VARIABLES, CannedReply, Disposition, Label
from ponte.domain.templates import Template
from ponte.errors import MessengerError
from ponte.office import LONGEST_BODY, LONGEST_LABEL, LONGEST_NAME, LONGEST_TITLE

if TYPE_CHECKING:
    from agent_console.view import Plain

_CANNED: Final = Words(bad_input="office.canned.fail.input", conflict="office.canned.fail.taken")
_LABEL: Final = Words(bad_input="office.labels.fail.input")
_DISPOSITION: Final = Words(bad_input="office.dispositions.fail.input")
_EVERY: Final = ""
_TONES: Final = {"approved": "good", "pending": "warn", "received": "warn", "rejected": "bad"}


def canned(tools: Tools) -> None:
    """Draw the canned replies with their form."""
    say = tools.say
    found = {one.id: one for one in tools.bridge.run(tools.ponte.office.canned(tools.agent))}
    tools.title("office.part.canned", "office.canned.lead")
    tools.tell()
    tools.asked()
    editing = tools.editing("canned")
    if editing is None:
        tools.add_button("canned", "office.canned.add")
    elif editing == "" or editing in found:
        _canned_form(tools, found.get(editing, CannedReply("", "", "", "")))

    def act(item_id: str, name: str) -> None:
        one = found.get(item_id)
        if one is None:
            return
        if name == "edit":
            tools.edit("canned", item_id)
            return

        async def drop(agent: Agent) -> str:
            await tools.ponte.office.drop_canned(agent, item_id)
            return say("office.done.deleted")

        tools.ask(say("office.ask.delete", name=f"/{one.shortcut}"), drop, done="office.delete")

    rows: list[Plain] = [
        {
            "id": one.id,
            "name": f"/{one.shortcut}",
            "on": one.id == editing,
            "cells": {
                "shortcut": {"text": f"/{one.shortcut}", "mono": True},
                "title": {"text": one.title, "sub": one.body},
                "locale": say(f"language.{one.locale[:2].lower()}") if one.locale else say("office.every"),
            },
            "actions": [action("edit", say("office.edit")), action("drop", say("office.delete"), bad=True)],
        }
        for one in found.values()
    ]
    columns = (
        ("shortcut", "office.canned.shortcut"),
        ("title", "office.canned.text"),
        ("locale", "office.canned.locale"),
    )
    tools.grid("canned", columns, rows, empty="office.canned.empty", on_act=act, wide=("title",))


def _canned_form(tools: Tools, now: CannedReply) -> None:
    say, state, one, office = tools.say, tools.state, tools.opened(now), tools.ponte.office
    key, locales = one.id or "new", [_EVERY, *LOCALES]
    first = {
        "shortcut": one.shortcut,
        "title": one.title,
        "body": one.body,
        "locale": one.locale if one.locale in locales else _EVERY,
    }

    def save() -> None:
        typed = {field: str(state[f"canned-{field}-{key}"]) for field in first}
        changed = {field: text for field, text in typed.items() if text != first[field]}

        async def put(agent: Agent) -> str:
            stored = {each.id: each for each in await office.canned(agent)}
            await office.put_canned(agent, replace(stored.get(one.id, one), **changed))
            return say("office.done.saved")

        if tools.do(put, _CANNED):
            tools.close()

    begin = tools.begin({f"canned-{field}-{key}": text for field, text in first.items()})
    with tools.form("canned", "office.canned.edit" if one.id else "office.canned.add"):
        st.text_input(
            say("office.canned.shortcut"),
            value=begin[f"canned-shortcut-{key}"],
            key=f"canned-shortcut-{key}",
            max_chars=31,
            placeholder=say("office.canned.shortcut_example"),
        )
        st.text_input(
            say("office.canned.title"),
            value=begin[f"canned-title-{key}"],
            key=f"canned-title-{key}",
            max_chars=LONGEST_TITLE,
        )
        st.text_area(
            say("office.canned.body"),
            value=begin[f"canned-body-{key}"],
            key=f"canned-body-{key}",
            max_chars=LONGEST_BODY,
            height=140,
            help=say("office.canned.variables", names=", ".join(f"{{{{{name}}}}}" for name in VARIABLES)),
        )
        st.selectbox(
            say("office.canned.locale"),
            locales,
            format_func=lambda tag: say(f"language.{tag[:2].lower()}") if tag else say("office.every"),
            index=locales.index(begin[f"canned-locale-{key}"]),
            key=f"canned-locale-{key}",
        )
        tools.buttons(save)


def labels(tools: Tools) -> None:
    """Draw the labels with their form."""
    say = tools.say
    found = {one.name: one for one in tools.bridge.run(tools.ponte.office.labels(tools.agent))}
    tools.title("office.part.labels", "office.labels.lead")
    tools.tell()
    tools.asked()
    editing = tools.editing("labels")
    if editing is None:
        tools.add_button("labels", "office.labels.add")
    elif editing == "" or editing in found:
        _label_form(tools, found.get(editing))

    def act(name: str, what: str) -> None:
        if what == "edit":
            tools.edit("labels", name)
            return

        async def drop(agent: Agent) -> str:
            await tools.ponte.office.drop_label(agent, name)
            return say("office.done.deleted")

        tools.ask(say("office.labels.ask.delete", name=name), drop, done="office.delete")

    rows: list[Plain] = [
        {
            "id": one.name,
            "name": one.name,
            "on": one.name == editing,
            "cells": {
                "name": {"text": one.name, "colour": one.colour},
                "colour": say(f"office.colour.{one.colour}"),
            },
            "actions": [
                action("edit", say("office.labels.recolour")),
                action("drop", say("office.delete"), bad=True),
            ],
        }
        for one in found.values()
    ]
    columns = (("name", "office.labels.name"), ("colour", "office.labels.colour"))
    tools.grid("labels", columns, rows, empty="office.labels.empty", on_act=act)


def _label_form(tools: Tools, now: Label | None) -> None:
    say, state, one = tools.say, tools.state, tools.opened(now)
    key = one.name if one else "new"

    def save() -> None:
        name = one.name if one else str(state["label-name-new"])
        wanted = Label(name, str(state[f"label-colour-{key}"]))

        async def put(agent: Agent) -> str:
            if wanted != one:
                await tools.ponte.office.put_label(agent, wanted)
            return say("office.done.saved")

        if tools.do(put, _LABEL):
            tools.close()

    swatches = "".join(
        f'<span class="pc-chip pc-label pc-label-{colour}">{escape(say(f"office.colour.{colour}"))}</span>'
        for colour in COLOURS
    )
    begin = tools.begin({"label-name-new": "", f"label-colour-{key}": one.colour if one else COLOURS[0]})
    with tools.form("labels", "office.labels.recolour" if one else "office.labels.add"):
        if one is None:
            st.text_input(
                say("office.labels.name"),
                value=begin["label-name-new"],
                key="label-name-new",
                max_chars=LONGEST_LABEL,
            )
        st.selectbox(
            say("office.labels.colour"),
            COLOURS,
            format_func=lambda colour: say(f"office.colour.{colour}"),
            index=COLOURS.index(begin[f"label-colour-{key}"]),
            key=f"label-colour-{key}",
        )
        st.html(f'<div class="pc-swatches">{swatches}</div>')
        tools.buttons(save)


def dispositions(tools: Tools) -> None:
    """Draw the dispositions with their form."""
    say = tools.say
    found = {one.id: one for one in tools.bridge.run(tools.ponte.office.dispositions(tools.agent))}
    tools.title("office.part.dispositions", "office.dispositions.lead")
    tools.tell()
    editing = tools.editing("dispositions")
    if editing is None:
        tools.add_button("dispositions", "office.dispositions.add")
    elif editing == "" or editing in found:
        _disposition_form(tools, found.get(editing, Disposition("", (), 0)))
    offered = [one.id for one in found.values() if not one.retired]
    rows: list[Plain] = []
    for one in found.values():
        only = say("office.dispositions.only") if offered == [one.id] else None
        first = say("office.dispositions.first") if one.id == next(iter(found)) else None
        toggle = (
            action("offer", say("office.dispositions.offer"))
            if one.retired
            else action("retire", say("office.dispositions.retire"), only, bad=True)
        )
        rows.append(
            {
                "id": one.id,
                "name": one.name(say.locale),
                "on": one.id == editing,
                "faded": one.retired,
                "cells": {
                    "name": one.name(say.locale),
                    "others": {
                        "sub": " · ".join(text for tag, text in one.names if tag != say.locale and text)
                    },
                    "state": {"text": say("office.dispositions.retired"), "tone": "warn"}
                    if one.retired
                    else say("office.dispositions.offered"),
                },
                "actions": [
                    action("edit", say("office.edit")),
                    action("up", say("office.dispositions.up"), first),
                    toggle,
                ],
            }
        )
    columns = (
        ("name", "office.dispositions.name"),
        ("others", "office.dispositions.others"),
        ("state", "office.agents.state"),
    )
    tools.grid(
        "dispositions",
        columns,
        rows,
        empty="office.labels.empty",
        on_act=partial(_disposition_act, tools, found),
    )


def _disposition_act(tools: Tools, found: dict[str, Disposition], item_id: str, name: str) -> None:
    one, say, office = found.get(item_id), tools.say, tools.ponte.office
    if one is None:
        return
    if name == "edit":
        tools.edit("dispositions", item_id)
        return

    async def toggle(agent: Agent) -> str:
        stored = {each.id: each for each in await office.dispositions(agent)}
        await office.put_disposition(agent, replace(stored.get(item_id, one), retired=name == "retire"))
        return say("office.done.saved")

    async def up(agent: Agent) -> str:
        order = await office.dispositions(agent)
        at = next((n for n, each in enumerate(order) if each.id == item_id), 0)
        if at:
            order[at - 1], order[at] = order[at], order[at - 1]
        for position, each in enumerate(order, 1):
            if each.position != position:
                await office.put_disposition(agent, replace(each, position=position))
        return say("office.done.saved")

    tools.do(up if name == "up" else toggle, _DISPOSITION)


def _disposition_form(tools: Tools, now: Disposition) -> None:
    say, state, one, office = tools.say, tools.state, tools.opened(now), tools.ponte.office
    held, key = dict(one.names), one.id or "new"

    def save() -> None:
        typed = {tag: str(state[f"disposition-{tag}-{key}"]) for tag in LOCALES}
        changed = {tag: text for tag, text in typed.items() if text != held.get(tag, "")}

        async def put(agent: Agent) -> str:
            known = {each.id: each for each in await office.dispositions(agent)}
            stored = known.get(one.id, one)
            names = {**dict(stored.names), **changed}
            await office.put_disposition(agent, replace(stored, names=tuple(names.items())))
            return say("office.done.saved")

        if tools.do(put, _DISPOSITION):
            tools.close()

    begin = tools.begin({f"disposition-{tag}-{key}": held.get(tag, "") for tag in LOCALES})
    with tools.form("dispositions", "office.dispositions.edit" if one.id else "office.dispositions.add"):
        for tag in LOCALES:
            language = say(f"language.{tag[:2].lower()}")
            st.text_input(
                say("office.dispositions.name_in", language=language),
                value=begin[f"disposition-{tag}-{key}"],
                key=f"disposition-{tag}-{key}",
                max_chars=LONGEST_NAME,
            )
        tools.buttons(save)


def templates(tools: Tools) -> None:
    """Draw the templates of the account; they are made and approved at Twilio."""
    say = tools.say
    tools.title("office.part.templates", "office.templates.lead")
    if tools.ponte.templates is None:
        st.html(f'<p class="pc-grid-empty" role="status">{escape(say("office.templates.no_twilio"))}</p>')
        return
    try:
        found = tools.bridge.run(tools.ponte.office.templates(tools.agent))
    except MessengerError:
        st.html(f'<p class="pc-office-said pc-office-bad" role="alert">{escape(say("fail.twilio"))}</p>')
        return
    rows = [_template(tools, one) for one in found]
    columns = (
        ("name", "office.templates.name"),
        ("body", "office.templates.body"),
        ("category", "office.templates.category"),
        ("approval", "office.templates.approval"),
    )
    tools.grid("templates", columns, rows, empty="office.templates.empty", wide=("body",))


def _template(tools: Tools, one: Template) -> Plain:
    say = tools.say
    return {
        "id": one.sid,
        "name": one.name,
        "cells": {
            "name": {"text": one.name, "sub": one.language},
            "body": one.body,
            "category": say.maybe(f"office.category.{one.category.lower()}", one.category) or None,
            "approval": {
                "text": say.maybe(f"office.approval.{one.approval}", one.approval),
                "tone": _TONES.get(one.approval, ""),
            },
        },
    }
