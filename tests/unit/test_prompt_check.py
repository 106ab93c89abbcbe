"""What the check finds beside faults: duplicates, contradictions, dead links, files that nothing reads."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from graph.keywords import KeywordSpec
from graph.lexicon_spec import Lexicons, LexiconSpec
from graph.prompt_check import check_folder
from graph.prompt_examples import example_problems
from graph.prompt_files import Reader
from graph.prompt_links import link_problems
from graph.prompt_phrases import keyword_problems, topic_problems
from graph.prompt_schema import HandoffPolicy
from graph.prompt_yaml import parse_yaml

SHIPPED = Path(__file__).parents[2] / "prompts"


def keywords(**lists: tuple[str, ...]) -> list[str]:
    """Return what is wrong with one language's lists."""
    spec = KeywordSpec(**{"phrases": ("fala", *lists.pop("phrases", ())), **lists})
    return [
        f"{p.message}{' (advice)' if p.advice else ''}" for p in keyword_problems({"x": spec}, parse_yaml(""))
    ]


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        ({"phrases": ("Ajuda  humána", "ajuda humana")}, "x.phrases has 'ajuda humana' twice; remove one."),
        ({"phrases": ("(a|b) c", "(b|a) c")}, "x.phrases has '(b|a) c' twice; remove one."),
        (
            {"phrases": ("ajuda humana", "(ajuda|apoio) humana")},
            "x.phrases has 'ajuda humana', which '(ajuda|apoio) humana' covers; remove one. (advice)",
        ),
        (
            {"phrases": ("[a] b", "b", "a b")},
            "x.phrases has 'a b', which '[a] b' covers; remove one. (advice)",
        ),
        ({"phrases": ("pesso*", "pessoa")}, "has 'pessoa', which 'pesso*' covers; remove one. (advice)"),
        ({"alone": ("fala",)}, "x.alone has 'fala', which 'fala' of phrases covers; remove it. (advice)"),
        ({"other_senses": ("fala",)}, "which 'fala' of other_senses hides; remove one of the two. (advice)"),
        ({"unless": ("(a|b|a) c",)}, "x.unless has 'a' twice in the brackets of '(a|b|a) c'; remove one."),
    ],
)  # fmt: skip
def test_a_phrase_that_others_say_already_is_told(lists: dict[str, tuple[str, ...]], said: str) -> None:
    """By all that it stands for, in its own list and across lists; only true doubles are errors."""
    assert any(said in found for found in keywords(**lists)), keywords(**lists)


def test_phrases_that_only_overlap_are_fine() -> None:
    """Each of them says something that the other does not."""
    assert (
        keywords(phrases=("(a|b) x", "(b|c) x", "y [z]", "w*"), alone=("x", "a"), negations=("fala",)) == []
    )


def test_topics_are_looked_at_too() -> None:
    """Within a list, and against the topics that are looked for before."""
    words = {"phrases": ["(se|me) feriu", "se feriu"]}
    other = {"phrases": ["me feriu"]}
    topics = [
        {"name": "Acidente", "pt-BR": words, "es": {"phrases": ["x"]}, "en": {"phrases": ["x"]}},
        {"name": "Saúde", "pt-BR": other, "es": {"phrases": ["y"]}, "en": {"phrases": ["y"]}},
    ]
    band = {"sure": 0.9, "unsure": 0.1, "judge": 0.5}
    policy = HandoffPolicy.model_validate({"classifier": band, "topics": topics})
    found = [problem.message for problem in topic_problems(policy, parse_yaml(""))]
    first, second = found
    assert first == "Acidente.pt-BR.phrases has 'se feriu', which '(se|me) feriu' covers; remove one."
    assert second.startswith(
        "Saúde.pt-BR.phrases has 'me feriu', which '(se|me) feriu' of an earlier topic covers; remove one"
    )


