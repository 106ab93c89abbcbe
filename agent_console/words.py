"""Our own sentences in the page's place, where there is nothing else to show."""

from __future__ import annotations

import streamlit as st

from agent_console.i18n import Catalogue


def alert(say: Catalogue, key: str, *, link: str | None = None) -> None:
    """Show the text under ``key``; with ``link``, the key of a text that leads to the login."""
    tail = f' <a href="/agent/login" target="_self">{say(link)}</a>' if link else ""
    st.html(f'<p class="pc-ended st-key-ended" role="alert">{say(key)}{tail}</p>')


def unavailable(say: Catalogue) -> None:
    """Tell that the database does not answer; the page tries again by itself."""
    st.html(f'<p class="pc-trouble st-key-trouble" role="alert">{say("store.unavailable")}</p>')
