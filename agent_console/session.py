"""What one browser tab looks at and has just done: Streamlit's session state, typed.

Also the callbacks of the page: each runs before the script does, so the run shows what came of it.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import streamlit as st

from agent_console.actions import Actions, Outcome, Upload
from agent_console.board import PAGE, Tab, Wanted
from agent_console.bridge import Bridge
from agent_console.i18n import Catalogue
from ponte.domain.templates import Template
from ponte.errors import StoreUnavailable

if TYPE_CHECKING:
    from agent_console.view import Plain

# More rows or messages than this at once would make every run slow; the search of old ones is elsewhere.
_MOST_SHOWN: Final = 500
_REMEMBERED: Final = 50
_POPOVERS: Final = ("transfer", "return", "resolve", "file", "template")


class Session:
    """The state of one tab.

    Args:
        bridge: to the shell.
        token: the session token of whoever looks.
        say: the words.
    """

    def __init__(self, bridge: Bridge, token: str, say: Catalogue) -> None:
        self.bridge = bridge
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
            messages=int(self._state.get("messages", PAGE)),
            visible=bool(self._state.get("visible", True)),
        )

    def notice(self, conversation_id: str) -> dict[str, str] | None:
        """Return what to tell about the last action in this conversation."""
        said = self._state.get("notice")
        if isinstance(said, dict) and said.get("conversation") == conversation_id:
            return {"kind": said["kind"], "text": said["text"]}
        return None

    def outcome(self, conversation_id: str) -> dict[str, Plain] | None:
        """Return what came of the last message that was sent from this conversation's composer."""
        last = self._state.get("outcome")
        return last if isinstance(last, dict) and last.get("conversation") == conversation_id else None

    def looked(self, value: object) -> None:
        """The wire says: look again; and whether anybody can see the tab."""
        if isinstance(value, Mapping):
            self._state["visible"] = bool(value.get("visible", True))

    def open(self, value: object) -> None:
        """Open a conversation."""
        self._forget()
        st.query_params["c"] = str(value)

    def back(self, _: object) -> None:
        """Close the conversation; the queue is what a narrow screen shows then."""
        self._forget()
        st.query_params.pop("c", None)

    def choose_tab(self, value: object) -> None:
        """Show another part of the queue."""
        self._state["rows"] = PAGE
        with suppress(ValueError):
            st.query_params["tab"] = Tab(str(value)).value

    def more_rows(self, _: object) -> None:
        """Show one more page of the queue."""
        self._state["rows"] = min(int(self._state.get("rows", PAGE)) + PAGE, _MOST_SHOWN)

    def older(self, _: object) -> None:
        """Show one more page of messages."""
        self._state["messages"] = min(int(self._state.get("messages", PAGE)) + PAGE, _MOST_SHOWN)

    def dismiss(self, _: object) -> None:
        """Put the notice away."""
        self._state.pop("notice", None)

    def claim(self, conversation_id: str) -> None:
        """Take the conversation."""
        outcome = self._run(self._actions.claim(conversation_id))
        self._say(conversation_id, outcome)
        if outcome.ok:
            st.query_params["tab"] = Tab.MINE.value

    def transfer(self, conversation_id: str) -> None:
        """Give the conversation to whom the form names."""
        target = str(self._state.get(f"transfer-to-{conversation_id}") or "")
        note = str(self._state.get(f"transfer-note-{conversation_id}") or "")
        self._finish(conversation_id, self._actions.transfer(conversation_id, target or None, note))

    def give_back(self, conversation_id: str) -> None:
        """Give the conversation to the bot with the form's brief."""
        brief = str(self._state.get(f"return-brief-{conversation_id}") or "")
        self._finish(conversation_id, self._actions.give_back(conversation_id, brief))

    def resolve(self, conversation_id: str) -> None:
        """Close the matter as the form says."""
        disposition = str(self._state.get(f"resolve-as-{conversation_id}") or "solved")
        self._finish(conversation_id, self._actions.resolve(conversation_id, disposition))

    def retry(self, value: object) -> None:
        """Send a failed message once more."""
        conversation_id = st.query_params.get("c")
        if isinstance(value, Mapping) and conversation_id:
            self._say(conversation_id, self._run(self._actions.retry(str(value.get("id", "")))))

    def withdraw(self, value: object) -> None:
        """Cancel a message that waits for the customer to write."""
        conversation_id = st.query_params.get("c")
        if isinstance(value, Mapping) and conversation_id:
            self._say(conversation_id, self._run(self._actions.withdraw(str(value.get("id", "")))))

    def templates(self) -> list[Template]:
        """Return the templates that may be sent now."""
        return self.bridge.run(self._actions.templates())

    def send_file(self, conversation_id: str) -> None:
        """Send the file of the form."""
        chosen = self._state.get(f"file-{conversation_id}")
        if chosen is None:
            return
        upload = Upload(chosen.name, chosen.type or "", chosen.getvalue())
        caption = str(self._state.get(f"file-caption-{conversation_id}") or "")
        self._finish(conversation_id, self._actions.send_file(conversation_id, upload, caption))

    def send_template(self, conversation_id: str, template: Template) -> None:
        """Send the template that is shown, with the form's variables."""
        variables = {
            name: str(self._state.get(f"template-{template.sid}-{name}-{conversation_id}") or "")
            for name in template.variables
        }
        self._finish(conversation_id, self._actions.send_template(conversation_id, template.sid, variables))

    def send(self, value: object) -> None:
        """Store what the composer sent, once a key, however often it is sent."""
        if not isinstance(value, Mapping):
            return
        key, conversation_id = str(value.get("key", "")), str(value.get("conversation", ""))
        body = str(value.get("body", ""))
        done: list[str] = self._state.setdefault("done", [])
        outcome = Outcome(ok=True, text="")
        if key not in done:
            note = value.get("mode") == "note"
            outcome = self._run(
                self._actions.note(conversation_id, body)
                if note
                else self._actions.reply(conversation_id, body, key)
            )
            self._state.pop("notice", None)
        if outcome.ok:
            self._state["done"] = [*done, key][-_REMEMBERED:]
        answers = int(self._state.get("answers", 0)) + 1
        self._state["answers"] = answers
        self._state["outcome"] = {
            "conversation": conversation_id,
            "key": key,
            "ok": outcome.ok,
            "text": outcome.text,
            "n": answers,
        }

    def _finish(self, conversation_id: str, work: Coroutine[object, object, Outcome]) -> None:
        """Run what a pop-up asked for, and close it if that worked."""
        outcome = self._run(work)
        self._say(conversation_id, outcome)
        if outcome.ok:
            for name in _POPOVERS:
                self._state[name] = False

    def _run(self, work: Coroutine[object, object, Outcome]) -> Outcome:
        try:
            return self.bridge.run(work)
        except StoreUnavailable:
            return Outcome(ok=False, text=self.say("fail.unavailable"))

    def _say(self, conversation_id: str, outcome: Outcome) -> None:
        kind = "good" if outcome.ok else "bad"
        self._state["notice"] = {"conversation": conversation_id, "kind": kind, "text": outcome.text}
        if not outcome.text:
            del self._state["notice"]

    def _forget(self) -> None:
        """What belonged to the conversation that was open."""
        self._state["messages"] = PAGE
        self._state.pop("notice", None)
        for name in _POPOVERS:
            if name in self._state:
                self._state[name] = False