def test_examples_that_are_read_alike_must_not_have_both_labels() -> None:
    """Another spelling of the same words contradicts as they do themselves."""
    rows = "lang\tlabel\tkind\ttext\npt-BR\thuman\tx\tvc é humano\npt-BR\tbot\tx\tvocê é humano\n"
    files = {"handoff/examples/a.tsv": rows.encode()}
    spec = LexiconSpec({"vc": "voce"}, (), {"human": ("humano",)})
    examples = Reader(files).examples()
    found = list(example_problems(files, examples, Lexicons({"pt-BR": spec}, {}), None))
    assert [(p.line, p.advice) for p in found] == [(3, False)]
    assert "'vc é humano' (line 2) are the same to the detection" in found[0].message
    assert list(example_problems(files, examples, None, None)) == []


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("knowledge/a.md", "See [prices][p].", "[prices][p] leads nowhere: there is no line `[p]: address`"),
        ("knowledge/a.md", "See [prices][].", "there is no line `[prices]: address`"),
        ("knowledge/a.md", "[p][p]\n\n[p]: gone.md", "line 3: the link 'gone.md' leads nowhere"),
        ("knowledge/a.md", 'See <a href="gone.md">x</a>.', "the link 'gone.md' leads nowhere"),
        ("knowledge/a.md", "<img alt=x src=gone.png>", "the link 'gone.png' leads nowhere"),
        ("knowledge/a.md", "See [x](/prices).", "it begins with a `/`; write the whole web address"),
        ("knowledge/a.md", "See [x](https://prices).", "it names no host such as example.com"),
        ("messages/en.yaml", 'a: "See [x](gone.md)."', "line 1: the link 'gone.md' leads nowhere"),
        ("messages/en.yaml", 'a: "See http:/example.com"', "it names no host such as example.com"),
        ("messages/en.yaml", 'a: "See [x](../policy.yaml)."', "which a customer cannot open"),
    ],
)
def test_dead_links_are_found_however_they_are_written(file: str, text: str, said: str) -> None:
    """In Markdown's ways, in HTML, and in what is sent."""
    found = [str(p) for p in link_problems({file: text.encode(), "policy.yaml": b""}, SHIPPED)]
    assert any(said in one for one in found), found


def test_links_that_lead_somewhere_are_fine() -> None:
    """Web addresses, headings, defined references, code, and what stands in a template's code."""
    text = "# A b\n[x](#a-b) [y][w] <https://a.example.com/b?c> `[n](gone)`\n\n[w]: https://example.com\n"
    files = {"knowledge/a.md": text.encode(), "assistant.md": b"{{ a[b][c] }}"}
    assert [p for p in link_problems(files, SHIPPED) if "#a-b" not in p.message] == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped files."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "prompts"))


def test_everything_is_looked_at_whatever_else_is_wrong(folder: Path) -> None:
    """One fault does not hide the others, nor advice on files that nothing reads."""

    def edit(file: str, change: Callable[[str], str]) -> None:
        path = folder / file
        path.write_text(change(path.read_text("utf-8")), "utf-8")

    edit("opt_out.yaml", lambda text: text.replace("\nes:", "\nfr:"))
    edit("messages/en.yaml", lambda text: text.replace("Sorry, I'm", "x" * 1700 + " Sorry, I'm"))
    edit(
        "handoff/keywords.yaml",
        lambda text: text.replace("- recursos", "- Recursos humanos\n    - recursos", 1),
    )
    edit("handoff/examples/en.tsv", lambda text: f"{text}en\tbot\tx\tHuman, please!\n")
    edit("assistant.md", lambda text: text.replace("prompt_tokens: 1500", "prompt_tokens: 20"))
    for stray in ("assistent.md", "handoff/keyword.yaml", "knowledge/notes.txt"):
        (folder / stray).write_text("x")
    found = [str(problem) for problem in check_folder(folder).problems]
    for said in (
        "opt_out.yaml, line 9: fr: must be",
        "comes to 17",
        "'recursos humanos' twice; remove one",
        "'Human, please!' is labelled both human and bot",
        "assistant.md, line 7: comes to about",
        "assistent.md: advice: nothing reads this file; did you mean assistant.md?",
        "handoff/keyword.yaml: advice: nothing reads this file; did you mean handoff/keywords.yaml?",
        "knowledge/notes.txt: advice: nothing reads this file; rename it",
    ):
        assert any(said in one for one in found), (said, found)


def test_a_quotation_mark_that_was_left_behind_is_advice(folder: Path) -> None:
    """Its partner was deleted, and YAML takes the other for a part of the text."""
    path = folder / "messages/en.yaml"
    path.write_text(path.read_text("utf-8").replace('goodbye: "See you!', "goodbye: See you!"), "utf-8")
    found = [str(problem) for problem in check_folder(folder).problems]
    assert any("the text 'bot.goodbye' holds a single quotation mark" in one for one in found), found
