"""The real openai client against a server on this machine that has good and bad days."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from graph.builder import build_graph
from graph.context import ChatMessage, GraphContext, Limits, ModelFailed, Responder
from graph.context_factory import open_graph_context
from graph.state import InboundItem
from graph.testing import FixedClock
from graph.turn import run_turn
from ponte.domain.conversation import Trigger
from ponte.settings import load_settings
from simulator.serving import Served

PROMPTS = Path(__file__).parents[2] / "prompts"
QUESTION = [ChatMessage("system", "s"), ChatMessage("user", "oi")]


def completion(content: str | None, calls: list[tuple[str, str]] | None = None, **more: object) -> Response:
    """Return a chat completion with a text or with tool calls (name, arguments)."""
    tools = [
        {"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for n, (name, arguments) in enumerate(calls or [])
    ]
    message = {"role": "assistant", "content": content, **({"tool_calls": tools} if tools else {}), **more}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return JSONResponse(
        {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    )


def failure(status: int, headers: dict[str, str] | None = None, code: str | None = None) -> Response:
    """Return an error as OpenAI words it, with a text that must not reach a log."""
    error = {"message": "secret detail", "type": "t", "code": code, "param": None}
    return JSONResponse({"error": error}, status, headers)


@dataclass
class Server:
    """A chat server that gives its answers in order, and the last one ever after."""

    answers: list[Response | float]
    asked: list[dict[str, object]] = field(default_factory=list)

    async def chat(self, request: Request) -> Response:
        """Answer, or hang for as many seconds as the answer says."""
        self.asked.append(json.loads(await request.body()))
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            return completion("late")
        return answer

    def app(self) -> Starlette:
        """Return the application."""
        return Starlette(routes=[Route("/v1/chat/completions", self.chat, methods=["POST"])])


class Connect:
    """Serves a ``Server`` and opens the product's own context on it."""

    def __init__(self, serve_app: Callable[[Starlette], Awaitable[Served]]) -> None:
        self._serve = serve_app

    @asynccontextmanager
    async def __call__(
        self, *answers: Response | float, limits: Limits | None = None, classifier: str = ""
    ) -> AsyncIterator[tuple[Server, GraphContext, Responder]]:
        """Yield the server, the context and its model."""
        server = Server(list(answers))
        served = await self._serve(server.app())
        settings = load_settings(
            openai_api_key="sk-test",
            openai_base_url=f"{served.url}/v1",
            openai_chat_model="chat-model",
            openai_classifier_model=classifier,
            prompts_dir=PROMPTS,
        )
        bounds = limits or Limits(model_backoff_ms=10, model_timeout_ms=3_000)
        async with open_graph_context(settings, FixedClock(), bounds) as ctx:
            assert ctx.responder is not None
            yield server, ctx, ctx.responder


@pytest.fixture
def connect(serve_app: Callable[[Starlette], Awaitable[Served]]) -> Connect:
    """Return what opens a context on a scripted server."""
    return Connect(serve_app)


async def test_a_text_comes_back(connect: Connect) -> None:
    """The request carries model, limits, all messages and the tool; the text comes back trimmed."""
    async with connect(completion("  Olá!\n")) as (server, _, model):
        answer = await model.reply(QUESTION)
    assert (answer.text, answer.transfer_reason) == ("Olá!", None)
    (body,) = server.asked
    assert body["model"] == "chat-model"
    assert body["messages"] == [{"role": "system", "content": "s"}, {"role": "user", "content": "oi"}]
    assert body["max_completion_tokens"] == 600
    assert "transfer_to_human" in json.dumps(body["tools"])
    assert "temperature" not in body


@pytest.mark.parametrize(
    ("arguments", "reason"), [('{"reason": "quer remarcar"}', "quer remarcar"), ("{}", ""), ("{broken", "")]
)
async def test_the_tool_asks_for_a_human(connect: Connect, arguments: str, reason: str) -> None:
    """A call of the tool is a wish for a human, even when its arguments are no valid JSON."""
    async with connect(completion("um momento", [("transfer_to_human", arguments)])) as (_, _, model):
        answer = await model.reply(QUESTION)
    assert answer.transfer_reason == reason
    assert answer.text == ""


