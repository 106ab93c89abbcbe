"""How fast our number may send: evenly up to a rate, and not at all while Twilio asks for a pause.

By default WhatsApp takes 80 messages a second from a number, text and files alike; what comes faster is
queued by Twilio or refused with 63018: https://www.twilio.com/docs/whatsapp/best-practices-and-faqs
"""

from __future__ import annotations

from typing import Final

from ponte.ports import Clock, LeaseStore, Store

_FIRST_PAUSE_MS: Final = 1_000
_MAX_PAUSE_MS: Final = 60_000
# A quiet number may send this much at once.
_BURST_MS: Final = 250
_HELD: Final = "whatsapp.held_until"
_LIMITED: Final = "whatsapp.limited"
# Two customers limited within so long: it is the number, not the pair.
_TOGETHER_MS: Final = 60_000


class Pace:
    """A token bucket for one number, in this process, and a pause that all processes keep.

    Args:
        store: where the pause is kept, so that the webhook's process can ask the workers for one.
        clock: the time.
        per_second: messages a second of this process.
    """

    def __init__(self, store: LeaseStore, clock: Clock, per_second: float) -> None:
        self._store = store
        self._clock = clock
        self._interval_ms = 1000 / per_second
        self._next = 0.0
        self._held_until = 0
        self._strikes = 0

    async def turn(self) -> None:
        """Wait for this message's turn."""
        now = self._clock.now()
        mine = max(self._next, now - _BURST_MS)
        self._next = mine + self._interval_ms
        if mine > now:
            await self._clock.sleep(round(mine - now))

    @property
    def held(self) -> bool:
        """Whether nothing may be sent now, as far as this process knows."""
        return self._clock.now() < self._held_until

    async def look(self) -> bool:
        """Return ``held`` after reading what other processes know."""
        self._held_until = max(self._held_until, await held_until(self._store))
        return self.held

    async def hold(self, asked_ms: int = 0) -> int:
        """Pause the number, longer each time in a row, and at least as long as Twilio asked.

        Returns:
            The ms of the pause.
        """
        if not self.held:
            self._strikes += 1
        own = min(_MAX_PAUSE_MS, _FIRST_PAUSE_MS << min(max(self._strikes - 1, 0), 10))
        pause = max(own, asked_ms)
        self._held_until = max(self._held_until, self._clock.now() + pause)
        await ask_for_pause(self._store, self._held_until)
        return pause

    def went_well(self) -> None:
        """A message was taken: the next pause begins short again."""
        self._strikes = 0


async def held_until(store: LeaseStore) -> int:
    """Return until when (ms UTC) the number pauses; 0 when it never did."""
    return int(await store.get_value(_HELD) or 0)


async def ask_for_pause(store: LeaseStore, until: int) -> None:
    """Let all processes send nothing before ``until`` (ms UTC)."""
    if until > await held_until(store):
        await store.set_value(_HELD, str(until))


async def limited(store: Store, contact_id: str, now: int, until: int) -> None:
    """Record that WhatsApp limited, after Twilio had taken it, a message to a contact.

    63018 stands for the number's own limit and for that of one pair of sender and receiver, and does not
    say which (https://www.twilio.com/docs/api/errors/63018). The message itself waits in any case, and what
    stands behind it. The number pauses until ``until`` (ms UTC) once a second contact meets it within a
    minute. Each pause ends by itself; only another limited message makes a new one.
    """
    first = await store.hit(f"{_LIMITED}.{contact_id}", now, _TOGETHER_MS) == 1
    alone = first and await store.hit(_LIMITED, now, _TOGETHER_MS) == 1
    if not alone and (first or now - await held_until(store) < _TOGETHER_MS):
        await ask_for_pause(store, until)
