"""The real openai client against the stand-in for OpenAI: voice notes and pictures, come what may."""

from __future__ import annotations

import io
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette

from graph.audio import AudioLimits
from graph.context import GraphContext, Limits, ModelFailed
from graph.context_factory import open_graph_context
from graph.hearing import Hints
from graph.testing import FixedClock
from graph.transcriber import read_answer, request_options
from graph.understanding import understand
from ponte.domain.message import Media, MediaError
from ponte.settings import load_settings
from ponte.testing import MemoryMediaStore
from simulator.openai_stub import create_stub_app
from simulator.serving import Served
from tests.support.spoken import Spoken, encoded, lasting, noise, say, silence

PROMPTS = Path(__file__).parents[2] / "prompts"
HINTS = Hints(("pt", "es"), ("Hípica", "baia"))
FAST = Limits(model_backoff_ms=5, model_timeout_ms=2_000, transcribe_timeout_ms=2_000)


@dataclass
class Wire:
    """The product's own context on a stub."""

    stub: httpx2.AsyncClient
    context: GraphContext
    files: MemoryMediaStore

    async def mode(self, **mode: object) -> None:
        """Set how the stub answers."""
        assert (await self.stub.post("/stub/mode", json=mode)).status_code == 200

    async def asked(self) -> list[dict[str, object]]:
        """Return the bodies of the requests so far."""
        return [item["body"] for item in (await self.stub.get("/stub/requests")).json()["items"]]

    def keep(self, data: bytes, content_type: str = "audio/ogg") -> Media:
        """Store a file as a fetched one."""
        stored = self.files.keep(data, content_type)
        return Media("", content_type, key=stored.key, size=stored.size)

    async def understand(self, data: bytes, content_type: str = "audio/ogg") -> Media:
        """Store a file and understand it."""
        return await understand(self.keep(data, content_type), self.context, "pt-BR")


class Connect:
    """Opens the context on a stub of its own."""

    def __init__(self, serve_app: Callable[[Starlette], Awaitable[Served]]) -> None:
        self._serve = serve_app

    @asynccontextmanager
    async def __call__(
        self, model: str = "gpt-transcribe", vision: str = "", limits: Limits = FAST
    ) -> AsyncIterator[Wire]:
        """Yield what a test needs."""
        served = await self._serve(create_stub_app())
        settings = load_settings(
            openai_api_key="sk-test",
            openai_base_url=f"{served.url}/v1",
            openai_transcribe_model=model,
            openai_vision_model=vision,
            prompts_dir=PROMPTS,
        )
        files = MemoryMediaStore()
        async with (
            httpx2.AsyncClient(base_url=served.url) as stub,
            open_graph_context(settings, FixedClock(), limits, files) as context,
        ):
            yield Wire(stub, context, files)


@pytest.fixture
def connect(serve_app: Callable[[Starlette], Awaitable[Served]]) -> Connect:
    """Return what opens a context on a stub."""
    return Connect(serve_app)


async def test_a_voice_note_becomes_text(connect: Connect, spoken: Spoken) -> None:
    """The file goes out as it came, with languages and the company's words; text and language come back."""
    data = encoded(spoken.question, "ogg")
    async with connect() as wire:
        media = await wire.understand(data)
        (body,) = await wire.asked()
    assert (media.text, media.language, media.error) == ("transcrição de teste", "pt", None)
    assert media.duration_ms is not None
    assert 3_000 < media.duration_ms < 4_000
    assert body["file"] == {"filename": "audio.ogg", "bytes": len(data)}
    assert body["model"] == "gpt-transcribe"
    assert body["languages[]"] == ["pt", "es", "en"]
    assert "Hípica Ponte Alta" in str(body["keywords[]"])
    assert not {"language", "prompt", "include[]"} & set(body)


@pytest.mark.parametrize(
    ("model", "there", "confidence", "language"),
    [
        ("whisper-1", {"prompt", "response_format"}, 0.8187, "pt"),
        ("openai/whisper-large-v3", {"prompt", "response_format"}, 0.8187, "pt"),
        ("gpt-4o-mini-transcribe", {"prompt", "include[]"}, 0.9048, None),
        ("parakeet", {"prompt"}, None, "pt"),
    ],
)
async def test_other_models_are_asked_in_their_own_way(
    connect: Connect,
    spoken: Spoken,
    *,
    model: str,
    there: set[str],
    confidence: float | None,
    language: str | None,
) -> None:
    """A prompt where there are no keywords, and the confidence where the model tells of one."""
    async with connect(model) as wire:
        media = await wire.understand(encoded(spoken.question, "ogg"))
        (body,) = await wire.asked()
    assert there <= set(body)
    assert not {"languages[]", "keywords[]", "language"} & set(body)
    assert (media.confidence, media.language) == (confidence, language)


