"""Fakes that ship: for Ponte's tests and for those of whoever builds on it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from ponte.domain.message import Inbound
from ponte.errors import MessengerError, SendUnknown
from ponte.ports import Clock, Outbound, SentMessage


class ManualClock:
    """A clock that moves only when told. ``sleep`` moves it too, and lets other tasks run.

    Args:
        now: where it starts, in ms since the epoch, UTC.
    """

    def __init__(self, now: int = 1_750_000_000_000) -> None:
        self._now = now

    def now(self) -> int:
        """Return the time it was set to, in ms since the epoch, UTC."""
        return self._now

    def advance(self, ms: int) -> None:
        """Move on by ``ms``."""
        self._now += ms

    async def sleep(self, ms: int) -> None:
        """Move on by ``ms`` at once."""
        self._now += ms
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a ``FakeMessenger`` accepted, as Twilio would have."""

    sid: str
    address: str
    body: str
    reference: str
    at: int
    outbound: Outbound


@dataclass
class FakeMessenger:
    """A Twilio that remembers what it accepted and fails on request.

    Args:
        clock: the time of acceptance.
        failures: raised by the next sends, one each; ``None`` lets one pass.
        lost_answers: how many of the next sends are accepted while their answer is lost.
    """

    clock: Clock
    failures: deque[MessengerError | None] = field(default_factory=deque)
    lost_answers: int = 0
    sent: list[Sent] = field(default_factory=list)
    inbound: list[Inbound] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)

    async def send(self, outbound: Outbound) -> str:
        """Accept a message, or raise the next failure; see ``ponte.ports.Messenger``."""
        failure = self.failures.popleft() if self.failures else None
        if failure is not None:
            raise failure
        sid = f"SM{len(self.sent):032x}"
        at = self.clock.now()
        self.sent.append(Sent(sid, outbound.address, outbound.body, outbound.reference, at, outbound))
        if self.lost_answers:
            self.lost_answers -= 1
            raise SendUnknown("The answer was lost.")
        return sid

    async def sent_to(self, address: str, since: int) -> list[SentMessage]:
        """Return what was accepted; see ``ponte.ports.Messenger``."""
        return [SentMessage(s.sid, s.body, s.at) for s in self.sent if s.address == address and s.at >= since]

    async def typing(self, inbound_sid: str) -> None:
        """Remember that typing was shown."""
        self.typed.append(inbound_sid)

    async def received_since(self, since: int) -> AsyncIterator[Inbound]:
        """Yield what tests put into ``inbound``; see ``ponte.ports.Messenger``."""
        for inbound in self.inbound:
            if inbound.received_at >= since:
                yield inbound
