"""Files through the pipeline: fetched before a turn, kept for so long, erased with the customer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from typer.testing import CliRunner

from graph.builder import build_graph
from graph.harness import Pipeline
from graph.testing import FakeResponder, fake_context
from ponte.adapters.sqlite import FileMedia, open_sqlite, open_sqlite_checkpoints
from ponte.bootstrap import Ponte, open_ponte
from ponte.cli.data import app
from ponte.domain.agent import Agent, Role
from ponte.domain.message import Inbound, Kind, Media, MediaError, Message
from ponte.errors import StoreUnavailable
from ponte.janitor import Janitor
from ponte.media_intake import MediaIntake
from ponte.ports import MediaStore
from ponte.settings import load_settings
from ponte.testing import FakeMessenger, ManualClock

MARIA = "whatsapp:+5511900000001"
ANA = Agent("ag_ana", "ana@example.com", "Ana", Role.AGENT, "x", 0)
PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
DAY_MS = 24 * 60 * 60 * 1000


async def keep(store: MediaStore, content: bytes, now: int) -> str:
    """Store a file; returns its key."""

    async def once() -> AsyncIterator[bytes]:
        yield content

    return (await store.put(once(), "image/png", now)).key


class FakeFetcher:
    """Twilio's storage: every address is a file of its own, but those that the test breaks."""

    def __init__(self, store: FileMedia, clock: ManualClock) -> None:
        self._store = store
        self._clock = clock
        self.asked: list[str] = []
        self.failure: Exception | None = None
        self.error: MediaError | None = None

    async def fetch(self, media: Media) -> Media:
        """Fetch a file, see ``ponte.ports.MediaFetcher``."""
        self.asked.append(media.url)
        if self.failure is not None:
            raise self.failure
        if self.error is not None:
            return replace(media, error=self.error)
        key = await keep(self._store, media.url.encode(), self._clock.now())
        return replace(media, content_type="image/png", key=key, size=len(media.url))


@pytest.fixture
def files(tmp_path: Path) -> FileMedia:
    """Return an empty media store."""
    return FileMedia(tmp_path / "files")


@pytest.fixture
def fetcher(files: FileMedia, manual_clock: ManualClock) -> FakeFetcher:
    """Return Twilio's storage."""
    return FakeFetcher(files, manual_clock)


@pytest.fixture
async def pipeline(
    tmp_path: Path,
    manual_clock: ManualClock,
    messenger: FakeMessenger,
    files: FileMedia,
    fetcher: FakeFetcher,
) -> AsyncIterator[Pipeline]:
    """Return a pipeline with an empty store, which fetches files."""
    async with open_sqlite(tmp_path / "db") as store:
        await store.migrate()
        await store.add_agent(ANA)
        context = fake_context(PROMPTS, responder=FakeResponder(answers=["Certo."]), clock=manual_clock)
        yield Pipeline(
            store,
            build_graph(InMemorySaver()),
            context,
            clock=manual_clock,
            messenger=messenger,
            media=MediaIntake(fetcher, files, manual_clock),
        )


async def sends(pipeline: Pipeline, n: int, *urls: str) -> None:
    """Let Maria send files."""
    message = Inbound(
        sid=f"MM{n:032x}",
        address=MARIA,
        to="whatsapp:+14155238886",
        body="",
        kind=Kind.IMAGE,
        received_at=pipeline.clock.now(),
        media=tuple(Media(url, "image/jpeg") for url in urls),
    )
    await pipeline.intake.accept(message)


async def last_from_maria(pipeline: Pipeline) -> Message:
    """Return Maria's newest message."""
    return [m for m in await pipeline.transcript(MARIA) if m.author == "customer"][-1]


async def test_files_are_fetched_for_the_bot_and_for_a_human(
    pipeline: Pipeline, files: FileMedia, fetcher: FakeFetcher
) -> None:
    """In each stretch the transcript's rows carry the keys of what was fetched, once each."""
    await sends(pipeline, 1, "https://t/1", "https://t/2")
    await pipeline.settle()
    for_bot = await last_from_maria(pipeline)
    assert [await files.stat(m.key or "") is not None for m in for_bot.media] == [True, True]
    current = await pipeline.current(MARIA)
    assert current.human, "a picture that nobody here can read is for an agent"
    await pipeline.desk.claim(ANA, current.id)
    await sends(pipeline, 2, "https://t/3")
    await pipeline.settle()
    for_human = await last_from_maria(pipeline)
    assert (for_human.seq > for_bot.seq, for_human.media[0].content_type) == (True, "image/png")
    assert await files.stat(for_human.media[0].key or "") is not None
    assert fetcher.asked == ["https://t/1", "https://t/2", "https://t/3"]


