"""What may stand in each file under ``prompts/``."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Locale = Literal["pt-BR", "es", "en"]
LOCALES: tuple[Locale, ...] = ("pt-BR", "es", "en")

# Every text that the product says, and the variables it may use.
MESSAGES: dict[str, frozenset[str]] = {
    "handoff.transfer": frozenset(),
    "handoff.waiting": frozenset({"minutes"}),
    "handoff.closed": frozenset({"hours"}),
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
}

# Every template, and the variables it may use.
TEMPLATES: dict[str, frozenset[str]] = {
    "assistant.md": frozenset({"language"}),
    "background.md": frozenset({"memory", "summary", "brief", "excerpts", "attachments"}),
    "image.md": frozenset({"language"}),
    "handoff/judge.md": frozenset(),
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TemplateLimits(_Strict):
    """Bounds of what the model writes."""

    max_tokens: int | None = Field(None, ge=16, le=16_000)


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

    phrases: tuple[str, ...] = Field(min_length=1)
    alone: tuple[str, ...] = ()
    courtesies: tuple[str, ...] = ()
    negations: tuple[str, ...] = ()
    other_senses: tuple[str, ...] = ()


class KeywordsFile(_Strict):
    """``handoff/keywords.yaml``."""

    pt_br: KeywordsOf = Field(alias="pt-BR")
    es: KeywordsOf
    en: KeywordsOf


class Band(_Strict):
    """The local classifier's band: at or above ``sure`` a human is brought in.

    Between ``unsure`` and ``sure`` a configured model is asked, and decides at ``judge`` or above.
    """

    sure: float = Field(ge=0, le=1)
    unsure: float = Field(ge=0, le=1)
    judge: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _ordered(self) -> Band:
        if self.unsure > self.sure:
            raise ValueError("unsure must not be above sure")
        return self


class HandoffPolicy(_Strict):
    """``handoff/policy.yaml``."""

    classifier: Band


class KnowledgePolicy(_Strict):
    """The share of a question that a section must cover to be its answer, 0 to 1.

    Args:
        answer: where no model is configured.
        fallback: where the model is down: a wrong answer would be worse then, so more is asked.
    """

    answer: float = Field(gt=0, le=1)
    fallback: float = Field(gt=0, le=1)


Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class HumanHours(_Strict):
    """When agents are there.

    Args:
        timezone: an IANA name such as ``America/Sao_Paulo``.
        week: for each day that has hours, ``HH:MM-HH:MM``.
        text: the hours in words, for the customer.
    """

    timezone: str
    week: dict[Day, str]
    text: dict[Locale, str]

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{value!r} is no timezone; write one like America/Sao_Paulo") from None
        return value

    @field_validator("week")
    @classmethod
    def _hours(cls, value: dict[Day, str]) -> dict[Day, str]:
        for span in value.values():
            begin, end = _span(span)
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
        local = datetime.fromtimestamp(now / 1000, tz=UTC).astimezone(ZoneInfo(self.timezone))
        span = self.week.get(_DAYS[local.weekday()])
        if span is None:
            return False
        begin, end = _span(span)
        return begin <= local.time() < end


def _span(span: str) -> tuple[time, time]:
    begin, dash, end = span.partition("-")
    try:
        return time.fromisoformat(begin.strip()), time.fromisoformat(end.strip())
    except ValueError:
        raise ValueError(f"{span!r}{'' if dash else ' has no dash'}: write it like 08:00-18:00") from None


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


class Policy(_Strict):
    """``policy.yaml``.

    Args:
        waiting_reminder_minutes: after so long without an agent the customer is told once more.
        human_hours: when agents are there; None: not told.
        knowledge: how sure an answer from the knowledge files must be.
        voice: when the bot speaks, and how; only where a speech server is set.
        transcription: what helps to hear voice notes right.
    """

    waiting_reminder_minutes: int = Field(ge=1)
    human_hours: HumanHours | None
    knowledge: KnowledgePolicy
    voice: VoicePolicy = VoicePolicy()
    transcription: TranscriptionPolicy = TranscriptionPolicy()


class SmalltalkOf(_Strict):
    """The courtesies of one language, each as folded words."""

    greeting: tuple[str, ...]
    thanks: tuple[str, ...]
    acknowledged: tuple[str, ...]
    goodbye: tuple[str, ...]


class SmalltalkFile(_Strict):
    """``smalltalk.yaml``: what counts as a mere courtesy."""

    pt_br: SmalltalkOf = Field(alias="pt-BR")
    es: SmalltalkOf
    en: SmalltalkOf


class OptOutOf(_Strict):
    """One language in ``opt_out.yaml``: whole messages that stop ours, and that ask for them again."""

    out: tuple[str, ...] = Field(min_length=1)
    back: tuple[str, ...] = Field(min_length=1)


class OptOutFile(_Strict):
    """``opt_out.yaml``."""

    pt_br: OptOutOf = Field(alias="pt-BR")
    es: OptOutOf
    en: OptOutOf
