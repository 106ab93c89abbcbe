"""What may stand in ``prompts/evals/*.yaml``."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ponte.domain.conversation import Trigger
from ponte.locales import Locale


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _pattern(value: object) -> object:
    if isinstance(value, str):
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"{value!r} is no regular expression: {error}") from None
    return value


Words = Annotated[str, Field(min_length=1)]
# One may be written alone, without the list.
Texts = Annotated[tuple[Words, ...], BeforeValidator(_listed)]
Patterns = Annotated[
    tuple[Annotated[Words, BeforeValidator(_pattern)], ...],
    BeforeValidator(_listed),
]
Triggers = Annotated[tuple[Trigger, ...], BeforeValidator(_listed)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Expectation(_Strict):
    """What is expected of the answer to one turn, or of all answers of a conversation together.

    Args:
        contains: each stands in the answer. Capitals and the kind of space do not matter, accents do.
        matches: each regular expression is found in the answer; capitals do not matter.
        not_contains: what must never be said.
        not_matches: the same, as regular expressions.
        language: the answer's; None: the conversation's.
        max_length: of the answer, in characters; of the longest answer, for a conversation.
        handed_over: whether a human owns the conversation after the turn; for a conversation, at any time.
        trigger: what brought the human in, one of these.
        cites: files of ``knowledge/`` that the answer rests on, with ``#heading`` where that matters.
        silent: nothing is said at all.
        rubric: what a model judges the answer by, as one statement that should be true of it.
    """

    contains: Texts = ()
    matches: Patterns = ()
    not_contains: Texts = ()
    not_matches: Patterns = ()
    language: Locale | None = None
    max_length: int | None = Field(None, ge=1)
    handed_over: bool | None = None
    trigger: Triggers = ()
    cites: Texts = ()
    silent: bool = False
    rubric: Words | None = None

    @model_validator(mode="after")
    def _sensible(self) -> Expectation:
        if self.trigger and self.handed_over is False:
            raise ValueError("a trigger is named although nobody is handed over; remove one of the two")
        if self.silent and (self.contains or self.matches or self.cites or self.rubric):
            raise ValueError("nothing can be expected of an answer that is not given; remove `silent`")
        return self


class Step(_Strict):
    """One thing that happens: the customer writes, or an agent does.

    Args:
        customer: what the customer writes; several are written in one go.
        agent: what an agent answers, who takes the conversation for it.
        then: what the agent does next.
        brief: what the agent tells the bot when giving the conversation back.
        expect: of the bot's answer.
    """

    customer: Texts | None = None
    agent: Words | None = None
    then: Literal["stay", "return", "resolve"] = "stay"
    brief: str = ""
    expect: Expectation = Expectation()

    @model_validator(mode="after")
    def _one_speaks(self) -> Step:
        if (self.customer is None) == (self.agent is None):
            raise ValueError("write either `customer:` or `agent:`")
        if self.agent is None and (self.then != "stay" or self.brief):
            raise ValueError("`then` and `brief` stand beside `agent:`")
        if self.brief and self.then != "return":
            raise ValueError("a brief is for the bot: it needs `then: return`")
        return self


class CaseOf(_Strict):
    """One conversation.

    Args:
        name: what it shows; once in a file.
        tags: to choose cases by.
        needs: ``model``: it says something only about the language model's answers. Without, the answer comes
            from the knowledge files alone, and costs nothing.
        language: of every answer; ``any``: not looked at; None: the file's.
        at: when it happens; matters where ``policy.yaml`` has office hours.
        never: what must not be said anywhere in it.
        turns: what happens, in order.
        expect: of the conversation as a whole.
    """

    name: Words
    tags: Texts = ()
    needs: Literal["model"] | None = None
    language: Locale | Literal["any"] | None = None
    at: AwareDatetime | None = None
    never: Texts = ()
    turns: tuple[Step, ...] = Field(min_length=1)
    expect: Expectation = Expectation()

    @model_validator(mode="after")
    def _sensible(self) -> CaseOf:
        if self.turns[0].customer is None:
            raise ValueError("the customer writes first; begin with `customer:`")
        rubrics = [one.rubric for one in (self.expect, *(step.expect for step in self.turns)) if one.rubric]
        if rubrics and self.needs != "model":
            raise ValueError("a rubric is judged by a model; add `needs: model`")
        return self


class EvalFile(_Strict):
    """One file: what holds for all its cases, and the cases.

    Args:
        language: of every answer in the file.
        tags: of every case.
        never: what must not be said in any of them.
        cases: the conversations.
    """

    language: Locale | None = None
    tags: Texts = ()
    never: Texts = ()
    cases: tuple[CaseOf, ...] = Field(min_length=1)
