"""The language model: any server that speaks OpenAI's chat completions.

Retries are here and nowhere else: the SDK's are off, since it would wait as long as a server asks, and
LangGraph's are off, since they would repeat the whole node.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import NotRequired, TypedDict, TypeVar

import openai
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI

from graph.context import ChatMessage, Limits, ModelFailed, Reply
from graph.prompt_schema import TemplateHead

T = TypeVar("T")

TRANSFER_TOOL = "transfer_to_human"
_TOOL: dict[str, object] = {
    "type": "function",
    "function": {
        "name": TRANSFER_TOOL,
        "description": "Hand the conversation to a human agent. Say nothing to the customer beside it.",
        "parameters": {
            "type": "object",
            "properties": {
                "reason": {"type": "string", "description": "One sentence for the agent: why a human."}
            },
            "required": ["reason"],
        },
    },
}
_MESSAGES: dict[str, type[SystemMessage | HumanMessage | AIMessage]] = {
    "system": SystemMessage,
    "user": HumanMessage,
    "assistant": AIMessage,
}
_TRANSIENT_STATUS = frozenset({408, 409, 429})
_SERVER_ERROR = 500
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class _Options(TypedDict):
    """What a prompt file's front matter says of the call."""

    model: NotRequired[str]
    temperature: NotRequired[float]
    max_completion_tokens: NotRequired[int]


def options_of(head: TemplateHead, model: str = "") -> _Options:
    """Return the call's options: the front matter's, else ``model``, else the client's own."""
    options: _Options = {}
    if name := head.model or model:
        options["model"] = name
    if head.temperature is not None:
        options["temperature"] = head.temperature
    if head.limits.max_tokens is not None:
        options["max_completion_tokens"] = head.limits.max_tokens
    return options


class ChatResponder:
    """A ``Responder`` over one ``ChatOpenAI``.

    Args:
        chat: the client; its own retries must be off.
        limits: times and tries.
        reply_options: for answers.
        judge_options: for judgements.
    """

    def __init__(
        self, chat: ChatOpenAI, limits: Limits, reply_options: _Options, judge_options: _Options
    ) -> None:
        self._chat = chat
        self._limits = limits
        self._reply_options = reply_options
        self._judge_options = judge_options

    async def reply(self, messages: Sequence[ChatMessage]) -> Reply:
        """Answer the customer, or ask for a human by the tool. Raises ModelFailed."""
        given = _translated(messages)
        return await self._trying(lambda: self._reply(given))

    async def judge(self, messages: Sequence[ChatMessage]) -> float:
        """Return the model's number as 0 to 1. One try: a late judgement is worth nothing."""
        given = _translated(messages)
        answer = await self._once(lambda: self._chat.ainvoke(given, **self._judge_options))
        found = _NUMBER.search(answer.text)
        if found is None:
            raise ModelFailed("the judge answered without a number")
        return min(float(found[0]) / 100, 1.0)

    async def _reply(self, given: list[BaseMessage]) -> Reply:
        answer = await self._chat.ainvoke(given, tools=[_TOOL], **self._reply_options)
        for call in answer.tool_calls:
            if call["name"] == TRANSFER_TOOL:
                return Reply("", str(call["args"].get("reason", "")))
        # Arguments that are no valid JSON still say clearly enough what is wanted.
        if any(call["name"] == TRANSFER_TOOL for call in answer.invalid_tool_calls):
            return Reply("", "")
        text = answer.text.strip()
        if not text:
            refused = "the model refused" if answer.additional_kwargs.get("refusal") else "an empty answer"
            raise ModelFailed(refused)
        return Reply(text)

    async def _trying(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call until it works or a failure that stays, as far as the tries go. Raises ModelFailed."""
        limits = self._limits
        for tries_left in reversed(range(limits.model_tries)):
            try:
                return await self._once(call)
            except _Transient as failure:
                asked = failure.retry_after_ms
                if not tries_left or (asked is not None and asked > limits.retry_after_ms):
                    raise
                wait = asked if asked is not None else limits.model_backoff_ms * random.uniform(0.25, 1)  # noqa: S311 - spreads retries, guards nothing
                await asyncio.sleep(wait / 1000)
        raise ModelFailed("no try allowed; set Limits.model_tries to 1 or more")

    async def _once(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call once. Raises ModelFailed, as ``_Transient`` where another try may help.

        Messages of the client's errors may quote the conversation; only their kind is passed on.
        """
        try:
            async with asyncio.timeout(self._limits.model_timeout_ms / 1000):
                return await call()
        except ModelFailed:
            raise
        except TimeoutError:
            raise _Transient(f"no answer within {self._limits.model_timeout_ms} ms") from None
        except openai.APIStatusError as error:
            kind = f"{type(error).__name__}, status {error.status_code}, code {error.code}"
            out_of_credit = error.code == "insufficient_quota"
            if (
                error.status_code in _TRANSIENT_STATUS or error.status_code >= _SERVER_ERROR
            ) and not out_of_credit:
                raise _Transient(kind, _retry_after(error)) from None
            raise ModelFailed(kind) from None
        except openai.APIConnectionError as error:  # timeouts of the client are of this kind, too
            raise _Transient(f"no connection ({type(error.__cause__ or error).__name__})") from None
        except Exception as error:
            # A server that answers something else than chat completions breaks the client in many ways;
            # whichever it is, the customer must still be answered. The node logs the failure.
            raise ModelFailed(f"an answer that cannot be read ({type(error).__name__})") from error


class _Transient(ModelFailed):
    """Another try may help."""

    def __init__(self, message: str, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms


def _translated(messages: Sequence[ChatMessage]) -> list[BaseMessage]:
    return [_MESSAGES[m.role](m.content) for m in messages]


def _retry_after(error: openai.APIStatusError) -> int | None:
    """Return the delay in ms that the server asked for, in seconds or ms; dates are not understood."""
    headers = error.response.headers
    for name, factor in (("retry-after-ms", 1), ("retry-after", 1000)):
        try:
            return max(0, int(float(headers[name]) * factor))
        except (KeyError, ValueError, OverflowError):
            continue
    return None
