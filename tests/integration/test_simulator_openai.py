"""The stand-in for OpenAI through the real openai client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI

from simulator.openai_stub import StubConfig, create_stub_app
from simulator.serving import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {"name": "transfer_to_human", "parameters": {"type": "object", "properties": {}}},
}


def _user(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "system", "content": "s"}, {"role": "user", "content": text}]


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """The address of a running stub."""
    async with serve(create_stub_app(StubConfig(max_requests=3))) as served:
        yield served.url


@pytest.fixture
async def client(url: str) -> AsyncIterator[AsyncOpenAI]:
    """The real client, without retries of its own."""
    async with AsyncOpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0, timeout=5) as opened:
        yield opened


async def _mode(url: str, mode: dict[str, object]) -> int:
    async with aiohttp.ClientSession() as http, http.post(f"{url}/stub/mode", json=mode) as answer:
        await answer.read()
        return answer.status


async def test_an_answer_names_its_question(client: AsyncOpenAI) -> None:
    """The default answer echoes the last user message, with a usage."""
    answer = await client.chat.completions.create(model="m", messages=_user("que horas são?"))
    assert answer.choices[0].message.content == "resposta: que horas são?"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0


async def test_a_streamed_answer_is_the_same(client: AsyncOpenAI) -> None:
    """The pieces of a stream add up to the answer, and the usage comes last when asked for."""
    stream = await client.chat.completions.create(
        model="m", messages=_user("olá"), stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "resposta: olá"
    assert chunks[-1].usage is not None


@pytest.mark.parametrize("stream", [False, True])
async def test_the_trigger_calls_the_transfer_tool(client: AsyncOpenAI, stream: bool) -> None:  # noqa: FBT001 - a test parameter
    """A message with the trigger text is answered by a call of the offered tool."""
    if stream:
        chunks = await client.chat.completions.create(
            model="m", messages=_user("Quero um ATENDENTE"), tools=[TOOL], stream=True
        )
        calls = [
            call
            async for chunk in chunks
            for choice in chunk.choices
            for call in choice.delta.tool_calls or []
        ]
        assert [call.function.name for call in calls if call.function] == ["transfer_to_human"]
        return
    answer = await client.chat.completions.create(
        model="m", messages=_user("Quero um ATENDENTE"), tools=[TOOL]
    )
    assert answer.choices[0].finish_reason == "tool_calls"
    calls_made = answer.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls_made if call.type == "function"] == ["transfer_to_human"]


async def test_without_the_tool_the_trigger_is_only_text(client: AsyncOpenAI) -> None:
    """A request that does not offer the tool gets no call of it."""
    answer = await client.chat.completions.create(model="m", messages=_user("quero um atendente"))
    assert answer.choices[0].message.content == "resposta: quero um atendente"


async def test_a_schema_is_answered_with_a_value_it_allows(client: AsyncOpenAI) -> None:
    """Structured output gets JSON in the asked form, true where the trigger is in the message."""
    schema: dict[str, object] = {"type": "object", "properties": {"handoff": {"type": "boolean"}}}
    answer = await client.chat.completions.create(
        model="m",
        messages=_user("quero um atendente"),
        response_format={"type": "json_schema", "json_schema": {"name": "verdict", "schema": schema}},
    )
    assert answer.choices[0].message.content == '{"handoff": true}'


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ],
)
async def test_each_failure_is_the_clients_own_error(
    url: str, client: AsyncOpenAI, status: int, error: type[openai.APIStatusError]
) -> None:
    """A mode's status reaches the caller as the client's exception, for as many requests as counted."""
    assert await _mode(url, {"status": status, "count": 1}) == 200
    with pytest.raises(error):
        await client.chat.completions.create(model="m", messages=_user("olá"))
    answer = await client.chat.completions.create(model="m", messages=_user("olá"))
    assert answer.choices[0].message.content == "resposta: olá"


async def test_a_hanging_model_never_answers(url: str, client: AsyncOpenAI) -> None:
    """In the mode `hang` the client's time limit ends the wait, and the server still stops at once."""
    await _mode(url, {"status": "hang"})
    with pytest.raises(openai.APITimeoutError):
        await client.with_options(timeout=0.1).chat.completions.create(model="m", messages=_user("olá"))


async def test_a_model_can_refuse(url: str, client: AsyncOpenAI) -> None:
    """In the mode `refuse` the message carries a refusal instead of content."""
    await _mode(url, {"status": "refuse"})
    answer = await client.chat.completions.create(model="m", messages=_user("olá"))
    assert answer.choices[0].message.content is None
    assert answer.choices[0].message.refusal


async def test_reply_and_delay_are_set_and_reset(url: str, client: AsyncOpenAI) -> None:
    """A mode's template and delay hold until the mode is taken back."""
    await _mode(url, {"reply": "eco {text}!", "delay_ms": 30})
    loop = asyncio.get_running_loop()
    start = loop.time()
    answer = await client.chat.completions.create(model="m", messages=_user("olá"))
    assert answer.choices[0].message.content == "eco olá!"
    assert loop.time() - start >= 0.03
    async with aiohttp.ClientSession() as http, http.delete(f"{url}/stub/mode") as reset:
        assert await reset.json() == {
            "status": 200,
            "delay_ms": 0,
            "reply": "resposta: {text}",
            "count": None,
        }


@pytest.mark.parametrize("mode", [{"status": 418}, {"delay_ms": -1}, {"reply": 1}, {"count": 0}])
async def test_an_unknown_mode_is_refused(url: str, mode: dict[str, object]) -> None:
    """A mode that the stub does not know is a 422 and changes nothing."""
    assert await _mode(url, mode) == 422


async def test_requests_are_remembered_within_a_bound(url: str, client: AsyncOpenAI) -> None:
    """The last requests can be read back, whole, and no more than the bound."""
    for index in range(5):
        await client.chat.completions.create(model="m", messages=_user(f"n{index}"))
    async with aiohttp.ClientSession() as http, http.get(f"{url}/stub/requests") as answer:
        found = await answer.json()
    assert (found["total"], [item["last_user"] for item in found["items"]]) == (5, ["n2", "n3", "n4"])
    assert found["items"][0]["body"]["messages"][0]["content"] == "s"


async def test_speech_and_transcription_have_the_right_forms(url: str, client: AsyncOpenAI) -> None:
    """A recording gets the configured text, and a text gets a playable recording."""
    heard = await client.audio.transcriptions.create(model="w", file=("note.ogg", b"OggS", "audio/ogg"))
    assert heard.text == "transcrição de teste"
    spoken = await client.audio.speech.create(model="s", voice="v", input="olá", response_format="opus")
    assert (await spoken.aread()).startswith(b"OggS")
    assert "gpt-stub" in [model.id async for model in client.models.list()]
    async with aiohttp.ClientSession() as http, http.get(f"{url}/stub/requests") as answer:
        first = (await answer.json())["items"][0]
    assert (first["model"], first["body"]["file"]) == ("w", {"filename": "note.ogg", "bytes": 4})


async def test_a_request_that_is_no_json_is_a_400(url: str) -> None:
    """A body that cannot be read is the client's fault."""
    async with aiohttp.ClientSession() as http:
        for path in ("/v1/chat/completions", "/v1/audio/speech", "/stub/mode"):
            async with http.post(url + path, data=b"{") as answer:
                assert answer.status in {400, 422}
