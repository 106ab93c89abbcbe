"""The language model: any server that speaks OpenAI's chat completions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NotRequired, TypedDict

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI

from graph.context import ChatMessage, Limits, ModelFailed, Reply
from graph.model_calls import once, trying
from graph.prompt_schema import TemplateHead

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
        return await trying(lambda: self._reply(given), self._limits)

    async def judge(self, messages: Sequence[ChatMessage]) -> float:
        """Return the model's number as 0 to 1. One try: a late judgement is worth nothing."""
        given = _translated(messages)
        answer = await once(
            lambda: self._chat.ainvoke(given, **self._judge_options), self._limits.model_timeout_ms
        )
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


def _translated(messages: Sequence[ChatMessage]) -> list[BaseMessage]:
    return [_MESSAGES[m.role](m.content) for m in messages]
