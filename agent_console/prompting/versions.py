"""Which prompt files are served, what was served before, and what changed between two of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Final

import streamlit as st

from agent_console.office.audit import actor_name
from agent_console.office.tools import Tools, Words, action
from ponte.domain.agent import Agent, Permission
from ponte.domain.prompt_version import PromptFault, PromptVersion
from ponte.errors import InvalidInput, NotFound
from ponte.prompt_desk import FILES, PromptsView
from ponte.prompt_diff import DiffLine, FileDiff, LineKind

if TYPE_CHECKING:
    from agent_console.i18n import Catalogue
    from agent_console.view import Plain

_WORDS: Final = Words(bad_state="prompts.fail.unusable")
_FAULTS: Final = 20
_BEFORE: Final = "prompts-before"
_AFTER: Final = "prompts-after"
_SHOWN_OPEN: Final = 6
_MARKS: Final = {LineKind.OLD: "-", LineKind.NEW: "+", LineKind.SAME: " "}


def draw(tools: Tools) -> None:
    """Draw what is served, the history, and the ways back."""
    say = tools.say
    view = tools.bridge.run(tools.ponte.prompt_desk.view(tools.agent))
    agents = {one.id: one for one in tools.bridge.run(tools.ponte.store.agents())}
    tools.title("prompts.part.versions", "prompts.versions.lead")
    tools.tell()
    st.html(_served(view, agents, say))
    _faults(view, say)
    tools.asked()
    may = tools.agent.may(Permission.ENGINEER)
    if view.serving.pinned is not None and may:

        async def release(agent: Agent) -> str:
            await tools.ponte.prompt_desk.release(agent)
            return say("prompts.done.release")

        st.button(
            say("prompts.release"),
            key="prompts-release",
            on_click=tools.ask,
            args=(say("prompts.ask.release"), release, _WORDS, "prompts.release"),
        )

    def act(version: str, name: str) -> None:
        if name == "diff":
            tools.state[_BEFORE], tools.state[_AFTER] = version, view.serving.served or FILES
            # A part that is not drawn has no widget to ask.
            tools.state["prompts-part-next"] = "diff"
            return

        async def roll_back(agent: Agent) -> str:
            await tools.ponte.prompt_desk.roll_back(agent, version)
            return say("prompts.done.rollback", version=version)

        tools.ask(say("prompts.ask.rollback", version=version), roll_back, _WORDS, "prompts.rollback")

    why = None if may else say("prompts.only_read")
    rows = [_row(view, one, why, say) for one in view.versions]
    columns = (
        ("version", "prompts.version"),
        ("state", "prompts.state"),
        ("at", "prompts.first_served"),
        ("files", "prompts.files"),
    )
    tools.grid("versions", columns, rows, empty="prompts.versions.empty", on_act=act)


def _served(view: PromptsView, agents: dict[str, Agent], say: Catalogue) -> str:
    served = view.serving.served
    if served is None:
        return f'<p class="pc-office-said" role="status">{escape(say("prompts.nothing_served"))}</p>'
    said = [say("prompts.served", version=served)]
    if view.serving.pinned is not None:
        who = actor_name(view.serving.changed_by, agents, say)
        said.append(say("prompts.pinned", who=who))
    elif view.folder is not None and view.folder.version != served:
        said.append(say("prompts.differs", version=view.folder.version))
    if view.serving.canary is not None:
        canary = view.serving.canary
        said.append(say("prompts.canary", version=canary.version, percent=f"{canary.percent:g}"))
    return f'<p class="pc-office-said" role="status">{escape(" ".join(said))}</p>'


def _faults(view: PromptsView, say: Catalogue) -> None:
    found: tuple[PromptFault, ...] = ()
    if view.folder is not None:
        found = view.folder.faults
    elif view.status is not None:
        found = view.status.faults
    if not found:
        return
    items = "".join(
        f"<li><code>{escape(_place(fault))}</code> {escape(fault.message)}</li>" for fault in found[:_FAULTS]
    )
    told = escape(say.number("prompts.faults", len(found)))
    st.html(f'<div class="pc-office-said pc-office-bad" role="alert">{told}<ul>{items}</ul></div>')


def _place(fault: PromptFault) -> str:
    return f"{fault.file}:{fault.line}" if fault.line else fault.file


def _row(view: PromptsView, one: PromptVersion, why: str | None, say: Catalogue) -> Plain:
    serving, version = view.serving, one.version
    chips: list[Plain] = []
    if version == serving.served:
        chips.append({"text": say("prompts.is_served"), "tone": "good"})
    if version == serving.pinned:
        chips.append({"text": say("prompts.is_pinned"), "tone": "warn"})
    if serving.canary is not None and version == serving.canary.version:
        chips.append({"text": say("prompts.is_canary"), "tone": "warn"})
    if view.folder is not None and version == view.folder.version:
        chips.append({"text": say("prompts.is_files")})
    now = say("prompts.already") if version == serving.served else None
    return {
        "id": version,
        "name": version,
        "cells": {
            "version": {"text": version, "mono": True},
            "state": {"chips": chips} if chips else None,
            "at": {"at": one.first_served_at},
            "files": str(one.files),
        },
        "actions": [
            action("diff", say("prompts.compare")),
            action("rollback", say("prompts.rollback"), why or now),
        ],
    }


def diff(tools: Tools) -> None:
    """Draw what changed between two versions."""
    say = tools.say
    view = tools.bridge.run(tools.ponte.prompt_desk.view(tools.agent))
    tools.title("prompts.part.diff", "prompts.diff.lead")
    choices = [one.version for one in view.versions]
    labels = {one.version: f"{one.version} · {_day(one.first_served_at)}" for one in view.versions}
    if view.folder is not None:
        choices.insert(0, FILES)
        labels[FILES] = say("prompts.the_files")
    if len(choices) < 2:  # noqa: PLR2004 - a difference has two sides
        st.html(f'<p class="pc-grid-empty" role="status">{escape(say("prompts.diff.one"))}</p>')
        return
    here = view.folder.version if view.folder is not None else choices[0]
    # What is served, or where that is the folder's: what was served before it.
    earlier = [one for one in (view.serving.served, *choices) if one in choices and one not in {here, FILES}]
    defaults = {_BEFORE: earlier[0] if earlier else choices[-1], _AFTER: choices[0]}
    for key, default in defaults.items():
        if tools.state.get(key) not in choices:
            tools.state[key] = default
    with st.container(key="office-tools", horizontal=True, gap="small"):
        before, after = (
            st.selectbox(say(label), choices, format_func=lambda name: labels.get(name, name), key=key)
            for key, label in ((_BEFORE, "prompts.diff.before"), (_AFTER, "prompts.diff.after"))
        )
    try:
        found = tools.bridge.run(tools.ponte.prompt_desk.diff(tools.agent, str(before), str(after)))
    except (InvalidInput, NotFound):
        st.html(f'<p class="pc-office-said pc-office-bad" role="alert">{escape(say("fail.not_found"))}</p>')
        return
    if not found:
        st.html(f'<p class="pc-grid-empty" role="status">{escape(say("prompts.diff.same"))}</p>')
        return
    st.html("".join(_file(one, n < _SHOWN_OPEN, say) for n, one in enumerate(found)))


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def _file(one: FileDiff, shown: bool, say: Catalogue) -> str:  # noqa: FBT001 - whether the part is open
    told = say(f"prompts.diff.{one.state}")
    counts = f"+{one.count(LineKind.NEW)} -{one.count(LineKind.OLD)}" if one.lines else ""
    lines = "".join(_line(line) for line in one.lines)
    if one.cut:
        lines += f'<tr class="pc-diff-gap"><td></td><td>{escape(say("prompts.diff.cut"))}</td></tr>'
    if not lines:
        empty = "prompts.diff.binary_text" if one.state == "binary" else "prompts.diff.ends"
        lines = f'<tr class="pc-diff-gap"><td></td><td>{escape(say(empty))}</td></tr>'
    return (
        f'<details class="pc-diff"{" open" if shown else ""}><summary>{escape(one.path)}'
        f"<span>{escape(told)} {counts}</span></summary>"
        f'<div class="pc-diff-lines" tabindex="0" role="group" aria-label="{escape(one.path)}">'
        f"<table>{lines}</table></div></details>"
    )


def _line(line: DiffLine) -> str:
    if line.kind is LineKind.GAP:
        return '<tr class="pc-diff-gap"><td></td><td>…</td></tr>'
    tag = {LineKind.OLD: "del", LineKind.NEW: "ins"}.get(line.kind)
    text = "".join(_spans(line, tag))
    return (
        f'<tr class="pc-diff-{line.kind}"><td class="pc-diff-mark">{_MARKS[line.kind]}</td>'
        f"<td>{text or '&nbsp;'}</td></tr>"
    )


def _spans(line: DiffLine, tag: str | None) -> Iterator[str]:
    for text, changed in line.spans:
        yield f"<{tag}>{escape(text)}</{tag}>" if changed and tag else escape(text)
