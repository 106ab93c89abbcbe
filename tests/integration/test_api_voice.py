"""Agents' voices over the HTTP API: a typed answer that is spoken, and a recording."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from yarl import URL

from ponte.audio import MAX_BYTES
from ponte.domain.message import Kind
from tests.fixtures.api_office import Office, open_office
from tests.support.sounds import HOSTILE, heard, recording


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Return a running API without a speech server."""
    async with open_office(tmp_path) as opened:
        yield opened


async def holding(office: Office) -> tuple[str, str]:
    """Let an agent hold a conversation; return its path and the agent's token."""
    waiting = await office.waiting()
    _, token = await office.add_agent("Ana")
    path = f"/v1/conversations/{waiting.id}"
    assert (await office.call("POST", f"{path}/claim", token)).status == 200
    return path, token


@pytest.mark.parametrize("form", ["webm", "m4a", "ogg"])
async def test_a_recording_becomes_a_voice_note(office: Office, form: str) -> None:
    """What a browser or a phone records is queued as an audio in the form that WhatsApp plays."""
    path, token = await holding(office)
    answer = await office.call("POST", f"{path}/voice", token, data=recording(form, 3_000))
    assert answer.status == 201, answer.text
    (item,) = answer.json["items"]
    assert (item["kind"], item["body"], item["status"], item["author"]) == ("audio", "", "queued", "agent")
    row = await office.ponte.store.message(item["id"])
    (media,) = row.media
    assert (row.kind, media.content_type) == (Kind.AUDIO, "audio/ogg")
    assert media.duration_ms == pytest.approx(3_000, rel=0.05)
    content = b"".join([block async for block in office.ponte.media.read(media.key or "")])
    assert len(content) == media.size
    found = heard(content)
    assert (found.codec, found.channels, found.rate) == ("opus", 1, 48_000)


async def test_a_repeated_key_sends_one_recording(office: Office) -> None:
    """A second call with the same key returns the message of the first."""
    path, token = await holding(office)
    data, key = recording("webm"), {"Idempotency-Key": "abc"}
    first = await office.call("POST", f"{path}/voice", token, data=data, headers=key)
    again = await office.call("POST", f"{path}/voice", token, data=data, headers=key)
    assert first.status == again.status == 201
    assert first.json == again.json


@pytest.mark.parametrize(
    "data", [b"", b"no recording", b"#EXTM3U\nfile:///etc/passwd\n", HOSTILE["unknown codec"]]
)
async def test_what_is_no_recording_is_refused(office: Office, data: bytes) -> None:
    """The answer says what may be sent, and nothing is queued."""
    path, token = await holding(office)
    answer = await office.call("POST", f"{path}/voice", token, data=data)
    assert (answer.status, answer.json["error"]["code"]) == (422, "invalid_input"), answer.text
    assert await office.ponte.store.outbox_size() == 0


async def test_a_recording_that_is_too_large_is_refused(office: Office) -> None:
    """More than WhatsApp takes is refused before it is read; other routes keep their own limit."""
    path, token = await holding(office)
    for route, size in (("voice", MAX_BYTES + 1), ("reply", 300_000)):
        reader, writer = await asyncio.open_connection("127.0.0.1", URL(office.url).port)
        # Only told, not sent: the answer may come before all of a body is.
        head = f"POST {path}/{route} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n"
        head += "Content-Type: application/json\r\n"
        writer.write(f"{head}Authorization: Bearer {token}\r\n\r\n".encode())
        assert (await reader.readline()).split()[1] == b"413"
        writer.close()
        await writer.wait_closed()


async def test_only_the_holder_may_send_a_recording(office: Office) -> None:
    """Somebody else's conversation, an unclaimed one, an unknown one, and nobody's session are refused."""
    path, _ = await holding(office)
    _, other = await office.add_agent("Rui")
    data = recording("webm", 300)
    assert (await office.call("POST", f"{path}/voice", other, data=data)).status == 409
    unclaimed = await office.waiting()
    assert (
        await office.call("POST", f"/v1/conversations/{unclaimed.id}/voice", other, data=data)
    ).status == 409
    assert (await office.call("POST", "/v1/conversations/none/voice", other, data=data)).status == 404
    assert (await office.call("POST", f"{path}/voice", data=data)).status == 401


async def test_a_spoken_reply_needs_a_speech_server(office: Office) -> None:
    """Without one, ``voice`` is refused in words; without ``voice`` the reply goes out as ever."""
    path, token = await holding(office)
    refused = await office.call("POST", f"{path}/reply", token, json={"body": "Oi!", "voice": True})
    assert "OPENAI_SPEECH_MODEL" in refused.json["error"]["message"]
    assert await office.ponte.store.outbox_size() == 0
    assert (await office.call("POST", f"{path}/reply", token, json={"body": "Oi!"})).status == 201
