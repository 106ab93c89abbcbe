"""Files of the knowledge base that go out with an answer: checked, versioned, sent once in a conversation."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from pypdf import PdfReader

from graph.attachments import Attachment, attachment
from graph.builder import build_graph
from graph.context import GraphContext
from graph.harness import Pipeline
from graph.outgoing_files import OutgoingFiles
from graph.prompt_source import read_folder, version_of
from graph.prompts import PromptSet, load_prompts, read_prompts
from graph.testing import FakeResponder, fake_context
from ponte.adapters.sqlite import SqliteStore, open_sqlite
from ponte.domain.message import Author, Kind, Media, Message
from ponte.errors import InvalidInput
from ponte.testing import FakeMessenger, ManualClock, MemoryMediaStore
from scripts.price_pdf import KNOWLEDGE, tables

MARIA = "whatsapp:+5511900000001"
PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
PRICES = (PROMPTS / "knowledge" / "precos.pdf").read_bytes()
KEY = hashlib.sha256(PRICES).hexdigest()


@pytest.fixture(scope="module")
def base() -> GraphContext:
    """The sample company's files, without a model."""
    return fake_context(PROMPTS)


def _prices(prompts: PromptSet) -> Attachment:
    return next(one for s in prompts.knowledge for one in s.attached if one.path == "precos.pdf")


class Office:
    """A pipeline with a store for files, and a customer."""

    def __init__(self, store: SqliteStore, context: GraphContext) -> None:
        clock = ManualClock()
        self.files = MemoryMediaStore()
        self.messenger = FakeMessenger(clock)
        graph = build_graph(InMemorySaver())
        self.pipeline = Pipeline(
            store, graph, context, clock=clock, messenger=self.messenger, files=self.files
        )
        self._turns = 0

    async def asked(self, question: str) -> list[Message]:
        """Return what the bot says to a question."""
        before = len(await self.pipeline.transcript(MARIA)) if self._turns else 0
        self._turns += 1
        await self.pipeline.customer_says(MARIA, question, f"SM{self._turns:032d}")
        await self.pipeline.settle()
        rows = await self.pipeline.transcript(MARIA)
        return [row for row in rows[before:] if row.author is Author.BOT]


@pytest.fixture
async def office(tmp_path: Path, base: GraphContext) -> AsyncIterator[Callable[[str | None], Office]]:
    """Return a function that opens an office; its argument is what a model answers, if there is one."""
    async with open_sqlite(tmp_path) as store:
        await store.migrate()

        def opened(said: str | None = None) -> Office:
            responder = None if said is None else FakeResponder(answers=[said])
            return Office(store, replace(base, responder=responder))

        yield opened


@pytest.mark.parametrize("said", [None, "Custa a partir de R$ 90.\n[[sources: 1]]"], ids=["files", "model"])
async def test_a_file_follows_the_answer_that_rests_on_its_section(
    office: Callable[[str | None], Office], said: str | None
) -> None:
    """The text first, then the document, from the media store and by the version that holds it."""
    desk = office(said)
    text, file = await desk.asked("qual o preço da aula?")
    assert dict(text.details)["sources"] == "hipica.pt-BR.md#precos-das-aulas"
    assert (file.kind, file.body, file.seq) == (Kind.DOCUMENT, "", text.seq + 1)
    assert file.media == (Media("", "application/pdf", key=KEY, size=len(PRICES), name="precos.pdf"),)
    assert file.prompt_version == text.prompt_version
    assert b"".join([piece async for piece in desk.files.read(KEY)]) == PRICES
    sent = [one.outbound for one in desk.messenger.sent]
    assert [one.body for one in sent] == [text.body, ""]
    assert [one.media_url is not None for one in sent] == [False, True]
    assert (await desk.pipeline.current(MARIA)).preview.endswith("precos.pdf")


async def test_a_file_goes_out_once_in_a_conversation(office: Callable[[str | None], Office]) -> None:
    """Whichever of its sections is asked for next."""
    desk = office(None)
    assert len(await desk.asked("qual o preço da aula?")) == 2
    assert len(await desk.asked("qual o preço da aula?")) == 1
    assert len(await desk.asked("quanto custa a pensão do meu cavalo?")) == 1


async def test_an_answer_that_rests_on_another_section_carries_none(
    office: Callable[[str | None], Office],
) -> None:
    """What the model was merely shown is not sent."""
    assert len(await office("Sim!\n[[sources: none]]").asked("qual o preço da aula?")) == 1
    assert len(await office(None).asked("aceitam pix?")) == 1


