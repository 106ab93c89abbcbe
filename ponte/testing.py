"""Fakes that ship: for Ponte's tests and for those of whoever builds on it."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

from ponte.domain.choices import Choice
from ponte.domain.message import Inbound
from ponte.domain.templates import Template
from ponte.errors import MessengerError, NotFound, SendUnknown
from ponte.ports import Clock, Outbound, SentMessage, StoredMedia


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
        return [
            SentMessage(s.sid, s.body, s.at, 1 if s.outbound.media_url else 0)
            for s in self.sent
            if s.address == address and s.at >= since
        ]

    async def typing(self, inbound_sid: str) -> None:
        """Remember that typing was shown."""
        self.typed.append(inbound_sid)

    async def received_since(self, since: int) -> AsyncIterator[Inbound]:
        """Yield what tests put into ``inbound``; see ``ponte.ports.Messenger``."""
        for inbound in self.inbound:
            if inbound.received_at >= since:
                yield inbound


@dataclass
class FakeTemplates:
    """An account's templates, and the contents made for questions; fails on request.

    Args:
        listed: what the account has.
        failure: raised by each call while it is set.
        made: the questions that contents were made for: text, choices, and the list's button.
        lists: how often the templates were listed.
    """

    listed: list[Template] = field(default_factory=list)
    failure: MessengerError | None = None
    made: list[tuple[str, tuple[Choice, ...], str]] = field(default_factory=list)
    lists: int = 0

    async def templates(self) -> list[Template]:
        """Return what the account has; see ``ponte.ports.Templates``."""
        self.lists += 1
        if self.failure is not None:
            raise self.failure
        return list(self.listed)

    async def create_choices(self, body: str, choices: Sequence[Choice], button: str) -> str:
        """Make a content; see ``ponte.ports.Templates``."""
        if self.failure is not None:
            raise self.failure
        self.made.append((body, tuple(choices), button))
        return f"HX{len(self.made):032x}"


class MemoryMediaStore:
    """A ``ponte.ports.MediaStore`` that forgets everything when the process ends."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[StoredMedia, bytes]] = {}
        self.reads = 0

    async def put(self, content: AsyncIterator[bytes], content_type: str, now: int) -> StoredMedia:
        """Store a file; see the port."""
        return self.keep(b"".join([piece async for piece in content]), content_type, now)

    def keep(self, data: bytes, content_type: str, now: int = 0) -> StoredMedia:
        """Store bytes at once."""
        key = hashlib.sha256(data).hexdigest()
        stored = replace(self._files[key][0], stored_at=now) if key in self._files else None
        stored = stored or StoredMedia(key, content_type, len(data), now)
        self._files[key] = (stored, data)
        return stored

    async def stat(self, key: str) -> StoredMedia | None:
        """Return what is known of a file; None when it is not there."""
        return self._files[key][0] if key in self._files else None

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield a file's bytes; see the port."""
        if key not in self._files:
            raise NotFound("This file is not in the media store.")
        self.reads += 1
        yield self._files[key][1][start:end]

    async def delete(self, key: str) -> None:
        """Delete a file; one that is not there is no error."""
        self._files.pop(key, None)

    async def prune(self, before: int) -> int:
        """Delete the files stored before ``before``; returns how many."""
        old = [key for key, (stored, _) in self._files.items() if stored.stored_at < before]
        for key in old:
            del self._files[key]
        return len(old)
