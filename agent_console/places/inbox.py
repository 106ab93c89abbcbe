"""The inbox: the queue on one side, the open conversation on the other.

All of it is one fragment: the wire to the server (``live.js``) makes it run again when something changed.
Actions run in callbacks, so one run both acts and shows the result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from agent_console import bridge, composer_view, queue_view, transcript_view, triage, view
from agent_console.board import Board, Opened, load
from agent_console.components import mount
from agent_console.formats import told_apart
from agent_console.i18n import Catalogue, catalogue
from agent_console.marks import late_choices, may_mark, own_mark
from agent_console.queue_data import Tab
from agent_console.queue_session import QueueSession
from agent_console.rules import Allowed
from agent_console.session import Session
from agent_console.words import alert, unavailable
from ponte.domain.decision import Mark
from ponte.errors import StoreUnavailable, Unauthenticated
from ponte.writing import simple_brief

# Only a net under the event stream: changes come through that.
_ANYWAY_EVERY_S: Final = 20


def draw(token: str, say: Catalogue) -> None:
    """Draw the inbox for the owner of ``token``."""
    _board(token, say.locale)


@st.fragment(run_every=_ANYWAY_EVERY_S)
def _board(token: str, locale: str) -> None:
    say = catalogue(locale)
    session = Session(bridge.current(), token, say)
    board, stale = None, False
    try:
        board = session.bridge.run(load(session.bridge.ponte, token, session.wanted()))
    except Unauthenticated:
        alert(say, "session.ended", link="session.log_in_again")
        return
    except StoreUnavailable:
        # The last state stays on the screen, and with it the box that the agent is writing in.
        board, stale = session.last_board(), True
    if board is None:
        unavailable(say)
        mount("live", "live", live_data(say, stale=""), {"changed": session.looked})
        return
    session.keep_board(board)
    with st.container(key="board", horizontal=True, gap=None, wrap=False):
        with st.container(key="queue-pane", gap=None):
            _queue(session, board)
        with st.container(key="conversation-pane", gap=None):
            _conversation(session, board)
        if board.opened is not None:
            with st.container(key="person-pane", gap=None):
                _person(session, board, board.opened)
    _sender(session, board)
    told = say("store.stale") if stale else None
    everything = session.wanted().tab not in {Tab.MINE, Tab.WAITING}
    mount("live", "live", live_data(say, stale=told, everything=everything), {"changed": session.looked})


def live_data(say: Catalogue, *, stale: str | None, everything: bool = True) -> dict[str, view.Plain]:
    """Return what the wire needs.

    Args:
        say: the words.
        stale: while it is a text, an empty one too, the page asks again by itself.
        everything: the page shows conversations that are neither the agent's nor waiting, too.
    """
    return {"offline": say("app.offline"), "stale": stale, "everything": everything}


def _message(html: str, classes: str) -> None:
    """Show one of our own sentences; never anything from outside."""
    st.html(f'<p class="{classes}" role="alert">{html}</p>')


def _queue(session: Session, board: Board) -> None:
    wanted, queue = session.wanted(), QueueSession(session)
    data = queue_view.queue(
        board,
        session.say,
        wanted,
        model=session.bridge.ponte.settings.model_configured,
        labels=board.labels,
        notice=queue.notice,
    )
    handlers = {
        "open": queue.open,
        "tab": session.choose_tab,
        "more": session.more_rows,
        "search": queue.search,
        "filter": queue.filter,
        "next": queue.next,
    }
    mount("queue", "queue", data, handlers)


def _conversation(session: Session, board: Board) -> None:
    opened, say = board.opened, session.say
    if opened is None:
        _message(say("head.missing" if board.missing else "head.pick"), "pc-pick st-key-pick")
        return
    rules = view.rules_of(board, opened)
    denied = _denied(board, opened, rules, say)
    head = view.head(
        board,
        opened,
        say,
        session.notice(opened.conversation.id),
        denied={**denied},
        finished=session.finished(),
    )
    mount("head", "head", head, {"back": session.back, "dismiss": session.dismiss})
    triage.draw(session, board, opened, board.labels)
    with st.container(key="actions", horizontal=True, gap="xsmall"):
        _actions(session, board, opened, denied)
    handlers = {"retry": session.retry, "withdraw": session.withdraw}
    aid, at = session.bridge.ponte.writing.available, session.at(opened.conversation.id)
    shown = transcript_view.transcript(board, opened, say, aid=aid, at=at)
    mount("transcript", "transcript", shown, handlers)
    data = composer_view.composer(board, opened, rules, say, ponte=session.bridge.ponte)
    mount("composer", "reply", data, {})


def _denied(board: Board, opened: Opened, rules: Allowed, say: Catalogue) -> dict[str, str | None]:
    """Return why each action cannot be used; None for one that can."""
    keys = {
        "claim": rules.claim,
        "transfer": rules.transfer,
        "return": rules.give_back,
        "resolve": rules.resolve,
        "mark": may_mark(board.agent, opened),
    }
    return {name: view.reason_why_not(board, key, say) for name, key in keys.items()}


def _sender(session: Session, board: Board) -> None:
    """What composers wrote is sent from here, so that it goes whatever conversation is open."""
    data: dict[str, view.Plain] = {
        "me": board.agent.id,
        "open": board.opened.conversation.id if board.opened else None,
        "outcome": session.outcome(),
        "texts": dict(session.say.part("reply.unsent", "head.dismiss")),
    }
    mount("sender", "sender", data, {"send": session.send, "open": session.open})


def _person(session: Session, board: Board, opened: Opened) -> None:
    """The customer's panel reads the card by itself; what is here tells it when to read again."""
    contact, current = opened.contact, opened.conversation
    seen = (current.status, current.disposition, contact.name, contact.labels, contact.language)
    stamp = repr((*seen, contact.opted_out_at, [note.id for note in contact.notes]))
    data: dict[str, view.Plain] = {
        "me": board.agent.id,
        "conversation": current.id,
        "locale": session.say.locale,
        "now": board.now,
        "stamp": stamp,
        "texts": dict(session.say.part("person.", "write.")),
    }
    mount("person", "person", data, {"open": session.open, "gone": session.back})


