"""Answers from the knowledge files, and the folding that everything rests on."""

from __future__ import annotations

import csv
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from graph.chunks import chunks_of
from graph.knowledge import Knowledge, Section, terms
from graph.knowledge_files import plain, sections_of
from graph.language import detect_language
from graph.prompts import load_prompts
from graph.text import clauses, fold


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    """The sample company's."""
    return Knowledge(load_prompts(Path(__file__).parents[2] / "prompts").knowledge)


@pytest.mark.parametrize(
    ("question", "lang", "title"),
    [
        ("qual o preço da aula?", "pt-BR", "Preços das aulas"),
        ("Quanto custam as AULAS", "pt-BR", "Preços das aulas"),
        ("onde fica?", "pt-BR", "Endereço e como chegar"),
        ("quanto custa a pensão do meu cavalo?", "pt-BR", "Pensão de cavalos"),
        ("vcs aceitam pix", "pt-BR", "Formas de pagamento"),
        ("a partir de quantos anos?", "pt-BR", "Idade mínima"),
        ("¿aceptan tarjeta?", "es", "Formas de pago"),
        ("¿dónde están?", "es", "Dirección y cómo llegar"),
        ("do you host birthday parties?", "en", "Birthday parties and events"),
        ("where are you located?", "en", "Address and how to get there"),
    ],
)
def test_questions_find_their_section(knowledge: Knowledge, question: str, lang: str, title: str) -> None:
    """The best section is the one a person would name, well above the threshold."""
    hit = knowledge.search(question, lang)[0]
    assert hit.section.title == title
    assert hit.score >= 0.7


@pytest.mark.parametrize(
    "question", ["vocês vendem pizza?", "quem descobriu o Brasil?", "tem wifi?", "", "???", "de da do"]
)
def test_foreign_questions_find_nothing_worth_an_answer(knowledge: Knowledge, question: str) -> None:
    """What the files do not hold stays under the threshold."""
    assert all(hit.score < 0.5 for hit in knowledge.search(question, "pt-BR"))


def test_a_language_without_files_finds_nothing() -> None:
    """An answer in another language than the customer's is none."""
    only = Knowledge([Section("en", "a.md", "Prices", "Ten.")])
    assert only.search("prices", "es") == []
    assert only.search("prices", "en")[0].score == 1.0


def test_markdown_becomes_whatsapp_text() -> None:
    """Headings, bold, bullets and links come out as WhatsApp shows them; comments do not come out."""
    assert plain("### A\n**b** [c](https://d)\n- e\n<!-- f -->") == "*A*\n*b* c: https://d\n• e"
    (section,) = sections_of("# T\nintro\n## A\n<!-- asked as: x y -->\nbody\n## B\n", lang="en", source="s")
    assert (section.title, section.text, section.asked_as) == ("A", "body", "x y")


def test_plurals_and_accents_do_not_matter() -> None:
    """Singular and plural of the three languages fold to the same term."""
    for one, many in (("aula", "aulas"), ("pensão", "pensões"), ("cor", "cores"), ("party", "parties")):
        assert terms(one) == terms(many)


def test_a_misspelt_or_inflected_word_is_read_as_the_nearest_one() -> None:
    """What is nearly a word of the files counts nearly as much; another word counts nothing."""
    only = Knowledge([Section("en", "a.md", "Pregnant riders", "No."), Section("en", "a.md", "Dogs", "Yes.")])
    assert only.search("pregnent?", "en")[0].section.title == "Pregnant riders"
    assert 0.5 < only.search("pregnent", "en")[0].score < 1
    assert only.search("president", "en") == []
    assert terms("perritos") == terms("perro")
    assert terms("boa tarde, tem aula de tarde?") == ["aula", "tarde"]


def test_long_sections_are_searched_in_pieces() -> None:
    """Bounded, of whole sentences, each beginning with the end of the one before; short ones stay whole."""
    sentences = [f"This is sentence number {n} of a long section." for n in range(60)]
    long = Section("en", "a.md", "Rules", " ".join(sentences))
    pieces = chunks_of(long, most=400, overlap=100)
    assert all(len(piece.text) <= 400 for piece in pieces)
    assert [piece.part for piece in pieces] == list(range(1, len(pieces) + 1))
    assert {piece.reference for piece in pieces} == {"a.md#rules"}
    assert all(piece.text.startswith("This is") and piece.text.endswith(".") for piece in pieces)
    for one, other in pairwise(pieces):
        assert other.text.split(". ")[0].rstrip(".") in one.text
    assert all(any(sentence in piece.text for piece in pieces) for sentence in sentences)
    assert chunks_of(Section("en", "a.md", "A", "Short.")) == [Section("en", "a.md", "A", "Short.")]
    endless = chunks_of(Section("en", "a.md", "A", "word " * 500), most=400, overlap=100)
    assert all(len(piece.text) <= 400 for piece in endless)
    assert Knowledge([long]).search("sentence 59", "en", 1)[0].section.part == len(chunks_of(long))


def test_questions_of_customers_find_their_sections(knowledge: Knowledge) -> None:
    """As docs/reference/knowledge.md tells: of the questions with an answer, and of those without one."""
    with (Path(__file__).parents[1] / "fixtures" / "knowledge_questions.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    found: Counter[str] = Counter()
    for row in rows:
        hits = knowledge.search(row["question"], row["lang"])
        titles = [hit.section.reference.partition("#")[2] for hit in hits]
        answered = bool(hits) and hits[0].score >= 0.52
        if row["section"] == "-":
            found["without"] += 1
            found["answered all the same"] += answered
        else:
            found["with"] += 1
            found["first"] += titles[:1] == [row["section"]]
            found["among three"] += row["section"] in titles
            found["answered right"] += answered and titles[0] == row["section"]
            found["answered wrong"] += answered and titles[0] != row["section"]
    assert found["first"] / found["with"] >= 0.9
    assert found["among three"] / found["with"] >= 0.95
    assert found["answered all the same"] / found["without"] <= 0.06
    assert found["answered wrong"] / found["answered right"] <= 0.08


def test_folding() -> None:
    """Case, accents and emphasis go; punctuation ends a clause, a line break does not."""
    assert fold("OLÁÁÁ Carro") == "ola carro"
    assert clauses("Não. Quero\nfalar, já!") == "nao | quero falar | ja |"


@pytest.mark.parametrize(
    ("text", "current", "expected"),
    [
        ("quanto custa uma aula?", "en", "pt-BR"),
        ("¿cuánto cuesta la clase?", "pt-BR", "es"),
        ("how much is a lesson?", "pt-BR", "en"),
        ("hola", "pt-BR", "es"),
        ("hello", "pt-BR", "en"),
        ("ok", "es", "es"),
        ("João Silva", "en", "en"),
        ("👍", "en", "en"),
        ("", "pt-BR", "pt-BR"),
        ("sim", "pt-BR", "pt-BR"),
        ("oi", "xx", "pt-BR"),
    ],
)
def test_the_language_follows_the_customer_and_sticks(text: str, current: str, expected: str) -> None:
    """A clear message changes the language; one that tells nothing keeps it."""
    assert detect_language(text, current) == expected
