"""What may stand in each file under ``prompts/``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from graph.per_locale import PerLocale
from graph.phrase_marks import Marked
from graph.trigger_policy import Topics
from ponte.domain.choices import MAX_CONTENT_BODY, Choice, checked
from ponte.domain.office_hours import DEFAULT_TIMEZONE, OfficeHours, local, parse_span
from ponte.errors import InvalidInput
from ponte.locales import LOCALES, Locale

# Every text that the product says, and the variables it may use.
MESSAGES: dict[str, frozenset[str]] = {
    "handoff.transfer": frozenset(),
    "handoff.waiting": frozenset({"minutes"}),
    "handoff.offer": frozenset(),
    "handoff.language": frozenset(),
    "handoff.closed": frozenset({"hours", "opens", "days"}),
    "bot.unavailable": frozenset(),
    "bot.nothing_found": frozenset(),
    "bot.greeting": frozenset(),
    "bot.thanks": frozenset(),
    "bot.acknowledged": frozenset(),
    "bot.goodbye": frozenset(),
    "media.unreadable": frozenset(),
    "media.repeat": frozenset(),
    "media.sticker": frozenset(),
    "media.unknown": frozenset(),
    "media.cannot_open": frozenset(),
    "bot.offer_human": frozenset(),
    "bot.withheld": frozenset(),
    "csat.ask": frozenset(),
    "csat.thanks": frozenset(),
    "opt_out.confirmed": frozenset(),
    "opt_out.welcome_back": frozenset(),
    "reason.keyword": frozenset({"phrase"}),
    "reason.classifier": frozenset(),
    "reason.model": frozenset({"why"}),
    "reason.no_answer": frozenset(),
    "reason.media": frozenset({"count"}),
    "reason.unknown": frozenset(),
    "reason.opted_out": frozenset(),
    "reason.bot_failed": frozenset(),
    "reason.error": frozenset(),
    "reason.topic": frozenset({"topic", "phrase"}),
    "reason.language": frozenset({"name"}),
    "reason.repeated": frozenset({"count"}),
}

# Texts whose answers the product itself reads: the ids of the choices that they must have, in order.
CHOICES: dict[str, tuple[str, ...]] = {
    "csat.ask": ("csat:1", "csat:2", "csat:3", "csat:4", "csat:5"),
}

# The texts that may have a form for each sort of number, and the variable that chooses it.
COUNTED: dict[str, str] = {"handoff.waiting": "minutes", "reason.media": "count"}

# Every template, and the variables it may use.
TEMPLATES: dict[str, frozenset[str]] = {
    "assistant.md": frozenset({"language"}),
    "background.md": frozenset({"memory", "summary", "brief", "excerpts", "attachments"}),
    "image.md": frozenset({"language"}),
    "handoff/judge.md": frozenset(),
    "agent_draft.md": frozenset({"language"}),
    "agent_brief.md": frozenset({"language"}),
    "translate.md": frozenset({"language"}),
    "evals/judge.md": frozenset({"rubric"}),
}


_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ChoiceOf(_Strict):
    """One answer that a text offers; see ``ponte.domain.choices.Choice``."""

    id: str
    title: str
    means: str = ""
    words: tuple[str, ...] = ()


class ChoiceText(_Strict):
    """A text that offers answers to tap: up to 3 short ones are buttons, up to 10 a list."""

    text: str = Field(min_length=1)
    choices: tuple[ChoiceOf, ...] = Field(min_length=1)

    @field_validator("choices")
    @classmethod
    def _sendable(cls, value: tuple[ChoiceOf, ...]) -> tuple[ChoiceOf, ...]:
        try:
            checked(choices_of(value))
        except InvalidInput as error:
            raise ValueError(str(error).rstrip(".")) from None
        return value

    @model_validator(mode="after")
    def _short(self) -> ChoiceText:
        if len(self.text) > MAX_CONTENT_BODY:
            raise ValueError(f"a text with choices has at most {MAX_CONTENT_BODY} characters")
        return self


def choices_of(given: Iterable[ChoiceOf]) -> tuple[Choice, ...]:
    """Return the choices as the product keeps them."""
    return tuple(Choice(c.id.strip(), " ".join(c.title.split()), c.means, c.words) for c in given)


class TemplateLimits(_Strict):
    """Bounds of a prompt.

    Args:
        max_tokens: the most that the model may write.
        prompt_tokens: the most that the text itself may come to, by the check's estimate.
    """

    max_tokens: int | None = Field(None, ge=16, le=16_000)
    prompt_tokens: int | None = Field(None, ge=16, le=100_000)


class TemplateHead(_Strict):
    """The front matter of a template.

    Args:
        purpose: one sentence on what it is for.
        model: the model to use; None: the one in the settings.
        temperature: None: the model's own, which some models insist on.
        limits: bounds of the answer.
        variables: what the body uses.
    """

    purpose: str = Field(min_length=1)
    model: str | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    limits: TemplateLimits = TemplateLimits()
    variables: tuple[str, ...] = ()


class KnowledgeHead(_Strict):
    """The front matter of a knowledge file."""

    lang: Locale
    title: str = Field(min_length=1)


class KeywordsOf(_Strict):
    """One language in ``handoff/keywords.yaml``."""

    phrases: tuple[Marked, ...] = Field(min_length=1)
    alone: tuple[Marked, ...] = ()
    courtesies: tuple[Marked, ...] = ()
    negations: tuple[Marked, ...] = ()
    other_senses: tuple[Marked, ...] = ()
    unless: tuple[Marked, ...] = ()


class KeywordsFile(PerLocale[KeywordsOf]):
    """``handoff/keywords.yaml``."""


class Band(_Strict):
    """The local classifier's band: at or above ``sure`` a human is brought in.

    Between ``unsure`` and ``sure`` a configured model is asked, and decides at ``judge`` or above. Where
    there is none, or it fails, a human is brought in at ``local``, which each language may have for itself.
    A phrase of ``keywords.yaml`` does not count where the classifier scores below ``doubt``.
    """

    sure: float = Field(ge=0, le=1)
    unsure: float = Field(ge=0, le=1)
    judge: float = Field(ge=0, le=1)
    local: dict[Locale, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    doubt: float = Field(0.0, ge=0, le=1)

    def local_for(self, lang: str) -> float:
        """Return the score that decides without a model in a language."""
        own = [score for name, score in self.local.items() if name == lang]
        return own[0] if own else (self.unsure + self.sure) / 2

    @model_validator(mode="after")
    def _ordered(self) -> Band:
        if self.unsure > self.sure:
            raise ValueError("unsure must not be above sure")
        return self


class HandoffPolicy(Topics):
    """``handoff/policy.yaml``."""

    classifier: Band


class KnowledgePolicy(_Strict):
    """The share of a question that a section must cover to be its answer, 0 to 1.

    Args:
        answer: where no model is configured.
        fallback: where the model is down: a wrong answer would be worse then, so more is asked.
        nothing_found: where no model is configured and no section is the answer: ``offer`` a human the first
            time, or ``hand_over`` at once.
    """

    answer: float = Field(gt=0, le=1)
    fallback: float = Field(gt=0, le=1)
    nothing_found: Literal["offer", "hand_over"] = "offer"


Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a part of a name is a folder to it
        raise ValueError(f"{value!r} is no timezone; write one like America/Sao_Paulo") from None
    return value


class HumanHours(_Strict):
    """When agents are there.

    Args:
        timezone: an IANA name such as ``America/Sao_Paulo``.
        week: for each day that has hours, ``HH:MM-HH:MM``.
        text: the hours in words, for the customer.
    """

    timezone: str
    week: dict[Day, str] = Field(min_length=1)
    text: dict[Locale, str]

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        return _timezone(value)

    @field_validator("week")
    @classmethod
    def _hours(cls, value: dict[Day, str]) -> dict[Day, str]:
        for span in value.values():
            begin, end = parse_span(span)
            if begin >= end:
                raise ValueError(f"{span!r} ends before it begins")
        return value

    @field_validator("text")
    @classmethod
    def _all_locales(cls, value: dict[Locale, str]) -> dict[Locale, str]:
        missing = [locale for locale in LOCALES if not value.get(locale)]
        if missing:
            raise ValueError(f"add the text for {', '.join(missing)}")
        return value

    def open_at(self, now: int) -> bool:
        """Return whether agents are there at ``now`` (ms since the epoch, UTC)."""
        return self._office().open_at(now)

    def opens_after(self, now: int) -> datetime:
        """Return when agents are there next, from ``now`` (ms UTC) on, as their own clock shows it."""
        opens = self._office().after(now, 0)
        return local(now if opens is None else opens, self.timezone)

    def _office(self) -> OfficeHours:
        spans = (self.week.get(day) for day in _DAYS)
        return OfficeHours(self.timezone, tuple(None if span is None else parse_span(span) for span in spans))

    def in_words(self, locale: str) -> str:
        """Return the hours in words; in pt-BR for a locale that Ponte does not speak."""
        return next((text for name, text in self.text.items() if name == locale), self.text["pt-BR"])


class SlaPolicy(_Strict):
    """What the supervisors' page holds waits against, in minutes of human hours where those are set.

    Args:
        wait_minutes: until an agent takes the conversation; None: no target.
        first_reply_minutes: until an agent has answered, from when one was asked for; None: no target.
    """

    wait_minutes: int | None = Field(5, ge=1, le=7 * 24 * 60)
    first_reply_minutes: int | None = Field(10, ge=1, le=7 * 24 * 60)


SpeechFormat = Literal["opus", "mp3", "wav", "pcm"]


class SpeechCachePolicy(_Strict):
    """How long what was spoken is kept, to be sent again without speaking it again.

    Args:
        days: forgotten when it was not used for so long.
        megabytes: above this the longest unused goes first; what was used within a day stays.
    """

    days: int = Field(30, ge=1)
    megabytes: int = Field(200, ge=1)


class VoicePolicy(_Strict):
    """When the bot speaks, and how.

    Args:
        mode: ``mirror``: when the customer spoke; or ``always``, or ``never``.
        text_beside: whether the text follows each voice note.
        voices: the speech server's name of the voice for each language.
        max_chars: a longer text is sent in writing: nobody listens to minutes.
        format: what to ask the speech server for.
        wait_ms: for the voice of one turn; when it takes longer, the text goes out.
        cache: how long what was spoken is kept.
    """

    mode: Literal["mirror", "always", "never"] = "mirror"
    text_beside: bool = False
    voices: dict[Locale, str] = Field(default_factory=lambda: dict.fromkeys(LOCALES, "alloy"), min_length=1)
    max_chars: int = Field(600, ge=1, le=1_600)
    format: SpeechFormat = "opus"
    wait_ms: int = Field(6_000, ge=500, le=15_000)
    cache: SpeechCachePolicy = SpeechCachePolicy()

    @field_validator("voices")
    @classmethod
    def _named(cls, value: dict[Locale, str]) -> dict[Locale, str]:
        if nameless := [locale for locale, voice in value.items() if not voice.strip()]:
            raise ValueError(f"name the voice for {', '.join(nameless)}, or leave the language out")
        return value


class TranscriptionPolicy(_Strict):
    """What helps to hear customers' voice notes right.

    Args:
        languages: those that customers speak, as two letters (ISO 639-1).
        keywords: the company's own words: names, places, products.
    """

    languages: tuple[str, ...] = ("pt", "es", "en")
    keywords: tuple[str, ...] = Field((), max_length=100)

    @field_validator("languages")
    @classmethod
    def _codes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [code for code in value if not (len(code) == 2 and code.isalpha() and code.islower())]:  # noqa: PLR2004 - two letters
            raise ValueError(f"write each language as two small letters, such as pt; not {', '.join(wrong)}")
        return value


class LinksPolicy(_Strict):
    """Hosts that the model may link to, beside those that ``knowledge/`` and ``messages/`` name.

    Args:
        allow: host names; each stands for its subdomains, too.
    """

    allow: tuple[str, ...] = ()

    @field_validator("allow")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [host for host in value if not _HOST.fullmatch(host)]:
            raise ValueError(f"write a host alone, such as example.com; not {', '.join(wrong)}")
        return value


class TemplatesPolicy(_Strict):
    """Content templates for what must go out while the 24-hour window is closed: families, by name.

    A family is the template's name without the language at its end; the one in the customer's language is
    sent. It may have one variable, which becomes the customer's name.

    Args:
        waiting_answer: invites the customer to write, since an answer waits; None: nothing invites them.
        csat: asks how content the customer was; None: nobody is asked then.
    """

    waiting_answer: str | None = Field(None, min_length=1)
    csat: str | None = Field(None, min_length=1)


class CsatPolicy(_Strict):
    """Whether customers are asked how content they were, once an agent resolved their matter.

    Args:
        enabled: ask.
        hours: a text that may be an answer counts as one for so long.
    """

    enabled: bool = False
    hours: int = Field(24, ge=1, le=24 * 7)


class Policy(_Strict):
    """``policy.yaml``.

    Args:
        waiting_reminder_minutes: after so long without an agent the customer is told once more.
        human_hours: when agents are there; None: not told.
        knowledge: how sure an answer from the knowledge files must be.
        voice: when the bot speaks, and how; only where a speech server is set.
        transcription: what helps to hear voice notes right.
        links: what the model may link to.
        templates: what goes out while the 24-hour window is closed.
        csat: whether customers are asked how content they were.
        timezone: in which reports count days and hours, unless ``human_hours`` names one.
        sla: what waits are held against.
    """

    waiting_reminder_minutes: int = Field(ge=1)
    human_hours: HumanHours | None
    knowledge: KnowledgePolicy
    voice: VoicePolicy = VoicePolicy()
    transcription: TranscriptionPolicy = TranscriptionPolicy()
    links: LinksPolicy = LinksPolicy()
    templates: TemplatesPolicy = TemplatesPolicy()
    csat: CsatPolicy = CsatPolicy()
    timezone: str = DEFAULT_TIMEZONE
    sla: SlaPolicy = SlaPolicy()

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        return _timezone(value)


class SmalltalkOf(_Strict):
    """The courtesies of one language, each as folded words."""

    greeting: tuple[str, ...]
    thanks: tuple[str, ...]
    acknowledged: tuple[str, ...]
    goodbye: tuple[str, ...]


class SmalltalkFile(PerLocale[SmalltalkOf]):
    """``smalltalk.yaml``: what counts as a mere courtesy."""


class OptOutOf(_Strict):
    """One language in ``opt_out.yaml``: whole messages that stop ours, and that ask for them again."""

    out: tuple[str, ...] = Field(min_length=1)
    back: tuple[str, ...] = Field(min_length=1)


class OptOutFile(PerLocale[OptOutOf]):
    """``opt_out.yaml``."""
