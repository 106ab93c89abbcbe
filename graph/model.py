"""The language model: any server that speaks OpenAI's chat completions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NotRequired, TypedDict

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, ConfigDict, ValidationError

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
# Servers that know no structured output put the object into prose or a fence.
_OBJECT = re.compile(r"\{.*\}", re.DOTALL)
_PERCENT = 100


class Judgement(BaseModel):
    """The judge's answer, as the model must give it.

    See https://platform.openai.com/docs/guides/structured-outputs, which has no bounds of numbers.

    Args:
        wants_human: the customer wants a human.
        confidence: how sure the model is of that, 0 to 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    wants_human: bool
    confidence: float

    def score(self) -> float:
        """Return how likely a human is wanted, 0 to 1; 0.5 for an answer without confidence."""
        # Some models write per cent, whatever they are asked for.
        share = self.confidence / _PERCENT if self.confidence > 1 else self.confidence
        sure = min(max(share, 0.0), 1.0)
        return 0.5 + sure / 2 if self.wants_human else 0.5 - sure / 2


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
        """Return the model's judgement as 0 to 1. One try: a late judgement is worth nothing."""
        given = _translated(messages)
        answer = await once(
            lambda: self._chat.ainvoke(given, response_format=_form(), **self._judge_options),
            self._limits.model_timeout_ms,
        )
        found = _OBJECT.search(answer.text)
        try:
            return Judgement.model_validate_json(found[0] if found else "").score()
        except ValidationError:
            raise ModelFailed("the judge's answer has not the form that was asked for") from None

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


def _form() -> dict[str, object]:
    """Return the judge's form as the API wants it.

    Given as a class, the client itself would refuse an answer that only nearly has the form.
    """
    schema = Judgement.model_json_schema()
    schema.pop("description", None)
    return {"type": "json_schema", "json_schema": {"name": "judgement", "strict": True, "schema": schema}}


def _translated(messages: Sequence[ChatMessage]) -> list[BaseMessage]:
    return [_MESSAGES[m.role](m.content) for m in messages]