@pytest.mark.parametrize("form", ["silence", "white", "brown"])
async def test_silence_and_noise_never_reach_the_model(connect: Connect, form: str) -> None:
    """They are marked as silent, and nothing is asked."""
    samples = silence(3) if form == "silence" else noise(3, form)
    async with connect() as wire:
        media = await wire.understand(encoded(samples, "ogg"))
        assert await wire.asked() == []
    assert (media.error, media.text) == (MediaError.SILENT, None)
    assert media.duration_ms is not None
    assert media.duration_ms >= 3_000


async def test_an_invention_counts_as_silence(connect: Connect, spoken: Spoken) -> None:
    """What the model adds from its training is not put into the customer's mouth."""
    async with connect() as wire:
        await wire.mode(transcription="Legendas pela comunidade Amara.org")
        media = await wire.understand(encoded(spoken.question, "ogg"))
    assert (media.error, media.text) == (MediaError.SILENT, None)


@pytest.mark.parametrize(
    ("word", "voice"),
    [("obrigado", "pt-br"), ("tchau", "pt-br"), ("e aí", "pt-br"), ("gracias", "es"), ("bye", "en")],
)
async def test_a_courtesy_of_one_word_is_heard(
    connect: Connect, spoken: Spoken, word: str, voice: str
) -> None:
    """What recognisers make up of noise is also what people say: in a short note it is theirs."""
    said = say(word, voice)
    for pause in (0.1, 1):
        note = np.concatenate([silence(pause), said, silence(pause)])
        async with connect() as wire:
            await wire.mode(transcription=f"{word.capitalize()}.")
            media = await wire.understand(encoded(note, "ogg"))
        assert (media.error, media.text) == (None, f"{word.capitalize()}.")
    del spoken


