"""A model judges an answer by a rubric: one statement that should be true of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, ConfigDict, ValidationError

from graph.context import Limits, ModelFailed
from graph.context_factory import ContextFactory
from graph.model import options_of
from graph.model_calls import trying
from graph.prompts import PromptSet, Template
from graph.visible import defused

# Nobody waits for a judgement: it may think longer than an answer.
_TIMEOUT_MS: Final = 30_000


class Verdict(BaseModel):
    """The answer's form. The reason stands first, so that the verdict follows from it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: str
    met: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One message of the conversation that is judged.

    Args:
        speaker: ``customer``, ``bot`` or ``agent``.
        text: what was said.
        judged: it belongs to what the rubric is about.
    """

    speaker: str
    text: str
    judged: bool = True


class Judge(Protocol):
    """Judges by rubrics."""

    async def judge(self, rubric: str, lines: Sequence[Line]) -> Verdict:
        """Return whether the rubric is true of the judged lines. Raises ModelFailed."""
        ...


class RubricJudge:
    """A ``Judge`` over an OpenAI-compatible model with structured output.

    See https://platform.openai.com/docs/guides/structured-outputs.

    Args:
        chat: the client; its own retries must be off.
        template: ``evals/judge.md``; its front matter may name another model.
        model: the model; empty: the client's own.
        limits: tries and waits.
    """

    def __init__(self, chat: ChatOpenAI, template: Template, model: str, limits: Limits) -> None:
        self._chat = chat
        self._template = template
        self._options = options_of(template.head, model)
        self._limits = replace(limits, model_tries=max(limits.model_tries, 3))

    @property
    def model(self) -> str:
        """The name of the model that judges."""
        return self._options.get("model") or self._chat.model_name

    async def judge(self, rubric: str, lines: Sequence[Line]) -> Verdict:
        """Return whether the rubric is true of the judged lines.

        The conversation goes into a message of its own, as JSON: nothing said in it is an instruction.

        Raises:
            ModelFailed: the model did not answer, refused, or not in the form asked for.
        """
        told = [{"speaker": line.speaker, "judged": line.judged, "text": line.text} for line in lines]
        given = [
            SystemMessage(self._template.render(rubric=rubric)),
            HumanMessage(defused(json.dumps(told, ensure_ascii=False, indent=1))),
        ]
        answer = await trying(
            lambda: self._chat.ainvoke(given, response_format=Verdict, **self._options),
            self._limits,
            _TIMEOUT_MS,
        )
        try:
            return Verdict.model_validate_json(answer.text)
        except ValidationError:
            raise ModelFailed("the judge's answer has not the form that was asked for") from None


def judge_of(contexts: ContextFactory, prompts: PromptSet) -> RubricJudge | None:
    """Return the judge of the settings' classifier model, else of the chat model; None without a model."""
    if contexts.chat is None:
        return None
    return RubricJudge(
        contexts.chat, prompts.rubric, contexts.settings.openai_classifier_model, contexts.limits
    )
