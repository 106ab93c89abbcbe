"""What each language has for itself in a prompt file: all of Ponte's, none else."""

from __future__ import annotations

from collections.abc import ItemsView
from typing import Generic, TypeVar

from pydantic import ConfigDict, RootModel, model_validator

from ponte.locales import LOCALES, Locale

T = TypeVar("T")


class PerLocale(RootModel[dict[Locale, T]], Generic[T]):
    """A mapping with a value for each of Ponte's languages."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _complete(self) -> PerLocale[T]:
        if missing := [locale for locale in LOCALES if locale not in self.root]:
            raise ValueError(f"add what belongs to {', '.join(missing)}")
        return self

    def items(self) -> ItemsView[Locale, T]:
        """Return the languages with what they have."""
        return self.root.items()