async def test_a_turn_that_is_run_again_with_newer_files_sends_what_is_still_there(
    base: GraphContext,
) -> None:
    """A file that neither the prompt files nor the store hold any more is left out."""
    files = OutgoingFiles(store := MemoryMediaStore(), ManualClock())
    media = _prices(base.prompts).media
    newer = replace(base.prompts, knowledge=())
    assert await files.kept([media], newer) == []
    assert await files.kept([media], base.prompts) == [media]
    assert await files.kept([media], newer) == [media]
    assert await store.stat(KEY) is not None


@pytest.mark.parametrize(
    ("line", "content", "said"),
    [
        ("attach: none.pdf", b"", "there is no file knowledge/none.pdf"),
        ("attach: ../policy.yaml", b"", "is no file within knowledge/"),
        ("attach: /etc/passwd", b"", "is no file within knowledge/"),
        ("attach:", b"", "is no file within knowledge/"),
        ("attach: x.exe", b"MZ", "cannot be sent; attach one of .pdf"),
        ("attach: x.pdf", b"<html>", "is no .pdf file inside"),
        ("attach: x.pdf", b"%PDF-" + bytes(1_000_000), "there is no file knowledge/x.pdf of at most 1 MB"),
    ],
)
def test_what_cannot_be_attached_is_told_with_its_line(
    tmp_path: Path, line: str, content: bytes, said: str
) -> None:
    """In the check, and by whatever would serve the files: the last good version goes on."""
    folder = tmp_path / "knowledge"
    folder.mkdir()
    if content:
        (folder / line.partition(" ")[2]).write_bytes(content)
    (folder / "a.en.md").write_text(f"---\nlang: en\ntitle: A\n---\n\n## Prices\n{line}\nTen.\n", "utf-8")
    prompts, problems = read_prompts(tmp_path)
    assert prompts is None
    (found,) = [p for p in problems if p.file == "knowledge/a.en.md"]
    assert found.line == 7
    assert said in found.message


def test_a_file_under_no_heading_belongs_to_no_answer(tmp_path: Path) -> None:
    """Its line is told."""
    (tmp_path / "knowledge").mkdir()
    body = "---\nlang: en\ntitle: A\n---\nattach: x.pdf\n\n## Prices\nTen.\n"
    (tmp_path / "knowledge" / "a.en.md").write_text(body, "utf-8")
    _, problems = read_prompts(tmp_path)
    (found,) = [p for p in problems if p.file == "knowledge/a.en.md"]
    assert (found.line, "under no heading" in found.message) == (5, True)


async def test_a_version_holds_its_files_byte_for_byte(tmp_path: Path, base: GraphContext) -> None:
    """Another file is another version, and a version that is gone back to sends the file that it had."""
    files = dict(read_folder(PROMPTS).files)
    newer = {**files, "knowledge/precos.pdf": PRICES + b"%\n"}
    assert version_of(newer) != version_of(files) == base.prompts.version
    async with open_sqlite(tmp_path) as store:
        await store.migrate()
        await store.keep_prompts(version_of(files), files, 1)
        kept = load_prompts(await store.prompt_files(version_of(files)))
    assert _prices(kept).content == PRICES
    assert _prices(load_prompts(newer)).media.key != KEY


def test_the_line_itself_is_not_part_of_the_text(base: GraphContext) -> None:
    """Neither customers nor the model read it."""
    assert not any("attach:" in section.text for section in base.prompts.knowledge)
    assert sum(bool(section.attached) for section in base.prompts.knowledge) == 6


@pytest.mark.parametrize("name", ["precos.pdf", "precios.pdf", "prices.pdf"])
def test_the_sample_price_lists_say_what_the_knowledge_files_say(name: str, base: GraphContext) -> None:
    """Whoever changes a price draws them again: `python scripts/price_pdf.py`."""
    read = PdfReader(KNOWLEDGE / name).pages[0].extract_text()
    (source, *_) = [s.source for s in base.prompts.knowledge if name in {one.path for one in s.attached}]
    items = [one for rows in tables((KNOWLEDGE / source).read_text("utf-8")).values() for one in rows]
    assert len(items) == 7
    assert all(word in read and price in read for word, price in items)


def test_types_are_whatsapps_and_told_by_content() -> None:
    """A document keeps its name, without folders."""
    found = attachment("sub/x.pdf", {"knowledge/sub/x.pdf": b"%PDF-1"})
    assert (found.path, found.media.name, found.content_type) == ("sub/x.pdf", "x.pdf", "application/pdf")
    with pytest.raises(InvalidInput, match=r"no \.png file"):
        attachment("x.png", {"knowledge/x.png": b"\xff\xd8\xff"})
