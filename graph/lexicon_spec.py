"""What may stand in ``prompts/handoff/lexicon.yaml``: spellings, and words by what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Concept = Literal[
    "about", "again", "agent", "anger", "attend", "avail", "because", "boss", "bot", "broken", "but",
    "call", "can", "cond", "dept", "emerg", "give", "greet", "here", "hazard", "hiring", "how", "human",
    "info", "legal", "me", "name", "neg", "nobody", "noneed", "only", "past", "please", "quantity", "real",
    "repeat", "role", "says", "sense", "service", "solve", "solved", "somebody", "special", "talk",
    "talked", "thanks", "that", "third", "transfer", "urgent", "victim", "wait", "want", "who", "with",
    "you",
]  # fmt: skip
Feeling = Literal["anger", "please", "emerg", "laugh", "sad", "nice"]


@dataclass(frozen=True, slots=True)
class LexiconSpec:
    """The words of one language.

    Args:
        spellings: how people write, and what it stands for.
        ordinary: words that are right, however much they look like a misspelt word of a concept.
        concepts: for each concept its words and expressions; ``word*`` is any ending.
    """

    spellings: Mapping[str, str]
    ordinary: tuple[str, ...]
    concepts: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Lexicons:
    """The words of all languages.

    Args:
        languages: by locale.
        emoji: for each feeling its emoji.
    """

    languages: Mapping[str, LexiconSpec]
    emoji: Mapping[str, str]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LexiconOf(_Strict):
    """One language in ``handoff/lexicon.yaml``."""

    spellings: dict[str, str] = Field(default_factory=dict)
    ordinary: tuple[str, ...] = ()
    concepts: dict[Concept, tuple[str, ...]]

    @field_validator("spellings")
    @classmethod
    def _single(cls, value: dict[str, str]) -> dict[str, str]:
        if wrong := [short for short, full in value.items() if " " in short or not full.strip()]:
            raise ValueError(f"write one word, and what it stands for; mend {', '.join(wrong)}")
        return value

    @field_validator("concepts")
    @classmethod
    def _words(cls, value: dict[Concept, tuple[str, ...]]) -> dict[Concept, tuple[str, ...]]:
        for name, entries in value.items():
            for entry in entries:
                if not entry.strip("* "):
                    raise ValueError(f"{name} holds an empty word; remove it")
                if "*" in entry and (" " in entry or not entry.endswith("*")):
                    raise ValueError(f"{entry!r} of {name}: a * stands at the end of a single word only")
        return value

    def spec(self) -> LexiconSpec:
        """Return it as plain values."""
        return LexiconSpec(self.spellings, self.ordinary, {str(k): v for k, v in self.concepts.items()})


class LexiconFile(_Strict):
    """``handoff/lexicon.yaml``."""

    pt_br: LexiconOf = Field(alias="pt-BR")
    es: LexiconOf
    en: LexiconOf
    emoji: dict[Feeling, str] = Field(default_factory=dict)

    def lexicons(self) -> Lexicons:
        """Return it as plain values, by locale."""
        languages = {"pt-BR": self.pt_br.spec(), "es": self.es.spec(), "en": self.en.spec()}
        return Lexicons(languages, {str(name): emoji for name, emoji in self.emoji.items()})
