"""Loading, checking and versioning the prompt files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from graph.prompt_check import check_prompts
from graph.prompt_schema import LOCALES, MESSAGES, HumanHours
from graph.prompts import load_prompts, prompts_version
from ponte.errors import PromptError

SHIPPED = Path(__file__).parents[2] / "prompts"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped files to break."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "prompts"))


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_shipped_files_are_without_fault() -> None:
    """The check finds nothing in what is delivered."""
    assert [str(problem) for problem in check_prompts(SHIPPED)] == []


def test_every_text_is_there_in_every_language() -> None:
    """Each key renders in each locale with its variables."""
    prompts = load_prompts(SHIPPED)
    for locale in LOCALES:
        for key, variables in MESSAGES.items():
            text = prompts.text(key, locale, **dict.fromkeys(variables, 1))
            assert text
            assert "{{" not in text
    assert prompts.text("handoff.transfer", "pt-BR") == "Ok, vou te transferir para um de nossos atendentes."


def test_an_unknown_locale_gets_portuguese_and_an_unknown_key_an_error() -> None:
    """A language that Ponte does not speak still gets a text."""
    prompts = load_prompts(SHIPPED)
    assert prompts.text("bot.thanks", "fr") == prompts.text("bot.thanks", "pt-BR")
    with pytest.raises(PromptError, match=r"bot\.nope"):
        prompts.text("bot.nope", "es")


def test_the_version_is_the_contents(folder: Path) -> None:
    """The same contents give the same version anywhere; one changed letter or name gives another."""
    version = prompts_version(folder)
    assert version == prompts_version(SHIPPED) == load_prompts(folder).version
    assert len(version) == 12
    (folder / ".draft").write_text("x")
    assert prompts_version(folder) == version
    _edit(folder / "assistant.md", "riding club", "riding school")
    changed = prompts_version(folder)
    assert changed != version
    (folder / "README.md").rename(folder / "READ.md")
    assert prompts_version(folder) != changed


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("messages/es.yaml", "  transfer:", "  transferr:", "the text 'handoff.transfer' is missing"),
        (
            "messages/es.yaml",
            "  transfer:",
            "  transferr:",
            "line 2: the text 'handoff.transferr' is not known",
        ),
        ("messages/en.yaml", "{{ minutes }}", "{{ minuts }}", "variable 'minuts' is not known here"),
        ("messages/en.yaml", "{{ minutes }}", "{{ minutes }", "line 3: "),
        ("messages/en.yaml", "handoff:", "handoff", "is not valid YAML"),
        (
            "assistant.md",
            "variables: [language]",
            "variables: [language, x]",
            "'x' is declared but never used",
        ),
        ("assistant.md", "variables: [language]", "variables: []", "'language' is used but not declared"),
        ("assistant.md", "temperature: null", "temperature: 9", "line 4: temperature"),
        ("assistant.md", "---\npurpose", "purpose", "must begin with front matter"),
        ("handoff/policy.yaml", "unsure: 0.45", "unsure: 0.95", "unsure must not be above sure"),
        ("handoff/examples/en.tsv", "\thuman\t", "\tmaybe\t", "line 2: lang is one of"),
        ("handoff/examples/en.tsv", "lang\tlabel", "lang label", "line 1: the first line must be"),
        ("smalltalk.yaml", '"yes"', "yes", "put it in quotes"),
        ("policy.yaml", "waiting_reminder_minutes: 10", "waiting_reminder_minutes: 0", "line 2: waiting_rem"),
        ("knowledge/hipica.en.md", "lang: en", "lang: fr", "line 2: lang"),
    ],
)
def test_a_broken_file_is_named_with_its_mend(
    folder: Path, file: str, old: str, new: str, expected: str
) -> None:
    """Each fault is reported with file, line where known, and what to do; the set does not load."""
    _edit(folder / file, old, new)
    found = [str(problem) for problem in check_prompts(folder)]
    assert any(expected in line and line.startswith(file) for line in found), found
    with pytest.raises(PromptError) as raised:
        load_prompts(folder)
    assert file in str(raised.value)


def test_a_missing_file_is_named(folder: Path) -> None:
    """A locale without its file is one clear problem."""
    (folder / "messages" / "es.yaml").unlink()
    assert any("messages/es.yaml: is missing" in str(p) for p in check_prompts(folder))


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("messages/en.yaml", "Sorry, I'm", "x" * 1700 + " Sorry, I'm", "shorten it to 1600"),
        (
            "handoff/keywords.yaml",
            "    - recursos humanos",
            "    - recursos humanos\n    - Recursos  humanos",
            "twice",
        ),
        ("handoff/keywords.yaml", "    - recursos humanos\n", "", "an example labelled bot"),
        (
            "handoff/examples/en.tsv",
            "en\tbot\tcourtesy\thi\n",
            "en\tbot\tx\tHuman, please!\n",
            "labelled both",
        ),
    ],
)
def test_what_loads_but_is_likely_wrong_is_reported(
    folder: Path, file: str, old: str, new: str, expected: str
) -> None:
    """Too long texts, duplicates and contradictions do not stop the bot, but the check tells of them."""
    if "recursos humanos\n" in old:
        _edit(
            folder / "handoff/keywords.yaml",
            "alone: [atendente,",
            "alone: [o telefone do recursos humanos qual e,",
        )
    _edit(folder / file, old, new)
    assert any(expected in str(p) for p in check_prompts(folder)), check_prompts(folder)
    load_prompts(folder)


def test_templates_run_in_a_sandbox(folder: Path) -> None:
    """A text that reaches for Python's inside gets an error, not the inside."""
    _edit(folder / "messages/en.yaml", "{{ minutes }}", "{{ minutes.__class__.__mro__ }}")
    with pytest.raises(Exception, match="unsafe"):
        load_prompts(folder).text("handoff.waiting", "en", minutes=3)


def test_values_are_never_read_as_templates() -> None:
    """Braces in what a customer wrote come out as braces."""
    text = load_prompts(SHIPPED).text("reason.keyword", "en", phrase="{{ 7 * 7 }}")
    assert "{{ 7 * 7 }}" in text


def test_office_hours() -> None:
    """Agents are there within the hours of their own timezone, and not a minute later."""
    text = dict.fromkeys(LOCALES, "x")
    hours = HumanHours.model_validate(
        {"timezone": "America/Sao_Paulo", "week": {"mon": "08:00-18:00"}, "text": text}
    )
    monday_8_sao_paulo = 1_780_311_600_000
    assert hours.open_at(monday_8_sao_paulo)
    assert not hours.open_at(monday_8_sao_paulo - 1)
    assert not hours.open_at(monday_8_sao_paulo + 10 * 3_600_000)
    assert not hours.open_at(monday_8_sao_paulo + 24 * 3_600_000)
    wrongs: list[dict[str, object]] = [
        {"timezone": "Mars/X"},
        {"week": {"mon": "18:00-08:00"}},
        {"week": {"mon": "8h"}},
        {"text": {}},
    ]
    for wrong in wrongs:
        with pytest.raises(ValueError, match=r".+"):
            HumanHours.model_validate({**hours.model_dump(), **wrong})
