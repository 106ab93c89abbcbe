"""Files that Twilio does not hand over at first: asked for again until they come, for about an hour."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from graph.builder import build_graph
from graph.contexts import FixedContexts
from graph.harness import Pipeline
from graph.late_files import LateFiles
from graph.late_words import LateWords
from graph.testing import FakeResponder, fake_context
from ponte.adapters.sqlite import open_sqlite
from ponte.domain.message import Inbound, Kind, Media, MediaError
from ponte.errors import MediaNotReady, StoreUnavailable
from ponte.media_intake import MediaIntake
from ponte.testing import FakeMessenger, ManualClock, MemoryMediaStore

MARIA = "whatsapp:+5511900000001"
PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
MINUTE_MS = 60_000


@dataclass
class Slow:
    """Twilio's storage, which has nothing, or refuses our credentials, until it is ready."""

    store: MemoryMediaStore
    ready: bool = False
    refuses: bool = False
    full: bool = False
    asked: list[str] = field(default_factory=list)

    async def fetch(self, media: Media) -> Media:
        """Fetch a file, see ``ponte.ports.MediaFetcher``."""
        self.asked.append(media.url)
        if self.refuses:
            return replace(media, error=MediaError.UNAVAILABLE)
        if self.full:
            raise StoreUnavailable("no space left")
        if not self.ready:
            raise MediaNotReady("status 404")
        kept = self.store.keep(media.url.encode(), "image/png")
        return replace(media, key=kept.key, size=kept.size, error=None)


@dataclass
class Bench:
    """A pipeline, its storage, and the errand."""

    pipeline: Pipeline
    storage: Slow
    late: LateFiles

    async def media(self) -> tuple[Media, ...]:
        """Return the files of Maria's message."""
        return (await self.pipeline.transcript(MARIA))[0].media

    async def passes(self, minutes: int) -> int:
        """Let time pass while the errand looks; returns how many messages got a file."""
        got = 0
        for _ in range(2 * minutes):
            self.pipeline.clock.advance(MINUTE_MS // 2)
            got += await self.late.run_once()
        return got


@pytest.fixture
async def bench(tmp_path: Path, manual_clock: ManualClock, messenger: FakeMessenger) -> AsyncIterator[Bench]:
    """Let Maria send a picture that is not to be had, and a human be brought in for it."""
    storage = Slow(MemoryMediaStore())
    async with open_sqlite(tmp_path) as store:
        await store.migrate()
        context = fake_context(PROMPTS, responder=FakeResponder(answers=["Certo."]), clock=manual_clock)
        intake = MediaIntake(storage, storage.store, manual_clock)
        pipeline = Pipeline(
            store,
            build_graph(InMemorySaver()),
            context,
            clock=manual_clock,
            messenger=messenger,
            media=intake,
        )
        words = LateWords(store, manual_clock, pipeline.signals)
        contexts = FixedContexts(context)
        late = LateFiles(
            store, intake, words, contexts, clock=manual_clock, signals=pipeline.signals, owner="me"
        )
        await late.run_once()
        now = manual_clock.now()
        files = (Media("https://t/1", "image/png"),)
        message = Inbound("MM" + "1" * 32, MARIA, "whatsapp:+1", "", Kind.IMAGE, now, media=files)
        await pipeline.intake.accept(message)
        await pipeline.work()
        yield Bench(pipeline, storage, late)


@pytest.mark.parametrize("refuses", [False, True])
async def test_a_file_that_comes_late_is_added(bench: Bench, *, refuses: bool) -> None:
    """Twilio has it after a quarter of an hour, or a token was rotated meanwhile: the agent gets it."""
    bench.storage.refuses = refuses
    (lost,) = await bench.media()
    assert (lost.error, lost.key, lost.url) == (MediaError.UNAVAILABLE, None, "https://t/1")
    assert (await bench.pipeline.current(MARIA)).human
    assert await bench.passes(15) == 0
    bench.storage.refuses, bench.storage.ready = False, True
    assert await bench.passes(2) == 1
    (found,) = await bench.media()
    assert found.error is None
    assert await bench.storage.store.stat(found.key or "") is not None
    asked = len(bench.storage.asked)
    assert await bench.passes(60) == 0
    assert len(bench.storage.asked) == asked


async def test_it_is_asked_for_less_and_less_and_not_for_ever(bench: Bench) -> None:
    """After 1, 2, 4 ... 64 minutes; then the message stays without."""
    before = len(bench.storage.asked)
    asked: list[int] = []
    for minute in range(1, 121):
        await bench.passes(1)
        asked += [minute] * (len(bench.storage.asked) - before - len(asked))
    assert asked == [1, 2, 4, 8, 16, 32, 64]


async def test_a_look_that_breaks_off_is_made_again(bench: Bench) -> None:
    """While files cannot be kept the time that was looked at is not over; another process goes on with it."""
    bench.storage.ready = True
    bench.storage.full = True
    with pytest.raises(StoreUnavailable):
        await bench.passes(2)
    bench.storage.full = False
    assert await bench.passes(1) == 1
