"""Loading, checking and versioning the prompt files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from graph.prompt_check import check_folder, check_prompts
from graph.prompt_schema import MESSAGES, HumanHours
from graph.prompt_tokens import estimated_tokens
from graph.prompt_trial import SAMPLES
from graph.prompts import load_prompts, prompts_version, read_prompts
from graph.templates import Forms, compile_text, forms_of
from ponte.cli import app
from ponte.errors import PromptError
from ponte.locales import LOCALES

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
    """The check finds no error in what is delivered."""
    assert [str(problem) for problem in check_folder(SHIPPED).errors] == []


def test_every_text_is_there_in_every_language() -> None:
    """Each key renders in each locale with its variables."""
    prompts = load_prompts(SHIPPED)
    for locale in LOCALES:
        for key, variables in MESSAGES.items():
            text = prompts.text(key, locale, **{name: SAMPLES[name] for name in variables})
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
        ("messages/en.yaml", "{{ minutes }}", "{{ minutes }", "line 4: "),
        (
            "messages/en.yaml",
            '    one: "Thank',
            '    two: "Thank',
            "the form 'one' of 'handoff.waiting' is missing",
        ),
        (
            "messages/en.yaml",
            '    one: "Thank',
            '    two: "Thank',
            "the form 'two' of 'handoff.waiting' is not used",
        ),
        (
            "messages/en.yaml",
            "{{ minutes | number }}",
            "{{ minutes | numbr }}",
            "line 5: there is no filter 'numbr'; use one of capitalize, date",
        ),
        (
            "messages/en.yaml",
            "{{ minutes | number }}",
            "{{ minutes.__class__.__mro__ }}",
            "'handoff.waiting' cannot be filled in: access to attribute '__class__' of 'int'",
        ),
        ("messages/en.yaml", "  transfer: ", "  transfer:\n    one: ", "has no number to choose forms by"),
        (
            "background.md",
            "excerpt.text",
            "excerpt.txt",
            "the text cannot be filled in: 'dict object' has no attribute 'txt'",
        ),
        ("opt_out.yaml", "\nes:", "\nfr:", "fr"),
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
        ("handoff/policy.yaml", "unsure: 0.15", "unsure: 0.95", "unsure must not be above sure"),
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
    prompts, problems = read_prompts(folder)
    found = [str(problem) for problem in problems]
    assert any(expected in line and line.startswith(file) for line in found), found
    assert prompts is None


def test_a_missing_file_is_named(folder: Path) -> None:
    """A locale without its file is one clear problem, and the set does not load."""
    (folder / "messages" / "es.yaml").unlink()
    assert any("messages/es.yaml: is missing" in str(p) for p in check_prompts(folder))
    with pytest.raises(PromptError, match=r"messages/es\.yaml: is missing"):
        load_prompts(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("messages/en.yaml", "Sorry, I'm", "x" * 1700 + " Sorry, I'm", "comes to 17"),
        (
            "messages/en.yaml",
            "{{ minutes | number }} minutes",
            "minutes",
            "advice: the text 'handoff.waiting'",
        ),
        (
            "assistant.md",
            "prompt_tokens: 1500",
            "prompt_tokens: 20",
            "and its limits.prompt_tokens is 20; shorten",
        ),
        (
            "knowledge/hipica.en.md",
            "\n## ",
            "\nSee [prices](prices.md#x).\n\n## ",
            "there is no knowledge/prices.md",
        ),
        (
            "knowledge/hipica.en.md",
            "\n## ",
            "\nSee [x](hipica.es.md).\n\n## ",
            "which a customer cannot open",
        ),
        (
            "README.md",
            "# The prompt files\n",
            "# The prompt files\n[x](policy.yaml) [y](#no)\n",
            "no heading for #no",
        ),
        (
            "handoff/keywords.yaml",
            "    - recursos humanos",
            "    - recursos humanos\n    - Recursos  humanos",
            "twice",
        ),
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
    _edit(folder / file, old, new)
    found = [str(problem) for problem in check_prompts(folder)]
    assert any(expected in line and line.startswith(file) for line in found), found
    load_prompts(folder)


def test_a_phrase_that_fires_on_a_bots_example_is_advice(folder: Path) -> None:
    """It is told with the example's file and line, and is no error: the classifier has a say too."""
    examples = folder / "handoff/examples/en.tsv"
    examples.write_text(
        examples.read_text(encoding="utf-8") + "en\tbot\tx\ti want to talk to a human\n", "utf-8"
    )
    found = [p for p in check_folder(folder).problems if "an example labelled bot" in p.message]
    last = len(examples.read_text(encoding="utf-8").splitlines())
    assert (examples.name, last, True) in {(Path(p.file).name, p.line, p.advice) for p in found}


