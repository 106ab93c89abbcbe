"""What may go out: WhatsApp's rules for files, templates and choices, and the table of Twilio's errors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ponte.domain.choices import Choice, answered, as_buttons, checked, from_details, to_details
from ponte.domain.media_rules import rule_for
from ponte.domain.message import Author, Kind, Media, Message, MessageStatus
from ponte.domain.templates import Template, content_variables, fill, in_language
from ponte.domain.twilio_errors import RULES, Fate, fate_of, words_for
from ponte.errors import InvalidInput
from ponte.file_order import wait_for

_REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
_MB = 1024 * 1024
_ROW = r"^\| \[(\d+)\]\(https://www\.twilio\.com/docs/api/errors/(\d+)\) \| `(\w+)` \| (.+) \|$"
_TWO = (Choice("sat", "Sábado"), Choice("sun", "Domingo"))


@pytest.mark.parametrize(
    ("content_type", "size", "kind"),
    [
        ("image/jpeg", 5 * _MB, Kind.IMAGE),
        ("image/jpeg", 5 * _MB + 1, None),
        ("image/webp", 500 * 1024, Kind.STICKER),
        ("audio/ogg; codecs=opus", 16 * _MB, Kind.AUDIO),
        ("video/mp4", 16 * _MB + 1, None),
        ("application/pdf", 1, Kind.DOCUMENT),
        ("application/pdf", 0, None),
        ("image/svg+xml", 10, None),
    ],
)
def test_files_by_type_and_size(content_type: str, size: int, kind: Kind | None) -> None:
    """Each type has its kind and its limit; others are refused."""
    media = Media("", content_type, key="k", size=size)
    if kind is None:
        with pytest.raises(InvalidInput):
            rule_for(media)
    else:
        assert rule_for(media).kind is kind


@pytest.mark.parametrize(("size", "seconds"), [(None, 10), (1_000, 10), (4 * _MB, 20), (16 * _MB, 50)])
def test_a_text_waits_longer_for_a_larger_file(size: int | None, seconds: int) -> None:
    """A slow video of 16 MB is not overtaken by the text behind it."""
    media = Media("", "video/mp4", key="k", size=size)
    file = Message("m", "cv", "c", 1, Author.AGENT, Kind.VIDEO, "", MessageStatus.SENT, 0, media=(media,))
    assert wait_for(file) // 1000 == seconds


@pytest.mark.parametrize("text", ["2", " 2. ", "2)", "domingo", "DOMINGO "])
def test_a_choice_is_named_by_number_or_title(text: str) -> None:
    """However it is typed, the second choice is the second choice."""
    assert answered(text, _TWO) == _TWO[1]


@pytest.mark.parametrize("text", ["0", "3", "22", "às 2 horas", ""])
def test_other_texts_name_no_choice(text: str) -> None:
    """A number that stands for nothing is a text like any other."""
    assert answered(text, _TWO) is None


def test_choices_survive_a_message_and_fit_buttons() -> None:
    """They are kept in a message's details; three short ones are buttons."""
    assert from_details(to_details(_TWO)) == _TWO
    assert as_buttons(_TWO)
    assert not as_buttons([Choice("x", "a" * 21)])
    for wrong in ([], [Choice("a", "x" * 25)], [_TWO[0], _TWO[0]], [Choice("", "x")]):
        with pytest.raises(InvalidInput):
            checked(wrong)


def test_a_templates_variables_are_all_given_and_short() -> None:
    """Each has a value of one line and up to 1600 characters; the preview shows them in place."""
    template = Template("HX1", "volta_pt_br", "pt_BR", "Oi {{1}}, {{ 2 }}!")
    assert content_variables(template, {"1": " Ana ", "2": "tudo bem"}) == '{"1": "Ana", "2": "tudo bem"}'
    assert fill(template, {"1": "Ana"}) == "Oi Ana, {{ 2 }}!"
    for wrong in ({"1": "Ana"}, {"1": "x" * 1601, "2": "y"}, {"1": "a\nb", "2": "y"}, {"3": "x"}):
        with pytest.raises(InvalidInput):
            content_variables(template, wrong)


def test_a_template_is_found_in_the_customers_language() -> None:
    """The exact language first, then the language at large; never one that is not approved."""
    made = [
        Template("HX1", "volta_pt_br", "pt_BR", "", approval="approved"),
        Template("HX2", "volta_es", "es", "", approval="approved"),
        Template("HX3", "volta_en", "en", ""),
    ]
    found = [in_language(made, "volta", locale) for locale in ("pt-BR", "es-AR", "en", "fr")]
    assert [t.sid if t else None for t in found] == ["HX1", "HX2", None, None]


def test_every_error_has_words_in_every_language() -> None:
    """Each code says something in pt-BR, es and en; one that is not known fails the message."""
    assert [r.code for r in RULES.values() if len({r.words[x] for x in ("pt-BR", "es", "en")}) < 3] == []
    assert (fate_of(63016), fate_of(63018), fate_of(1), fate_of(None)) == (
        Fate.PARK,
        Fate.SLOW,
        Fate.FAIL,
        Fate.FAIL,
    )
    assert words_for(1, "en") is None


@pytest.mark.parametrize(
    ("page", "locale"), [("twilio-errors.md", "en"), ("twilio-errors.pt-BR.md", "pt-BR")]
)
def test_the_reference_shows_the_table(page: str, locale: str) -> None:
    """The page has each code with its fate and words, and no other."""
    rows = re.findall(_ROW, (_REFERENCE / page).read_text(encoding="utf-8"), re.MULTILINE)
    shown = [(code, link, fate, words) for code, link, fate, words in rows]
    wanted = [(str(r.code), str(r.code), r.fate.value, r.words[locale]) for r in RULES.values()]
    assert sorted(shown) == sorted(wanted)
