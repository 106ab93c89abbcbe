"""What may stand under ``triggers`` and ``topics`` in ``handoff/policy.yaml``.

YAML reads a bare ``on`` as no word, so what switches a trigger is called ``enabled``.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from graph.phrase_marks import Marked


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Switch(_Strict):
    """A trigger with nothing to set but whether it counts."""

    enabled: bool = True


class After(Switch):
    """A trigger that counts turns running.

    Args:
        enabled: whether it brings a human in at all.
        after: at so many turns running.
    """

    after: int = Field(ge=1, le=10)


class Repeated(Switch):
    """The customer asks the same thing again and again.

    Args:
        enabled: whether it brings a human in.
        times: how often the same is asked, the first time included.
        within: among so many of the customer's last turns.
        similarity: how alike each word must be to one of the other question, 0 to 1; typos stay alike.
    """

    times: int = Field(3, ge=2, le=10)
    within: int = Field(5, ge=2, le=10)
    similarity: float = Field(0.82, gt=0, le=1)

    @model_validator(mode="after")
    def _reachable(self) -> Repeated:
        if self.times > self.within:
            raise ValueError("times must not be above within")
        return self


class ForeignLanguage(Switch):
    """The customer writes in a language that the bot does not speak.

    Args:
        enabled: whether it brings a human in.
        words: a text of fewer words tells nothing; scripts other than the Latin one tell at once.
        sure: how sure the detection must be, 0 to 1.
    """

    words: int = Field(4, ge=1, le=50)
    sure: float = Field(0.8, gt=0, le=1)


class TopicWords(_Strict):
    """The phrases of one topic in one language, with the marks of ``keywords.yaml``.

    Args:
        phrases: what the topic is known by, wherever it stands.
        negations: words that, shortly before a phrase in the same clause, take it back.
        other_senses: phrases that hide what they cover.
        unless: phrases that, anywhere in the same clause, take one back.
    """

    phrases: tuple[Marked, ...] = Field(min_length=1)
    negations: tuple[Marked, ...] = ()
    other_senses: tuple[Marked, ...] = ()
    unless: tuple[Marked, ...] = ()


class Topic(_Strict):
    """A topic that is a human's.

    Args:
        name: what the agent reads.
        enabled: whether it brings a human in.
        pt_br: its words; so ``es`` and ``en``.
    """

    name: str = Field(min_length=1, max_length=80)
    enabled: bool = True
    pt_br: TopicWords = Field(alias="pt-BR")
    es: TopicWords
    en: TopicWords


class Triggers(_Strict):
    """What brings a human in beside the customer's wish for one.

    Args:
        no_answer: the bot could not answer.
        bot_failed: the model did not answer, and neither did the files.
        media: files that the bot cannot read.
        repeated: the same question again.
        language: a language that the bot does not speak.
        model: the model asks for a human, by its tool.
    """

    no_answer: After = After(after=2)
    bot_failed: After = After(after=1)
    media: After = After(after=1)
    repeated: Repeated = Repeated()
    language: ForeignLanguage = ForeignLanguage()
    model: Switch = Switch()


class Topics(_Strict):
    """The mixin of ``HandoffPolicy`` that holds what this file describes."""

    triggers: Triggers = Triggers()
    topics: tuple[Topic, ...] = ()

    @field_validator("topics")
    @classmethod
    def _named_once(cls, value: tuple[Topic, ...]) -> tuple[Topic, ...]:
        names = [topic.name.casefold() for topic in value]
        if twice := [topic.name for topic in value if names.count(topic.name.casefold()) > 1]:
            raise ValueError(f"two topics are called {twice[0]!r}; put their words into one")
        return value
