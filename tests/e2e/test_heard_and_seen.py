"""Files through everything: phones send them, the worker fetches them, a model hears them, phones play.

Real sockets and the real twilio and openai clients, between the simulator and the stand-in for OpenAI.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.documents import pdf
from tests.support.sounds import HOSTILE, heard
from tests.support.spoken import Spoken, encoded, lasting, noise, silence
from tests.support.whole import PROMPTS, Json, Whole, attached, open_whole

SAID = "transcrição de teste"
REPEAT = "Recebi seu áudio, mas não consegui ouvir nada nele."
UNREAD = "Recebi o que você enviou, mas não consigo abrir esse arquivo por aqui."
HUMAN = "Ok, vou te transferir para um de nossos atendentes."


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Whole]:
    """Run simulator, model, and API with worker; on a busy machine, too, an answer waits for its voice."""
    prompts = tmp_path / "prompts"
    await asyncio.to_thread(shutil.copytree, PROMPTS, prompts)
    policy = prompts / "policy.yaml"
    patient = policy.read_text(encoding="utf-8").replace("wait_ms: 6000", "wait_ms: 15000")
    policy.write_text(patient, encoding="utf-8")
    async with open_whole(tmp_path, model=True, prompts_dir=prompts) as opened:
        yield opened


def recordings(spoken: Spoken) -> dict[str, tuple[Json, list[str]]]:
    """Return what customers send, and how each answer that they get begins."""
    question = encoded(spoken.question, "ogg")
    long = encoded(lasting(spoken.question, 600), "telephone")
    answer, again, human = [f"resposta: {SAID}"], [REPEAT], [UNREAD, HUMAN]
    return {
        "speech": (attached(question, "audio/ogg"), answer),
        "silence": (attached(encoded(silence(2), "ogg"), "audio/ogg"), again),
        "noise": (attached(encoded(noise(2), "ogg"), "audio/ogg"), again),
        "ten minutes": (attached(long, "audio/wav"), answer),
        "broken": (attached(question[:60], "audio/ogg"), human),
        "hostile": (attached(HOSTILE["unknown codec"], "audio/wav"), human),
        "a picture by its type": (attached(encoded(spoken.english, "mp3"), "image/jpeg"), answer),
        "a voice note by its type": (attached(b"\x89PNG\r\n\x1a\n" + bytes(50), "audio/ogg"), human),
    }


async def test_what_customers_say_is_heard_and_answered_aloud(whole: Whole, spoken: Spoken) -> None:
    """Speech is answered by voice, what nobody said is asked for again, what is no sound brings a human.

    Each voice note on a phone can be played, as Opus in Ogg. Only speech was sent to the recogniser.
    """
    sent = recordings(spoken)

    async def one(number: int, name: str) -> tuple[str, list[Json], Json]:
        wa_id = f"5511900000{number:03d}"
        message, answers = sent[name]
        sid = await whole.says(wa_id, message)
        received = await whole.received(wa_id, len(answers))
        return name, received, await whole.shown(wa_id, sid)

    spoken_texts = []
    for name, received, shown in await asyncio.gather(*(one(n, name) for n, name in enumerate(sent))):
        answers = sent[name][1]
        # A file that is an audio by its declared type is answered by voice.
        aloud = sent[name][0]["content_type"].startswith("audio/")
        assert [bool(message["media"]) for message in received] == [aloud] * len(answers), name
        for message, begins in zip(received, answers, strict=True):
            if not aloud:
                assert message["body"].startswith(begins)
                continue
            spoken_texts.append(begins)
            played = heard(await whole.played(message))
            assert (played.container, played.codec, played.channels, played.ms > 0) == (
                "ogg",
                "opus",
                1,
                True,
            )
        (media,) = shown["media"]
        assert media["text"] == (SAID if answers[0].endswith(SAID) else None), name
    asked = {body["input"] for body in await whole.asked("/v1/audio/speech")}
    assert all(any(text.startswith(begins) for text in asked) for begins in spoken_texts)
    assert len(await whole.asked("/v1/audio/transcriptions")) == 3


async def test_files_and_cards_reach_the_model_as_data(whole: Whole) -> None:
    """A document and a contact card, fetched after their webhooks, are in the model's request."""
    card: Json = {"contact": {"name": "João Lima", "phone": "+55 11 98888-7777"}}
    await whole.says("5511900000001", {"body": "está certo?", **attached(pdf(["Baia 7"]), "application/pdf")})
    await whole.says("5511900000002", card)
    await asyncio.gather(whole.received("5511900000001"), whole.received("5511900000002"))
    asked = {
        str(request["messages"]): [m["content"] for m in request["messages"] if m["role"] == "user"]
        for request in await whole.asked("/v1/chat/completions")
    }
    background = "\n".join(texts[0] for texts in asked.values())
    assert '{"document": {"text": "Baia 7"}}' in background
    assert '"contact": {"name": "João Lima", "phones": ["+55 11 98888-7777"]' in background
    assert ["está certo?"] in [texts[1:] for texts in asked.values()]
