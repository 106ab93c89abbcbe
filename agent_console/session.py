"""What one browser tab looks at and has just done: Streamlit's session state, typed.

Also the callbacks of the page: each runs before the script does, so the run shows what came of it.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import streamlit as st

from agent_console.actions import Actions, Outcome
from agent_console.board import MOST_ROWS, PAGE, Board, Wanted
from agent_console.bridge import Bridge
from agent_console.i18n import Catalogue
from agent_console.queue_data import Filters, Tab
from ponte.domain.decision import Mark
from ponte.errors import StoreUnavailable

if TYPE_CHECKING:
    from agent_console.view import Plain

_REMEMBERED: Final = 50
_LONGEST_BRIEF: Final = 2_000
_ACTION_S: Final = 10.0
# The model may think longer than a database.
_MODEL_S: Final = 30.0
_POPOVERS: Final = ("transfer", "return", "resolve", "mark")


class Session:
    """The state of one tab.

    Args:
        bridge: to the shell.
        token: the session token of whoever looks.
        say: the words.
    """

    def __init__(self, bridge: Bridge, token: str, say: Catalogue) -> None:
        self.bridge = bridge
        self.token = token
        self.say = say
        self._actions = Actions(bridge.ponte, token, say)
        self._state = st.session_state

    def wanted(self) -> Wanted:
        """Return what the tab looks at. The conversation and the part of the queue are in the address."""
        tab = Tab.WAITING
        with suppress(ValueError):
            tab = Tab(st.query_params.get("tab", Tab.WAITING))
        return Wanted(
            tab=tab,
            conversation_id=st.query_params.get("c") or None,
            rows=int(self._state.get("rows", PAGE)),
            visible=bool(self._state.get("visible", True)),
            filters=self._filters(),
            search=str(self._state.get("search", "")),
        )

    def _filters(self) -> Filters:
        chosen = self._state.get("filters")
        if not isinstance(chosen, dict):
            return Filters()
        priority = str(chosen.get("priority", ""))
        return Filters(
            label=chosen.get("label"),
            language=chosen.get("language"),
            priority=int(priority) if priority in {"0", "1", "2"} else None,
        )

    def keep_board(self, board: Board) -> None:
        """Remember what was shown, for when the database does not answer."""
        self._state["board"] = board

    def last_board(self) -> Board | None:
        """Return what was shown last, if it is what the tab looks at."""
        board = self._state.get("board")
        if not isinstance(board, Board):
            return None
        wanted = self.wanted().conversation_id
        if wanted is None:
            return replace(board, opened=None)
        return board if board.opened is not None and board.opened.conversation.id == wanted else None

    def notice(self, conversation_id: str) -> dict[str, str] | None:
        """Return what to tell about the last action in this conversation."""
        said = self._state.get("notice")
        if isinstance(said, dict) and said.get("conversation") == conversation_id:
            return {"kind": said["kind"], "text": said["text"]}
        return None

    def outcome(self) -> dict[str, Plain] | None:
        """Return what came of the last message that was sent, wherever."""
        last = self._state.get("outcome")
        return last if isinstance(last, dict) else None

    def finished(self) -> dict[str, Plain] | None:
        """Return which pop-up's form was done last, and where."""
        last = self._state.get("finished")
        return last if isinstance(last, dict) else None

    def at(self, conversation_id: str) -> dict[str, Plain] | None:
        """Return which message of a conversation is to be shown, as ``{seq, n}``."""
        wish = self._state.get("at")
        if not isinstance(wish, dict) or wish.get("conversation") != conversation_id:
            return None
        return {"seq": wish["seq"], "n": wish["n"]}

    def looked(self, value: object) -> None:
        """The wire says: look again; and whether anybody can see the tab."""
        if isinstance(value, Mapping):
            self._state["visible"] = bool(value.get("visible", True))

    def open(self, value: object) -> None:
        """Open a conversation, given by its id."""
        self._forget()
        st.query_params["c"] = str(value)

    def point(self, conversation_id: str, seq: int) -> None:
        """Open a conversation at one of its messages."""
        self.open(conversation_id)
        self._state["at"] = {"conversation": conversation_id, "seq": seq, "n": self._count()}

    def _count(self) -> int:
        """Return another number each time."""
        count = int(self._state.get("count", 0)) + 1
        self._state["count"] = count
        return count

    def back(self, _: object) -> None:
        """Close the conversation; the queue is what a narrow screen shows then."""
        self._forget()
        st.query_params.pop("c", None)

    def choose_tab(self, value: object) -> None:
        """Show another part of the queue."""
        self.first_page()
        self._state["search"] = ""
        with suppress(ValueError):
            st.query_params["tab"] = Tab(str(value)).value

    def first_page(self) -> None:
        """Show no more than the first page of the queue."""
        self._state["rows"] = PAGE

    def more_rows(self, _: object) -> None:
        """Show one more page of the queue."""
        self._state["rows"] = min(int(self._state.get("rows", PAGE)) + PAGE, MOST_ROWS)

    def dismiss(self, _: object) -> None:
        """Put the notice away."""
        self._state.pop("notice", None)

    def claim(self, conversation_id: str) -> None:
        """Take the conversation."""
        outcome = self.run(self._actions.claim(conversation_id))
        self.tell(conversation_id, outcome)
        if outcome.ok:
            st.query_params["tab"] = Tab.MINE.value

    def transfer(self, conversation_id: str) -> None:
        """Give the conversation to whom the form names."""
        target = str(self._state.get(f"transfer-to-{conversation_id}") or "")
        note = str(self._state.get(f"transfer-note-{conversation_id}") or "")
        work = self._actions.transfer(conversation_id, target or None, note)
        self._finish("transfer", conversation_id, work)

    def give_back(self, conversation_id: str) -> None:
        """Give the conversation to the bot with the form's brief."""
        key, begins = self.brief_field(conversation_id)
        brief = str(self._state.get(key, begins) or "")
        self._finish("return", conversation_id, self._actions.give_back(conversation_id, brief))

    def brief_field(self, conversation_id: str) -> tuple[str, str]:
        """Return the key of the brief's field, and what stands in it at first.

        What is put there anew makes a new field: a value that a run gives to a field that is there already
        is lost in the browser when another run interrupts this one.
        """
        count, text, _ = self._brief(conversation_id)
        return f"brief-{conversation_id}-{count}", text

    def propose_brief(self, conversation_id: str, text: str) -> None:
        """Put a brief into the form of giving back, unless it is open or another one stands there.

        What is typed into an open form is in the browser alone: it must not be replaced from here.
        """
        key, begins = self.brief_field(conversation_id)
        count, _, before = self._brief(conversation_id)
        proposed = text[:_LONGEST_BRIEF]
        stands = str(self._state.get(key, begins) or "")
        if proposed != before and not self._state.get("return") and stands in {"", before}:
            self._state[f"return-brief-{conversation_id}"] = (count + 1, proposed, proposed)

    def suggest_brief(self, conversation_id: str) -> None:
        """Let the model write the brief, for the agent to change."""
        outcome = self.run(self._actions.brief(conversation_id), _MODEL_S)
        if outcome.ok:
            count, _, before = self._brief(conversation_id)
            written = outcome.text[:_LONGEST_BRIEF]
            self._state[f"return-brief-{conversation_id}"] = (count + 1, written, before)
        else:
            self.tell(conversation_id, outcome)

    def _brief(self, conversation_id: str) -> tuple[int, str, str]:
        """Return how often the brief began anew, with what, and what was proposed last."""
        found: tuple[int, str, str] = self._state.get(f"return-brief-{conversation_id}", (0, "", ""))
        return found

    def resolve(self, conversation_id: str) -> None:
        """Close the matter as the form says."""
        disposition = str(self._state.get(f"resolve-as-{conversation_id}") or "solved")
        self._finish("resolve", conversation_id, self._actions.resolve(conversation_id, disposition))

    def mark_handoff(self, conversation_id: str) -> None:
        """Rate the handoff as the form says."""
        mark = Mark(self._state.get(f"mark-{conversation_id}") or Mark.NONE)
        at_seq = int(self._state.get(f"mark-at-{conversation_id}") or 0) or None
        late = at_seq if mark is Mark.LATE else None
        self._finish("mark", conversation_id, self._actions.mark_handoff(conversation_id, mark, late))

    def retry(self, value: object) -> None:
        """Send a failed message once more."""
        conversation_id = st.query_params.get("c")
        if isinstance(value, Mapping) and conversation_id:
            self.tell(conversation_id, self.run(self._actions.retry(str(value.get("id", "")))))

    def withdraw(self, value: object) -> None:
        """Cancel a message that waits for the customer to write."""
        conversation_id = st.query_params.get("c")
        if isinstance(value, Mapping) and conversation_id:
            self.tell(conversation_id, self.run(self._actions.withdraw(str(value.get("id", "")))))

    def send(self, value: object) -> None:
        """Store what the composer sent, once a key, however often it is sent."""
        if not isinstance(value, Mapping):
            return
        key, conversation_id = str(value.get("key", "")), str(value.get("conversation", ""))
        body = str(value.get("body", ""))
        done: list[str] = self._state.setdefault("done", [])
        outcome = Outcome(ok=True, text="")
        if key not in done:
            outcome = self.run(self._written(conversation_id, key, body, value))
            self._state.pop("notice", None)
        if outcome.ok:
            self._state["done"] = [*done, key][-_REMEMBERED:]
        self._state["outcome"] = {
            "conversation": conversation_id,
            "key": key,
            "ok": outcome.ok,
            "text": outcome.text,
            "n": self._count(),
        }

    def _written(
        self, conversation_id: str, key: str, body: str, value: Mapping[object, object]
    ) -> Coroutine[object, object, Outcome]:
        """Return what is to be done with what the composer sent."""
        mode = value.get("mode")
        if mode == "note":
            return self._actions.note(conversation_id, body, key)
        if mode == "template":
            given = value.get("variables")
            variables = {str(k): str(v) for k, v in given.items()} if isinstance(given, Mapping) else {}
            return self._actions.send_template(conversation_id, str(value.get("sid", "")), variables, key)
        voice, original = value.get("voice") is True, str(value.get("original") or "")
        return self._actions.reply(conversation_id, body, key, voice=voice, original=original)

    def _finish(self, name: str, conversation_id: str, work: Coroutine[object, object, Outcome]) -> None:
        """Run what the pop-up ``name`` asked for, and close it if that worked."""
        outcome = self.run(work)
        self.tell(conversation_id, outcome)
        if outcome.ok:
            self._state["finished"] = {"conversation": conversation_id, "name": name, "n": self._count()}
            for popover in _POPOVERS:
                self._state[popover] = False

    def act(
        self, conversation_id: str, work: Coroutine[object, object, Outcome], *, mine: bool = False
    ) -> None:
        """Run an action and tell what came of it; ``mine`` shows the agent's own part of the queue then."""
        outcome = self.run(work)
        self.tell(conversation_id, outcome)
        if outcome.ok and mine:
            st.query_params["tab"] = Tab.MINE.value

    def run(self, work: Coroutine[object, object, Outcome], timeout_s: float = _ACTION_S) -> Outcome:
        """Run an action; a database that does not answer is an outcome too."""
        try:
            return self.bridge.run(work, timeout_s)
        except StoreUnavailable:
            return Outcome(ok=False, text=self.say("fail.unavailable"))

    def tell(self, conversation_id: str, outcome: Outcome) -> None:
        """Show the outcome in the conversation's head; one without words takes the last one away."""
        kind = "good" if outcome.ok else "bad"
        self._state["notice"] = {"conversation": conversation_id, "kind": kind, "text": outcome.text}
        if not outcome.text:
            del self._state["notice"]

    def _forget(self) -> None:
        """What belonged to the conversation that was open."""
        self._state.pop("at", None)
        self._state.pop("notice", None)
        for name in _POPOVERS:
            if name in self._state:
                self._state[name] = False
