"""A stand-in for OpenAI's API: predictable answers, and every way of failing on request.

The wire forms are those of https://platform.openai.com/docs/api-reference. Plain Starlette routes, since
benchmarks measure the application against it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypedDict

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from simulator.openai_wire import (
    Json,
    completion,
    completion_chunks,
    embeddings,
    last_user_text,
    offers_tool,
    response_schema,
    sample_of_schema,
    transcription,
)
from simulator.silence import silence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

Status = Literal[200, 400, 401, 429, 500, "hang", "refuse", "empty", "garbage"]
_STATUSES: tuple[object, ...] = (200, 400, 401, 429, 500, "hang", "refuse", "empty", "garbage")
_HOLD_SECONDS = 600
_OK = 200

_ERRORS: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", "invalid_value", "The request is not valid."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached."),
    500: ("server_error", None, "The server had an error while processing your request."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StubConfig:
    """The settings of the stub.

    Attributes:
        transfer_trigger: a last user message that contains this text (in any case) is answered with a call of
            the tool `transfer_tool`, when the request offers it.
        transfer_tool: that tool's name.
        reply: the answer; `{text}` stands for the last user message.
        script: other answers, each for a last user message that contains a text (in any case); the first that
            fits is given. An empty answer is a call of the tool `transfer_tool`.
        verdict: the value of every boolean in a structured answer; None: whether `transfer_trigger` was said.
        transcription: what every recording says.
        refusal: the text of the status `refuse`.
        models: what `/v1/models` lists.
        delay_ms: milliseconds before each answer.
        max_requests: how many requests are remembered.
    """

    transfer_trigger: str = "quero um atendente"
    transfer_tool: str = "transfer_to_human"
    reply: str = "resposta: {text}"
    script: tuple[tuple[str, str], ...] = ()
    verdict: bool | None = None
    transcription: str = "transcrição de teste"
    refusal: str = "Não posso ajudar com isso."
    models: tuple[str, ...] = ("gpt-stub", "gpt-stub-transcribe", "gpt-stub-speech")
    delay_ms: int = 0
    max_requests: int = 500


@dataclass(frozen=True, slots=True)
class Mode:
    """How the stub answers now.

    Attributes:
        status: an HTTP status; `hang` never answers; `refuse` answers with a model's refusal; `empty` and
            `garbage` answer speech requests with no bytes, and with some that are no recording.
        delay_ms: milliseconds before each answer.
        reply: the answer's template.
        count: after this many requests the stub answers normally again; None for no end.
        transcription: what every recording says.
    """

    status: Status
    delay_ms: int
    reply: str
    count: int | None = None
    transcription: str = ""


class RequestRecord(TypedDict):
    """One request as `/stub/requests` shows it; `at` in epoch milliseconds, UTC."""

    seq: int
    at: int
    path: str
    model: str
    last_user: str
    stream: bool
    status: Status
    body: Json


class _Stub:
    def __init__(self, config: StubConfig) -> None:
        self.config = config
        self.normal = Mode(200, config.delay_ms, config.reply, transcription=config.transcription)
        self.mode = self.normal
        self.requests: deque[RequestRecord] = deque(maxlen=config.max_requests)
        self.seq = 0
        self.closing = asyncio.Event()

    async def chat(self, request: Request) -> Response:
        body = _object(await request.body())
        if body is None:
            return _error(400)
        text = last_user_text(body)
        mode, failure = await self._begin(request, body, text)
        if failure is not None:
            return failure
        answer = self._answer(body, text, mode)
        if body.get("stream"):
            return StreamingResponse(_stream(body, answer, self.seq), media_type="text/event-stream")
        return JSONResponse(completion(body, answer, self.seq))

    def _answer(self, body: Json, text: str, mode: Mode) -> Json:
        """Return the assistant's message."""
        if mode.status == "refuse":
            return {"role": "assistant", "content": None, "refusal": self.config.refusal}
        folded = text.casefold()
        scripted = next((said for part, said in self.config.script if part.casefold() in folded), None)
        triggered = self.config.transfer_trigger.casefold() in folded or scripted == ""
        if triggered and offers_tool(body, self.config.transfer_tool):
            function = {"name": self.config.transfer_tool, "arguments": json.dumps({"reason": text})}
            call = {"id": f"call_{self.seq:024d}", "type": "function", "function": function}
            return {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]}
        schema = response_schema(body)
        if schema is not None and mode.reply == self.config.reply:
            yes = triggered if self.config.verdict is None else self.config.verdict
            content = json.dumps(sample_of_schema(schema, yes=yes), ensure_ascii=False)
        else:
            unchanged = mode.reply == self.config.reply
            content = scripted if scripted and unchanged else mode.reply.replace("{text}", text)
        return {"role": "assistant", "content": content, "refusal": None}

    async def transcribe(self, request: Request) -> Response:
        async with request.form() as form:
            body: Json = {}
            for key, value in form.multi_items():
                size = None if isinstance(value, str) else value.size
                name = value if isinstance(value, str) else value.filename
                if key.endswith("[]"):
                    listed = body.setdefault(key, [])
                    if isinstance(listed, list):
                        listed.append(name)
                else:
                    body[key] = name if size is None else {"filename": name, "bytes": size}
        mode, failure = await self._begin(request, body, "")
        if failure is not None:
            return failure
        if body.get("response_format") == "text":
            return Response(mode.transcription, media_type="text/plain")
        return JSONResponse(transcription(body, mode.transcription))

    async def speak(self, request: Request) -> Response:
        body = _object(await request.body())
        if body is None:
            return _error(400)
        mode, failure = await self._begin(request, body, str(body.get("input", "")))
        if failure is not None:
            return failure
        if mode.status in {"empty", "garbage"}:
            data = b"" if mode.status == "empty" else b"<html>not a recording</html>" * 40
            return Response(data, media_type="audio/ogg")
        content_type, data = silence(str(body.get("response_format") or "mp3"))
        return Response(data, media_type=content_type)

    async def embed(self, request: Request) -> Response:
        body = _object(await request.body())
        if body is None:
            return _error(400)
        _, failure = await self._begin(request, body, "")
        return JSONResponse(embeddings(body)) if failure is None else failure

    async def models(self, _: Request) -> Response:
        items = [
            {"id": name, "object": "model", "created": 0, "owned_by": "stub"} for name in self.config.models
        ]
        return JSONResponse({"object": "list", "data": items})

    async def _begin(self, request: Request, body: Json, text: str) -> tuple[Mode, Response | None]:
        """Remember a request, wait as long as the mode says, and return the failure it asks for."""
        mode = self.mode
        if mode.count is not None:
            self.mode = self.normal if mode.count <= 1 else replace(mode, count=mode.count - 1)
        self.seq += 1
        self.requests.append(
            {
                "seq": self.seq,
                "at": int(time.time() * 1000),
                "path": request.url.path,
                "model": str(body.get("model", "")),
                "last_user": text,
                "stream": bool(body.get("stream")),
                "status": mode.status,
                "body": body,
            }
        )
        if mode.delay_ms:
            await asyncio.sleep(mode.delay_ms / 1000)
        if mode.status == "hang":
            await self._hold(request)
            return mode, _error(500)
        if isinstance(mode.status, int) and mode.status != _OK:
            return mode, _error(mode.status)
        return mode, None

    async def _hold(self, request: Request) -> None:
        waits = {asyncio.ensure_future(request.receive()), asyncio.ensure_future(self.closing.wait())}
        try:
            await asyncio.wait(waits, timeout=_HOLD_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def control(self, request: Request) -> Response:
        if request.method == "POST":
            data = _object(await request.body())
            problem = "The body is not a JSON object." if data is None else self._set_mode(data)
            if problem is not None:
                return JSONResponse({"detail": problem}, 422)
        if request.method == "DELETE":
            self.mode = self.normal
        mode = self.mode
        return JSONResponse(
            {"status": mode.status, "delay_ms": mode.delay_ms, "reply": mode.reply, "count": mode.count}
        )

    def _set_mode(self, data: Json) -> str | None:
        """Change the mode; what is not named goes back to normal. Return what is wrong, if anything."""
        status, delay = data.get("status", 200), data.get("delay_ms", self.normal.delay_ms)
        reply, count = data.get("reply", self.normal.reply), data.get("count")
        said = data.get("transcription", self.normal.transcription)
        if status not in _STATUSES:
            return f"The status is one of {', '.join(str(item) for item in _STATUSES)}."
        if not isinstance(delay, int) or delay < 0:
            return "The delay_ms is a whole number of milliseconds, 0 or more."
        if not isinstance(reply, str) or not isinstance(said, str):
            return "The reply and the transcription are texts."
        if count is not None and (not isinstance(count, int) or count < 1):
            return "The count is a whole number from 1, or null."
        self.mode = Mode(_status(status), delay, reply, count, said)
        return None

    async def history(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.requests.clear()
        after = request.query_params.get("after", "0")
        first = int(after) if after.isdecimal() else 0
        return JSONResponse(
            {"items": [item for item in self.requests if item["seq"] > first], "total": self.seq}
        )


def create_stub_app(config: StubConfig | None = None) -> Starlette:
    """Build the stand-in for OpenAI.

    Args:
        config: its settings; None takes the defaults.

    Returns:
        The application, with `/v1/...` for the application under test and `/stub/...` for the test itself.
    """
    stub = _Stub(config or StubConfig())
    app = Starlette(
        routes=[
            Route("/v1/chat/completions", stub.chat, methods=["POST"]),
            Route("/v1/audio/transcriptions", stub.transcribe, methods=["POST"]),
            Route("/v1/audio/speech", stub.speak, methods=["POST"]),
            Route("/v1/embeddings", stub.embed, methods=["POST"]),
            Route("/v1/models", stub.models),
            Route("/stub/mode", stub.control, methods=["GET", "POST", "DELETE"]),
            Route("/stub/requests", stub.history, methods=["GET", "DELETE"]),
        ]
    )
    app.state.begin_shutdown = stub.closing.set
    return app


async def _stream(body: Json, answer: Json, seq: int) -> AsyncIterator[str]:
    for chunk in completion_chunks(body, answer, seq):
        yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
    yield "data: [DONE]\n\n"


def _status(value: object) -> Status:
    known: dict[object, Status] = {200: 200, 400: 400, 401: 401, 429: 429, 500: 500}
    known |= {"hang": "hang", "refuse": "refuse", "empty": "empty", "garbage": "garbage"}
    return known[value]


def _error(status: int) -> Response:
    kind, code, message = _ERRORS[status]
    error = {"message": message, "type": kind, "param": None, "code": code}
    return JSONResponse({"error": error}, status)


def _object(data: bytes) -> Json | None:
    try:
        found = json.loads(data)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
