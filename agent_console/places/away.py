"""What a page shows while the database does not answer."""

from __future__ import annotations

from agent_console.components import mount
from agent_console.i18n import Catalogue
from agent_console.places.inbox import live_data
from agent_console.words import unavailable


def away(say: Catalogue) -> None:
    """Tell that the database does not answer, and let the page ask again by itself."""
    unavailable(say)
    mount("live", "live", live_data(say, stale=""), {"changed": lambda _: None})
