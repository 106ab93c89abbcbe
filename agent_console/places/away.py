"""What a page shows while the database does not answer."""

from __future__ import annotations

import streamlit as st

from agent_console.components import mount
from agent_console.i18n import Catalogue
from agent_console.office.tools import keep_typed
from agent_console.places.inbox import live_data
from agent_console.words import unavailable


def away(say: Catalogue) -> None:
    """Tell that the database does not answer, let the page ask again by itself, and keep what was typed."""
    keep_typed(st.session_state)
    unavailable(say)
    mount("live", "live", live_data(say, stale=""), {"changed": lambda _: None})