@pytest.mark.parametrize(
    "bad",
    [
        completion(""),
        completion(None),
        completion(" \n "),
        completion(None, [("delete_everything", "{}")]),
        completion(None, refusal="no"),
        failure(400),
        failure(401),
        failure(403),
        failure(404),
        failure(422),
        failure(429, code="insufficient_quota"),
        failure(429, {"retry-after": "30"}),
        PlainTextResponse("<html>gateway</html>", media_type="text/html"),
        PlainTextResponse("{", media_type="application/json"),
        JSONResponse({"choices": []}),
        JSONResponse({"choices": None}),
    ],
    ids=[
        "empty",
        "null",
        "blank",
        "unknown tool",
        "refusal",
        "400",
        "401",
        "403",
        "404",
        "422",
        "no credit",
        "told to wait too long",
        "html",
        "broken json",
        "no choice",
        "null choices",
    ],
)
async def test_what_another_try_cannot_mend_fails_at_once(connect: Connect, bad: Response) -> None:
    """One request, one failure, and nothing of the server's own words in it."""
    async with connect(bad) as (server, _, model):
        with pytest.raises(ModelFailed) as raised:
            await model.reply(QUESTION)
    assert len(server.asked) == 1
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "bad",
    [failure(429), failure(500), failure(503), failure(408), failure(429, {"retry-after": "0.05"}), 60.0],
)
async def test_a_passing_failure_is_tried_once_more(connect: Connect, bad: Response | float) -> None:
    """The second try's answer counts."""
    limits = Limits(model_backoff_ms=10, model_timeout_ms=400)
    async with connect(bad, completion("agora sim"), limits=limits) as (server, _, model):
        assert (await model.reply(QUESTION)).text == "agora sim"
    assert len(server.asked) == 2


async def test_the_wait_that_the_server_asks_for_is_kept(connect: Connect) -> None:
    """Retry-After is respected up to its limit."""
    async with connect(failure(429, {"retry-after": "0.3"}), completion("ok")) as (_, _, model):
        begin = time.monotonic()
        await model.reply(QUESTION)
    assert time.monotonic() - begin >= 0.3


@pytest.mark.parametrize("bad", [failure(500), 60.0], ids=["500", "hang"])
async def test_a_lasting_failure_ends_after_the_tries(connect: Connect, bad: Response | float) -> None:
    """Two requests, then the failure, well within the deadline."""
    limits = Limits(model_backoff_ms=10, model_timeout_ms=100)
    async with connect(bad, limits=limits) as (server, _, model):
        with pytest.raises(ModelFailed):
            await model.reply(QUESTION)
    assert len(server.asked) == 2


async def test_no_server_at_all_is_a_failure() -> None:
    """A refused connection is a failure like any other."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = load_settings(openai_base_url=f"http://127.0.0.1:{port}/v1", prompts_dir=PROMPTS)
    async with open_graph_context(settings, FixedClock(), Limits(model_backoff_ms=1)) as ctx:
        assert ctx.responder is not None
        with pytest.raises(ModelFailed, match="connection"):
            await ctx.responder.reply(QUESTION)


async def test_the_judge_answers_in_a_form(connect: Connect) -> None:
    """The form is asked for strictly, another model may be set for it, and it has no tool."""
    yes, no = '{"wants_human": true, "confidence": 0.9}', '{"wants_human": false, "confidence": 80}'
    fenced = f"```json\n{yes}\n```"
    answers = [completion(text) for text in (yes, no, fenced, "certainly", '{"wants_human": "perhaps"}')]
    async with connect(*answers, classifier="small") as (server, _, model):
        assert [round(await model.judge(QUESTION), 3) for _ in range(3)] == [0.95, 0.1, 0.95]
        for _ in range(2):
            with pytest.raises(ModelFailed, match="form"):
                await model.judge(QUESTION)
    asked = server.asked[0]
    assert asked["model"] == "small"
    assert "tools" not in asked
    schema = json.loads(json.dumps(asked["response_format"]))["json_schema"]
    assert schema["strict"] is True
    assert set(schema["schema"]["properties"]) == {"wants_human", "confidence"}


@pytest.mark.parametrize(
    ("answers", "trigger", "failed"),
    [
        ((completion("Custa R$ 120."),), None, False),
        ((completion(None, [("transfer_to_human", '{"reason": "x"}')]),), Trigger.MODEL, False),
        ((failure(500),), Trigger.BOT_FAILED, True),
        ((failure(401),), Trigger.BOT_FAILED, True),
        ((completion(""),), Trigger.BOT_FAILED, True),
        ((60.0,), Trigger.BOT_FAILED, True),
    ],
    ids=["200", "tool", "500", "401", "empty", "hang"],
)
async def test_a_turn_over_the_wire(
    connect: Connect, answers: tuple[Response | float, ...], trigger: Trigger | None, *, failed: bool
) -> None:
    """Whatever the server does, the customer gets words, and a human where the model gave none."""
    limits = Limits(model_backoff_ms=10, model_timeout_ms=300)
    async with connect(*answers, limits=limits) as (_, ctx, _):
        result = await run_turn(
            build_graph(InMemorySaver()),
            ctx,
            thread_id="t",
            turn_id="1",
            resume=None,
            inbound=[InboundItem("m", body="posso levar meu camelo?")],
            memory="",
            language="pt-BR",
            replay=False,
        )
    assert result.outgoing
    assert result.model_failed is failed
    assert (result.handoff.trigger if result.handoff else None) is trigger


async def test_without_settings_for_a_model_there_is_none() -> None:
    """No key and no address: the context has no model and opens no connection."""
    async with open_graph_context(load_settings(prompts_dir=PROMPTS), FixedClock()) as ctx:
        assert ctx.responder is None