async def test_a_file_that_cannot_be_had_does_not_stop_the_turn(
    pipeline: Pipeline, fetcher: FakeFetcher
) -> None:
    """A refused file is told on the message, which reaches a human."""
    fetcher.error = MediaError.REFUSED
    await sends(pipeline, 1, "https://t/1")
    await pipeline.settle()
    assert (await last_from_maria(pipeline)).media[0].error is MediaError.REFUSED
    assert (await pipeline.current(MARIA)).human


async def test_a_fetch_that_breaks_unexpectedly_keeps_the_message(
    pipeline: Pipeline, fetcher: FakeFetcher
) -> None:
    """Whatever fetching raises, the message is tried again, and is answered once it works."""
    fetcher.failure = RuntimeError("nobody thought of this")
    await sends(pipeline, 1, "https://t/1")
    await pipeline.work()
    fetcher.failure = None
    await pipeline.settle()
    assert (await last_from_maria(pipeline)).media[0].key


async def test_a_store_that_is_full_keeps_the_message_waiting(
    pipeline: Pipeline, fetcher: FakeFetcher
) -> None:
    """While files cannot be kept the message stays in the inbox, and goes through afterwards."""
    fetcher.failure = StoreUnavailable("no space left")
    await sends(pipeline, 1, "https://t/1")
    with pytest.raises(StoreUnavailable):
        await pipeline.work()
    contact = await pipeline.contact(MARIA)
    assert len(await pipeline.store.pending(contact.id, 10)) == 1
    fetcher.failure = None
    await pipeline.settle()
    assert (await last_from_maria(pipeline)).media[0].key


async def test_files_past_their_retention_are_pruned(
    tmp_path: Path, files: FileMedia, manual_clock: ManualClock
) -> None:
    """The janitor deletes files that nobody stored within the retention time, and says how many."""
    old = await keep(files, b"old", manual_clock.now() - 31 * DAY_MS)
    young = await keep(files, b"young", manual_clock.now() - 29 * DAY_MS)
    async with open_sqlite(tmp_path / "db") as store, open_sqlite_checkpoints(store) as checkpoints:
        await store.migrate()
        janitor = Janitor(
            store,
            checkpoints,
            manual_clock,
            retention_ms=30 * DAY_MS,
            idle_ms=DAY_MS,
            owner="test",
            media=files,
        )
        pruned = await janitor.run_once()
    assert pruned is not None
    assert pruned.files == 1
    assert (await files.stat(old), (await files.stat(young)) is not None) == (None, True)


def test_erasing_a_customer_takes_their_files(manual_clock: ManualClock) -> None:
    """The export names a customer's files; erasing deletes them, but for those that another customer has."""
    found: dict[str, str] = {}

    async def prepare(ponte: Ponte) -> None:
        for name in ("own", "shared"):
            found[name] = await keep(ponte.media, name.encode(), ponte.clock.now())
        context = fake_context(PROMPTS, responder=FakeResponder(), clock=manual_clock)
        pipeline = Pipeline(
            ponte.store,
            build_graph(InMemorySaver()),
            context,
            clock=manual_clock,
            messenger=FakeMessenger(manual_clock),
        )
        for n, (address, keys) in enumerate({MARIA: ("own", "shared"), f"{MARIA}9": ("shared",)}.items()):
            media = tuple(Media("", "image/png", key=found[name]) for name in keys)
            message = Inbound(f"MM{n:032x}", address, "whatsapp:+1", "", Kind.IMAGE, 0, media=media)
            await pipeline.intake.accept(message)
        await pipeline.settle()

    async def left() -> dict[str, bool]:
        async with open_ponte(load_settings()) as ponte:
            return {name: await ponte.media.stat(key) is not None for name, key in found.items()}

    async def opened() -> None:
        async with open_ponte(load_settings()) as ponte:
            await prepare(ponte)

    asyncio.run(opened())
    exported = CliRunner().invoke(app, ["export", MARIA])
    assert exported.exit_code == 0
    (conversation,) = json.loads(exported.stdout)["conversations"]
    assert [f["key"] for f in conversation["messages"][0]["media"]] == list(found.values())
    erased = CliRunner().invoke(app, ["erase", MARIA, "--yes"])
    assert erased.exit_code == 0
    assert "files: 1" in erased.stdout
    assert asyncio.run(left()) == {"own": False, "shared": True}
