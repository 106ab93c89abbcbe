"""Each fault of the prompt files is told with its file, line and mend, whatever stands in them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from graph.prompt_source import read_folder
from graph.prompts import read_prompts

SHIPPED = Path(__file__).parents[2] / "prompts"


@cache
def shipped() -> dict[str, bytes]:
    """The shipped files."""
    return dict(read_folder(SHIPPED).files)


def faults(file: str, old: str, new: str) -> list[str]:
    """Return what is wrong once a file is edited."""
    text = shipped()[file].decode()
    assert old in text
    prompts, problems = read_prompts({**shipped(), file: text.replace(old, new, 1).encode()})
    assert (prompts is None) == bool(problems)
    return [str(problem) for problem in problems]


def line_of(file: str, part: str) -> int:
    """Return the line of a shipped file on which a text stands first."""
    return shipped()[file].decode().partition(part)[0].count("\n") + 1


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("messages/pt-BR.yaml", "{{ hours }}", "{{ hours | date }}", "'handoff.closed' cannot be filled in"),
        ("messages/en.yaml", "{{ minutes }}", "{{ minuts }}", "'minuts' is not known here"),
        ("messages/en.yaml", 'title: "Bad"', 'titel: "Bad"', "titel: is not known here; did you mean"),
        (
            "messages/en.yaml",
            "choices:\n",
            "choises:\n",
            "choises: is not known here; did you mean 'choices'?",
        ),
        ("messages/en.yaml", 'one: "', 'two: "', "the form 'two' of 'handoff.waiting' is not used in en"),
        ("assistant.md", "variables: [l", "variables: [x, l", "'x' is declared but never used; mend"),
        ("assistant.md", "purpose:", "purpos:", "purpos: is not known here; did you mean 'purpose'?"),
        ("assistant.md", "purpose:", "purpos:", "purpose: is missing; add it"),
        ("background.md", "excerpt.text", "excerpt.txt", "no attribute 'txt'"),
        ("handoff/keywords.yaml", "[atendente,", "[yes,", "pt-BR.alone.1: must be words; put it in quotes"),
        ("handoff/keywords.yaml", "es:\n  phr", "fr:\n  phr", "fr: must be 'pt-BR', 'es' or 'en'; write"),
        ("handoff/policy.yaml", "after: 2", "after: 99", "triggers.no_answer.after: must be 10 or less"),
        ("handoff/policy.yaml", "media: {enabled: true", "media: {enabled: 3", "must be true or false"),
        ("handoff/policy.yaml", "es:\n      phrases", "es:\n      phrase", "topics.1.es.phrases: is missing"),
        (
            "handoff/lexicon.yaml",
            "concepts:\n",
            "concepts:\n    x: [a]\n",
            "pt-BR.concepts.x: must be 'about'",
        ),
        ("opt_out.yaml", 'back: ["start"', 'back: ["stop"', "'stop' is both under out and under back"),
        ("policy.yaml", "format: opus", "format: ogg", "voice.format: must be 'opus', 'mp3', 'wav' or 'pcm'"),
        ("policy.yaml", "waiting_reminder_minutes: 10", "waiting_reminder_minutes: ten", "a whole number"),
    ],
)
def test_a_fault_is_told_where_it_stands(file: str, old: str, new: str, said: str) -> None:
    """The line is the one that was edited, or the next of a nested one, in plain words with what to do."""
    found = [one for one in faults(file, old, new) if said in one]
    assert found, faults(file, old, new)
    line = line_of(file, old)
    assert any(one.startswith((f"{file}, line {line}: ", f"{file}, line {line + 1}: ")) for one in found), (
        found
    )


def test_a_variable_that_is_used_but_not_declared_is_told_where_it_is_used() -> None:
    """The mend is in the front matter, or there."""
    (found,) = faults("assistant.md", "[language]", "[]")
    line = line_of("assistant.md", "{{ language }}")
    assert found.startswith(
        f"assistant.md, line {line}: the variable 'language' is used but not declared; add"
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("messages/pt-BR.yaml", "  thanks:", '  greeting: "x"\n  thanks:', "'greeting' stands twice here"),
        ("policy.yaml", "timezone: A", "timezone: UTC\ntimezone: A", "'timezone' stands twice here"),
        ("assistant.md", "model: null", "model: null\nmodel: x", "line 4: 'model' stands twice here; join"),
        ("handoff/keywords.yaml", "\n  alone:", "\n  phrases: [x]\n  alone:", "'phrases' stands twice here"),
        ("opt_out.yaml", "  back:", "  out: [x]\n  back:", "'out' stands twice here"),
    ],
)
def test_a_key_written_twice_is_a_fault(file: str, old: str, new: str, said: str) -> None:
    """YAML would take the last of the two without a word."""
    assert any(said in one for one in faults(file, old, new))


def test_a_mark_before_the_first_letter_is_no_fault() -> None:
    """Windows' editors write one."""
    for file, begin in (("assistant.md", "---"), ("handoff/examples/en.tsv", "lang"), ("opt_out.yaml", "#")):
        assert faults(file, begin, f"\ufeff{begin}") == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('Como posso ajudar?"\n', "Como posso ajudar?\n", "the quotation mark of this text is not closed"),
        ("  greeting:", "\tgreeting:", "is indented with a tab"),
        ("  greeting: ", '  greeting: "a "b" c" #', "A quotation mark within the text ends it"),
        ("  greeting: ", "  greeting: a: b #", "Put a text that holds a colon in quotes"),
        ("  greeting:", "  greeting: 2026-13-45 #", "month must be in 1..12. Put dates and times in quotes"),
        ("  greeting:", "  greeting: \x07 #", "holds a character that YAML does not take"),
        ("  greeting:", "  x: &x [*x]\n  greeting:", "repeats too much with `&name` and `*name`"),
    ],
)
def test_what_is_no_yaml_is_told_at_the_line_that_was_edited(old: str, new: str, said: str) -> None:
    """A quotation mark that is missing shows on its own line, not on the next one that has one."""
    (found,) = faults("messages/pt-BR.yaml", old, new)
    assert said in found
    line = line_of("messages/pt-BR.yaml", "  greeting:")
    assert f", line {line}:" in found or "month" in found


