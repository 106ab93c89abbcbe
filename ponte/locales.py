"""The languages that Ponte speaks with customers; docs/how-to/add-a-language.md has what else one needs."""

from __future__ import annotations

from typing import Literal, get_args

Locale = Literal["pt-BR", "es", "en"]
LOCALES: tuple[Locale, ...] = get_args(Locale)