@pytest.mark.parametrize("color", ["", "white", "brown"])
async def test_a_courtesy_made_up_of_almost_nothing_counts_as_silence(
    connect: Connect, spoken: Spoken, color: str
) -> None:
    """In long silence or noise with a blip of a voice in it, recognisers hear thanks that nobody said."""
    blip = spoken.short[: len(spoken.short) // 2]
    around = noise(10, color, 200) if color else silence(10)
    async with connect() as wire:
        await wire.mode(transcription="Obrigado.")
        media = await wire.understand(encoded(np.concatenate([around, blip, around]), "ogg"))
        assert len(await wire.asked()) <= 1
    assert (media.error, media.text) == (MediaError.SILENT, None)


async def test_a_pdf_under_an_audio_type_is_unreadable(connect: Connect) -> None:
    """It is not sent anywhere."""
    async with connect() as wire:
        media = await wire.understand(b"%PDF-1.7\n" + bytes(500))
        assert await wire.asked() == []
    assert media.error is MediaError.UNREADABLE


async def test_a_long_recording_goes_out_in_pieces(connect: Connect, spoken: Spoken) -> None:
    """Ten minutes in pieces of four; the texts come back as one, in order."""
    limits = Limits(model_backoff_ms=5, audio=AudioLimits(piece_ms=4 * 60_000))
    async with connect(limits=limits) as wire:
        media = await wire.understand(encoded(lasting(spoken.question, 600), "ogg"))
        bodies = await wire.asked()
    assert len(bodies) == 3
    assert media.text == " ".join(["transcrição de teste"] * 3)
    assert media.duration_ms is not None
    assert abs(media.duration_ms - 600_000) < 1_000


@pytest.mark.parametrize(("status", "asked"), [(400, 1), (401, 1), (429, 2), (500, 2), ("hang", 2)])
async def test_a_server_that_fails_leaves_the_note_untold(
    connect: Connect, spoken: Spoken, status: int | str, asked: int
) -> None:
    """No text and no error of the file, within the tries' time; and it is tried again another time."""
    limits = Limits(model_backoff_ms=5, transcribe_timeout_ms=200)
    async with connect(limits=limits) as wire:
        media = wire.keep(encoded(spoken.short, "ogg"))
        await wire.mode(status=status)
        begin = time.monotonic()
        failed = await understand(media, wire.context, "pt-BR")
        assert time.monotonic() - begin < 5
        assert (failed.text, failed.error) == (None, None)
        assert len(await wire.asked()) == asked
        await wire.mode()
        assert (await understand(media, wire.context, "pt-BR")).text == "transcrição de teste"


async def test_a_passing_failure_is_tried_once_more(connect: Connect, spoken: Spoken) -> None:
    """The second try's answer counts."""
    async with connect() as wire:
        await wire.mode(status=500, count=1)
        assert (await wire.understand(encoded(spoken.short, "ogg"))).text == "transcrição de teste"


async def test_a_note_is_transcribed_once(connect: Connect, spoken: Spoken) -> None:
    """The same file again, forwarded by another customer, costs nothing."""
    async with connect() as wire:
        data = encoded(spoken.question, "ogg")
        assert await wire.understand(data) == await wire.understand(data)
        assert len(await wire.asked()) == 1


def photo() -> bytes:
    """Return a large photo."""
    target = io.BytesIO()
    Image.new("RGB", (3_000, 2_000), "brown").save(target, "JPEG")
    return target.getvalue()


async def test_a_picture_is_described(connect: Connect) -> None:
    """Small, as a data URL, with the instructions of prompts/image.md in the customer's language."""
    async with connect(vision="gpt-vision") as wire:
        await wire.mode(reply="Um cavalo marrom.")
        media = await wire.understand(photo(), "image/jpeg")
        (body,) = await wire.asked()
    assert (media.text, media.error) == ("Um cavalo marrom.", None)
    messages = body["messages"]
    assert isinstance(messages, list)
    system, user = messages
    assert body["model"] == "gpt-vision"
    assert "Brazilian Portuguese" in str(system)
    assert "data:image/jpeg;base64," in str(user)
    assert len(str(user)) < 100_000


@pytest.mark.parametrize("status", [400, 401, 429, 500, "hang", "refuse"])
async def test_a_vision_model_that_fails_leaves_the_picture_undescribed(
    connect: Connect, status: int | str
) -> None:
    """A human will look."""
    limits = Limits(model_backoff_ms=5, transcribe_timeout_ms=200)
    async with connect(vision="gpt-vision", limits=limits) as wire:
        await wire.mode(status=status)
        media = await wire.understand(photo(), "image/jpeg")
    assert (media.text, media.error) == (None, None)


async def test_without_a_vision_model_a_picture_is_left_alone(connect: Connect) -> None:
    """Nothing is asked, and nothing is wrong with the file."""
    async with connect() as wire:
        media = await wire.understand(photo(), "image/jpeg")
        assert await wire.asked() == []
    assert (media.text, media.error) == (None, None)


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("gpt-transcribe", {"response_format": "json", "languages": ["pt"], "keywords": ["x"]}),
        ("whisper-1", {"response_format": "verbose_json", "language": "pt", "prompt": "x"}),
        (
            "gpt-4o-transcribe",
            {"response_format": "json", "language": "pt", "prompt": "x", "include": ["logprobs"]},
        ),
        ("gpt-4o-transcribe-diarize", {"response_format": "json", "language": "pt"}),
    ],
)
def test_one_language_is_named_to_every_model(model: str, options: dict[str, object]) -> None:
    """Where customers speak one language only, models that take one are told."""
    assert request_options(model, Hints(("pt",), ("x",))) == options


@pytest.mark.parametrize("answer", [None, [], "text", {}, {"text": None}, {"error": "x"}])
def test_an_answer_without_a_transcript_is_a_failure(answer: object) -> None:
    """Whatever else a server sends."""
    with pytest.raises(ModelFailed):
        read_answer(answer)


def test_odd_answers_are_read_as_far_as_they_go() -> None:
    """Languages by name, code or not at all; numbers that are none are left out."""
    assert read_answer({"text": " a ", "language": "Portuguese"}).language == "pt"
    assert read_answer({"text": "a", "language": "pt-BR"}).language == "pt"
    assert read_answer({"text": "a", "languages": ["es"]}).language == "es"
    absent: tuple[object, ...] = ([], [{}], [None], None, "")
    for nothing in absent:
        assert read_answer({"text": "a", "languages": nothing}).language is None
    assert read_answer({"text": "a", "logprobs": [{"logprob": "x"}, 3]}).confidence is None
    assert read_answer({"text": "a", "segments": [{"avg_logprob": -0.5}]}).confidence is None