@pytest.mark.parametrize(
    "broken",
    [
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(a, a) %}{% endmacro %}",
        "{{ " + "[" * 3000 + "]" * 3000 + " }}",
        "{{ language * 10 ** 12 }}",
        "{{ language * 10000000000000 }}",
        "{{ language | date }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
    ],
)
def test_a_text_that_cannot_be_filled_in_is_a_fault_of_its_file(broken: str) -> None:
    """Nothing that stands in a template ends or holds up who reads it."""
    (found,) = faults("assistant.md", "You are", f"{broken} You are")
    assert found.startswith(f"assistant.md, line {line_of('assistant.md', 'You are')}: ")


def test_yaml_that_is_nested_or_repeated_without_end_is_a_fault() -> None:
    """A few lines could stand for billions of values."""
    lines = ["a: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))]
    (found,) = faults("policy.yaml", "links:", "\n".join(lines) + "\nlinks:")
    assert "repeats too much" in found
    assert faults("policy.yaml", "links:", f"x: {'[' * 20_000}\nlinks:")


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        ("(ajuda|apoio humano", "has a `(` that is not closed; add `)`"),
        ("ajuda) humano", "has a `)` that nothing opens"),
        ("(ajuda [muito]) humano", "brackets do not stand in brackets"),
        ("ajuda|apoio humano", "has a `|` outside of brackets"),
        ("(ajuda|) humano", "has nothing beside a `|`"),
        ("aju*da humano", "has a `*` that is not at a word's end"),
        ("[ajuda] [humano]", "has no word that must be there"),
        ("!!!", "has no word that must be there"),
    ],
)
def test_wrong_marks_of_a_phrase_are_a_fault(phrase: str, said: str) -> None:
    """Such a phrase would fire on something else than it says."""
    first = "- (ajuda|atendimento|suporte|auxilio|contato) humano"
    assert any(said in one for one in faults("handoff/keywords.yaml", first, f'- "{phrase}"'))
    topic = "- (se|me) (machucou|machuquei|feriu|feri|acidentou|acidentei)"
    assert any(said in one for one in faults("handoff/policy.yaml", topic, f'- "{phrase}"'))