def test_a_text_has_a_form_for_each_sort_of_number() -> None:
    """The form follows the language's rule, and large numbers are written as it writes them."""
    prompts = load_prompts(SHIPPED)
    waits = {
        (locale, minutes): prompts.text("handoff.waiting", locale, minutes=minutes)
        for locale in LOCALES
        for minutes in (0, 1, 2, 1234)
    }
    assert "1 minuto)" in waits["pt-BR", 1]
    # In Portuguese nothing is one, in English it is many.
    assert "0 minuto)" in waits["pt-BR", 0]
    assert "0 minutes" in waits["en", 0]
    assert "1.234 minutos" in waits["pt-BR", 1234]
    assert "1,234 minutes" in waits["en", 1234]
    assert forms_of("pl") == ("few", "many", "one", "other")
    texts = {name: compile_text(name, "x") for name in forms_of("pl")}
    polish = Forms("n", "pl", texts)
    assert [polish.render(n=n) for n in (1, 2, 5, 1.5)] == ["one", "few", "many", "other"]


def test_durations_are_written_as_a_language_writes_them() -> None:
    """A filter names the unit and its number."""
    for locale, expected in (("pt-BR", "25 minutos"), ("es", "25 minutos"), ("en", "25 minutes")):
        assert compile_text("{{ n | duration }}", "x", 1, locale).render(n=25) == expected
    assert compile_text("{{ n | duration('hour') }}", "x", 1, "pt-BR").render(n=1) == "1 hora"


def test_the_check_prints_lines_or_json(folder: Path) -> None:
    """An error ends it with 1 in either form; advice does not; the version and token counts are there."""
    runner = CliRunner()
    fine = runner.invoke(app, ["prompts", "check", str(folder), "--json"])
    told = json.loads(fine.output)
    assert (fine.exit_code, told["ok"], told["version"]) == (0, True, prompts_version(folder))
    assert told["tokens"]["estimate"] is True
    assert 100 < told["tokens"]["files"]["assistant.md"] < 2000
    _edit(folder / "messages/es.yaml", "  transfer:", "  transferr:")
    broken = runner.invoke(app, ["prompts", "check", str(folder), "--json"])
    problems = json.loads(broken.output)["problems"]
    assert broken.exit_code == 1
    assert {
        "file": "messages/es.yaml",
        "line": 2,
        "severity": "error",
        "message": "the text 'handoff.transferr' is not known; did you mean 'handoff.transfer'?",
    } in problems
    lines = runner.invoke(app, ["prompts", "check", str(folder)])
    assert lines.exit_code == 1
    assert "messages/es.yaml, line 2: the text 'handoff.transferr' is not known" in lines.output


def test_tokens_are_estimated_rather_too_high() -> None:
    """A sentence comes near to what OpenAI's tokenizers make of it."""
    assert 9 <= estimated_tokens("The quick brown fox jumps over the lazy dog.") <= 12
    assert estimated_tokens("") == 0
    assert estimated_tokens("atendimento personalizado") > estimated_tokens("oi tudo")


def test_what_does_not_belong_into_the_folder_is_told(folder: Path) -> None:
    """A huge file is an error with its name; a file for a language that Ponte does not speak is advice."""
    (folder / "video.mp4").write_bytes(b"x" * 1_000_001)
    (folder / "messages/fr.yaml").write_text("x: y", encoding="utf-8")
    found = {problem.file: problem for problem in check_prompts(folder)}
    assert "larger than 1000 kB" in found["video.mp4"].message
    assert found["messages/fr.yaml"].advice
    assert not found["video.mp4"].advice


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