def _actions(session: Session, board: Board, opened: Opened, denied: dict[str, str | None]) -> None:
    """The buttons below the head; ``reasons.js`` tells why one cannot be used."""
    say, conversation_id = session.say, opened.conversation.id
    st.button(
        say("action.claim"),
        key="claim",
        type="primary",
        icon=":material/front_hand:",
        disabled=denied["claim"] is not None,
        on_click=session.claim,
        args=(conversation_id,),
    )
    _transfer(session, board, denied["transfer"], conversation_id)
    _return(session, opened, denied["return"])
    _resolve(session, board, denied["resolve"], conversation_id)
    _mark(session, board, opened, denied["mark"])


def _transfer(session: Session, board: Board, why: str | None, conversation_id: str) -> None:
    say = session.say
    held = board.opened is not None and board.opened.conversation.agent_id is not None
    takers = board.takers()
    apart = told_apart(takers)
    names = {a.id: f"{apart[a.id]} · {say(f'role.{a.role}')}" for a in takers}
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


def _return(session: Session, opened: Opened, why: str | None) -> None:
    """Give it to the bot; what the agents said last is proposed as the brief, for the agent to change."""
    say, conversation_id = session.say, opened.conversation.id
    session.propose_brief(conversation_id, simple_brief(opened.conversation, opened.messages))
    with (
        _popover("return", say("action.return"), ":material/smart_toy:", why),
        st.form("return-form", border=False),
    ):
        key, begins = session.brief_field(conversation_id)
        with st.container(key=f"return-brief-{conversation_id}"):
            st.text_area(
                say("action.return_brief"),
                value=begins,
                key=key,
                placeholder=say("action.return_brief_placeholder"),
                height=110,
                max_chars=2000,
            )
        if session.bridge.ponte.writing.available:
            st.form_submit_button(
                say("action.return_suggest"),
                key="return-suggest",
                on_click=session.suggest_brief,
                args=(conversation_id,),
            )
        _confirm(session.give_back, "return", say, conversation_id)


def _resolve(session: Session, board: Board, why: str | None, conversation_id: str) -> None:
    say = session.say
    names = {one.id: one.name(say.locale) for one in board.dispositions if not one.retired}
    with (
        _popover("resolve", say("action.resolve"), ":material/task_alt:", why),
        st.form("resolve-form", border=False),
    ):
        st.radio(
            say("action.resolve_as"),
            list(names),
            format_func=lambda choice: names.get(choice, choice),
            key=f"resolve-as-{conversation_id}",
        )
        _confirm(session.resolve, "resolve", say, conversation_id)


def _mark(session: Session, board: Board, opened: Opened, why: str | None) -> None:
    """Say whether the handoff was needed and came in time; what was said before is chosen already."""
    say, conversation_id = session.say, opened.conversation.id
    said = own_mark(board.agent, opened)
    messages = late_choices(opened)
    choices, seqs = [Mark.NONE, Mark.NOT_NEEDED, Mark.LATE], [0, *messages]
    with (
        _popover("mark", say("action.mark"), ":material/rate_review:", why),
        st.form("mark-form", border=False),
    ):
        st.radio(
            say("action.mark_lead"),
            choices,
            index=choices.index(said.mark if said else Mark.NONE),
            format_func=lambda choice: say(f"mark.{choice}"),
            key=f"mark-{conversation_id}",
        )
        st.selectbox(
            say("action.mark_at"),
            seqs,
            index=seqs.index(said.at_seq) if said and said.at_seq in seqs else 0,
            format_func=lambda seq: messages.get(seq, say("action.mark_last")),
            key=f"mark-at-{conversation_id}",
        )
        _confirm(session.mark_handoff, "mark", say, conversation_id)


def _popover(name: str, label: str, symbol: str, why: str | None) -> st.delta_generator.DeltaGenerator:
    """A pop-up whose state is known here, so that finishing closes it."""
    return st.popover(label, key=name, icon=symbol, disabled=why is not None, on_change="rerun")


def _confirm(handler: Callable[[str], None], name: str, say: Catalogue, conversation_id: str) -> None:
    st.form_submit_button(
        say(f"action.{name}_confirm"),
        key=f"{name}-confirm",
        type="primary",
        on_click=handler,
        args=(conversation_id,),
    )
