"""What the queue's controls do: search, filters, and the next one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import streamlit as st

from agent_console.queue_actions import QueueActions, Taken
from agent_console.queue_data import Tab
from agent_console.session import Session

_LONGEST: Final = 200
_FILTERS: Final = ("label", "language", "priority")


class QueueSession:
    """The handlers of the queue's component.

    Args:
        session: the tab's state.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._state = st.session_state
        self._actions = QueueActions(session.bridge.ponte, session.token, session.say)

    @property
    def notice(self) -> str | None:
        """What to tell about the last action in the queue."""
        said = self._state.get("queue_notice")
        return said if isinstance(said, str) else None

    def search(self, value: object) -> None:
        """Look for something, or for nothing."""
        self._state["search"] = str(value)[:_LONGEST]
        self._session.first_page()

    def filter(self, value: object) -> None:
        """Narrow the rows; an empty value asks for nothing."""
        if isinstance(value, Mapping):
            chosen = {name: str(value.get(name) or "")[:_LONGEST] for name in _FILTERS}
            self._state["filters"] = {name: text for name, text in chosen.items() if text}
            self._session.first_page()

    def open(self, value: object) -> None:
        """Open a conversation ``c``, at its message ``seq`` if there is one."""
        self._state.pop("queue_notice", None)
        if not isinstance(value, Mapping):
            return
        conversation_id, seq = str(value.get("c")), value.get("seq")
        if isinstance(seq, int) and seq > 0:
            self._session.point(conversation_id, seq)
        else:
            self._session.open(conversation_id)

    def next(self, _: object) -> None:
        """Take the next one and open it."""
        taken = Taken()
        outcome = self._session.run(self._actions.claim_next(taken))
        self._state.pop("queue_notice", None)
        if taken.conversation_id is None:
            self._state["queue_notice"] = outcome.text
            return
        self._state["search"] = ""
        self._state.pop("filters", None)
        st.query_params["tab"] = Tab.MINE.value
        self._session.open(taken.conversation_id)
        self._session.tell(taken.conversation_id, outcome)
