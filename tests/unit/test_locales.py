"""A language in ponte/locales.py is missing nowhere; docs/how-to/add-a-language.md lists the places."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from graph import spoken_text
from graph.asking import LANGUAGE_NAMES
from graph.language import detect_language
from graph.lexicon import TELLING
from graph.lexicon_spec import LexiconFile
from graph.templates import forms_of
from graph.trigger_policy import Topic
from ponte import choice_contents
from ponte.locales import LOCALES

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/how-to/add-a-language.md").read_text(encoding="utf-8")


def _keys(model: type[LexiconFile | Topic]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


@pytest.mark.parametrize(
    ("place", "known"),
    [
        ("graph/asking.py", LANGUAGE_NAMES),
        ("graph/lexicon.py", TELLING),
        ("graph/lexicon_spec.py", _keys(LexiconFile)),
        ("graph/trigger_policy.py", _keys(Topic)),
        ("graph/spoken_text.py", spoken_text._WORDS),  # noqa: SLF001 - asked for its languages alone
        ("ponte/choice_contents.py", choice_contents._BUTTON),  # noqa: SLF001 - as above
    ],
)
def test_every_place_knows_every_language(place: str, known: Iterable[str]) -> None:
    """The place has all of them, and the guide names it."""
    assert set(LOCALES) <= set(known)
    assert (ROOT / place).exists()
    assert f"`{place}`" in GUIDE


def test_every_language_is_told_from_the_others() -> None:
    """A plain sentence of each is recognised, and its plural forms are known."""
    said = {
        "pt-BR": "Quanto custa a aula, e vocês têm horário amanhã?",
        "es": "¿Cuánto cuesta la clase y qué días tienen?",
        "en": "How much are the lessons and when are you open?",
    }
    for locale in LOCALES:
        assert detect_language(said[locale], "fr") == locale
        assert "other" in forms_of(locale)
