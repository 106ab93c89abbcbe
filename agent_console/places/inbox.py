"""The inbox: the queue on one side, the open conversation on the other.

All of it is one fragment: the wire to the server (``live.js``) makes it run again when something changed.
Actions run in callbacks, so one run both acts and shows the result.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import streamlit as st

from agent_console import bridge, view
from agent_console.actions import DISPOSITIONS
from agent_console.board import Board, Opened, load
from agent_console.components import mount
from agent_console.i18n import Catalogue, catalogue
from agent_console.rules import Allowed
from agent_console.session import Session
from agent_console.words import alert, unavailable
from ponte.domain.templates import MAX_VARIABLE, fill
from ponte.errors import StoreUnavailable, Unauthenticated

# Only a net under the event stream: changes come through that.
_ANYWAY_EVERY_S: Final = 20
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()#+!|<>~:$-])")


def draw(token: str, say: Catalogue) -> None:
    """Draw the inbox for the owner of ``token``."""
    _board(token, say.locale)


@st.fragment(run_every=_ANYWAY_EVERY_S)
def _board(token: str, locale: str) -> None:
    say = catalogue(locale)
    session = Session(bridge.current(), token, say)
    try:
        board = session.bridge.run(load(session.bridge.ponte, token, session.wanted()))
    except Unauthenticated:
        alert(say, "session.ended", link="session.log_in_again")
        return
    except StoreUnavailable:
        unavailable(say)
        return
    with st.container(key="board", horizontal=True, gap=None, wrap=False):
        with st.container(key="queue-pane", gap=None):
            _queue(session, board)
        with st.container(key="conversation-pane", gap=None):
            _conversation(session, board)
    mount("live", "live", {"offline": say("app.offline")}, {"changed": session.looked})


def _message(html: str, classes: str) -> None:
    """Show one of our own sentences; never anything from outside."""
    st.html(f'<p class="{classes}" role="alert">{html}</p>')


def _queue(session: Session, board: Board) -> None:
    wanted = session.wanted()
    data = view.queue(
        board,
        session.say,
        tab=wanted.tab,
        selected=wanted.conversation_id,
        model=session.bridge.ponte.settings.model_configured,
    )
    handlers = {"open": session.open, "tab": session.choose_tab, "more": session.more_rows}
    mount("queue", "queue", data, handlers)


def _conversation(session: Session, board: Board) -> None:
    opened, say = board.opened, session.say
    if opened is None:
        _message(say("head.missing" if board.missing else "head.pick"), "pc-pick st-key-pick")
        return
    rules = view.rules_of(board, opened)
    head = view.head(board, opened, say, session.notice(opened.conversation.id))
    mount("head", "head", head, {"back": session.back, "dismiss": session.dismiss})
    with st.container(key="actions", horizontal=True, gap="xsmall"):
        _actions(session, board, opened, rules)
    handlers = {"older": session.older, "retry": session.retry, "withdraw": session.withdraw}
    mount("transcript", "transcript", view.transcript(board, opened, rules, say), handlers)
    outcome = session.outcome(opened.conversation.id)
    mount("composer", "reply", view.composer(board, opened, rules, say, outcome), {"send": session.send})


def _actions(session: Session, board: Board, opened: Opened, rules: Allowed) -> None:
    say, conversation_id = session.say, opened.conversation.id
    why = view.reason_why_not(board, rules.claim, say)
    st.button(
        say("action.claim"),
        key="claim",
        type="primary",
        icon=":material/front_hand:",
        disabled=why is not None,
        help=_plain(why),
        on_click=session.claim,
        args=(conversation_id,),
    )
    _transfer(session, board, view.reason_why_not(board, rules.transfer, say), conversation_id)
    _return(session, view.reason_why_not(board, rules.give_back, say), conversation_id)
    _resolve(session, view.reason_why_not(board, rules.resolve, say), conversation_id)
    why = view.reason_why_not(board, rules.reply, say)
    _file(session, why, conversation_id)
    if view.window_closed(board, opened):
        _template(session, why, conversation_id)


def _transfer(session: Session, board: Board, why: str | None, conversation_id: str) -> None:
    say = session.say
    held = board.opened is not None and board.opened.conversation.agent_id is not None
    names = {a.id: f"{a.name} · {say(f'role.{a.role}')}" for a in board.takers()}
    choices = [*([""] if held else []), *names]
    with (
        _popover("transfer", say("action.transfer"), ":material/forward:", why),
        st.form("transfer-form", border=False),
    ):
        st.selectbox(
            say("action.transfer_to"),
            choices,
            format_func=lambda choice: names.get(choice, say("action.transfer_queue")),
            key=f"transfer-to-{conversation_id}",
        )
        st.text_area(say("action.transfer_note"), key=f"transfer-note-{conversation_id}", height=80)
        _confirm(session.transfer, "transfer", say, conversation_id)


def _return(session: Session, why: str | None, conversation_id: str) -> None:
    say = session.say
    with (
        _popover("return", say("action.return"), ":material/smart_toy:", why),
        st.form("return-form", border=False),
    ):
        st.text_area(
            say("action.return_brief"),
            key=f"return-brief-{conversation_id}",
            placeholder=say("action.return_brief_placeholder"),
            height=110,
            max_chars=2000,
        )
        _confirm(session.give_back, "return", say, conversation_id)


def _resolve(session: Session, why: str | None, conversation_id: str) -> None:
    say = session.say
    with (
        _popover("resolve", say("action.resolve"), ":material/task_alt:", why),
        st.form("resolve-form", border=False),
    ):
        st.radio(
            say("action.resolve_as"),
            DISPOSITIONS,
            format_func=lambda choice: say(f"disposition.{choice}"),
            key=f"resolve-as-{conversation_id}",
        )
        _confirm(session.resolve, "resolve", say, conversation_id)


def _file(session: Session, why: str | None, conversation_id: str) -> None:
    say = session.say
    with (
        _popover("file", say("action.file"), ":material/attach_file:", why),
        st.form("file-form", border=False, clear_on_submit=True),
    ):
        st.file_uploader(say("action.file_pick"), key=f"file-{conversation_id}", max_upload_size=16)
        st.text_input(say("action.file_caption"), key=f"file-caption-{conversation_id}", max_chars=1000)
        _confirm(session.send_file, "file", say, conversation_id)


def _template(session: Session, why: str | None, conversation_id: str) -> None:
    """Choose a template and fill it in; the preview follows every key that leaves a field."""
    say = session.say
    with _popover("template", say("action.template"), ":material/description:", why):
        if not st.session_state.get("template"):
            return
        templates = session.templates()
        if not templates:
            st.caption(say("action.template_none"))
            return
        template = st.selectbox(
            say("action.template_pick"),
            templates,
            format_func=lambda choice: f"{choice.name} · {choice.language}",
            key=f"template-pick-{conversation_id}",
        )
        values: dict[str, str] = {}
        samples = dict(template.samples)
        for name in template.variables:
            values[name] = st.text_input(
                say("action.template_variable", name=name),
                placeholder=samples.get(name, ""),
                key=f"template-{template.sid}-{name}-{conversation_id}",
                max_chars=MAX_VARIABLE,
            )
        st.caption(say("action.template_preview"))
        st.text(fill(template, {name: value for name, value in values.items() if value}))
        st.button(
            say("action.template_confirm"),
            key="template-confirm",
            type="primary",
            on_click=session.send_template,
            args=(conversation_id, template),
        )


def _popover(name: str, label: str, symbol: str, why: str | None) -> st.delta_generator.DeltaGenerator:
    """A pop-up whose state is known here, so that finishing closes it."""
    return st.popover(
        label, key=name, icon=symbol, disabled=why is not None, help=_plain(why), on_change="rerun"
    )


def _confirm(handler: Callable[[str], None], name: str, say: Catalogue, conversation_id: str) -> None:
    st.form_submit_button(
        say(f"action.{name}_confirm"),
        key=f"{name}-confirm",
        type="primary",
        on_click=handler,
        args=(conversation_id,),
    )


def _plain(text: str | None) -> str | None:
    """Streamlit reads tooltips as Markdown: an agent's name in one must stay a name."""
    return None if text is None else _MARKDOWN.sub(r"\\\1", text)
