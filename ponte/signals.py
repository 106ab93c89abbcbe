"""Wake-ups within one process. Only a short cut: every loop also polls."""

from __future__ import annotations

from collections.abc import Callable


class Signals:
    """Who is to be woken when something was stored. Loops subscribe; services ring."""

    def __init__(self) -> None:
        self._inbox: list[Callable[[str], None]] = []
        self._outbox: list[Callable[[str], None]] = []
        self._changed: list[Callable[[], None]] = []

    def on_inbox(self, ring: Callable[[str], None]) -> None:
        """Call ``ring(contact_id)`` when a contact's inbox grew."""
        self._inbox.append(ring)

    def on_outbox(self, ring: Callable[[str], None]) -> None:
        """Call ``ring(contact_id)`` when a contact's outbox grew."""
        self._outbox.append(ring)

    def on_change(self, ring: Callable[[], None]) -> None:
        """Call ``ring()`` when a conversation changed."""
        self._changed.append(ring)

    def inbox(self, contact_id: str) -> None:
        """Say that the contact's inbox grew."""
        for ring in self._inbox:
            ring(contact_id)

    def outbox(self, contact_id: str) -> None:
        """Say that the contact's outbox grew; a change too."""
        for ring in self._outbox:
            ring(contact_id)
        self.changed()

    def changed(self) -> None:
        """Say that a conversation changed."""
        for ring in self._changed:
            ring()
