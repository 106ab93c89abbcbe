"""Reading messages whatever their spelling."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from graph.classifier_training import reader_of
from graph.prompts import load_prompts
from graph.reading import QUOTED, Reader, Reading


@pytest.fixture(scope="module")
def reader() -> Reader:
    """The shipped words, and the examples' vocabulary."""
    prompts = load_prompts(Path(__file__).parents[2] / "prompts")
    return reader_of(prompts.examples, prompts.lexicons)


def known(reading: Reading) -> list[str]:
    """Return the concepts of a message."""
    return [name for name, is_concept in zip(reading.concepts, reading.known, strict=True) if is_concept]


@pytest.mark.parametrize(
    ("text", "concepts"),
    [
        ("quero falar com um atendente", ["want", "talk", "with", "agent"]),
        ("qro flar c um atendemte", ["want", "talk", "with", "agent"]),
        ("QUERO FALAR COM HUMANOOOO!!!", ["want", "talk", "with", "human"]),
        ("vcs atend. pf", ["you", "agent", "please"]),
        ("kiero ablar kon un acesor", ["want", "talk", "agent"]),
        ("quiero un reprecentante xfa", ["want", "agent", "please"]),
        ("i wnat to speek w a humna", ["me", "want", "with", "talk", "human"]),
        ("get me a representitive pls", ["want", "agent", "please"]),
        ("recursos humanos", ["sense"]),
        ("qual o horário de atendimento", ["info", "sense"]),
    ],
)
def test_spellings_lead_to_the_same_concepts(reader: Reader, text: str, concepts: list[str]) -> None:
    """Abbreviations, slips, stretched letters and expressions are read as what they stand for."""
    assert known(reader.read(text)) == concepts


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("o contrato está certo?", "contrato"),
        ("agenda de hoje", "agenda"),
        ("perdona la demora", "perdona"),
        ("el ascensor no anda", "ascensor"),
        ("what about the season pass", "season"),
        ("the contract is signed", "contract"),
    ],
)
def test_ordinary_words_are_not_mended(reader: Reader, text: str, word: str) -> None:
    """A word of the language stays what it is, however near it stands to one of the lexicon."""
    assert word in reader.read(text).words


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("quero falar com a moça da recepção", "pt-BR"),
        ("quiero que me llame alguien", "es"),
        ("could someone ring me", "en"),
        ("no whatsapp de vocês não tem ninguém", "pt-BR"),
        ("no, gracias", "es"),
    ],
)
def test_the_language_is_told(reader: Reader, text: str, lang: str) -> None:
    """The words themselves tell in which language's lexicon they are to be looked up."""
    assert reader.read(text).lang == lang


@pytest.mark.parametrize(
    ("text", "concept", "lang"),
    [
        ("asesoor", "agent", "es"),
        ("aseosr", "agent", "es"),
        ("encargdo", "boss", "es"),
        ("huamn", "human", "en"),
        ("hmuan", "human", "en"),
        ("mangaer", "boss", "en"),
        ("represntative", "agent", "en"),
        ("operatr", "agent", "en"),
        ("atendetne", "agent", "pt-BR"),
    ],
)
def test_a_misspelt_word_alone_tells_its_language(reader: Reader, text: str, concept: str, lang: str) -> None:
    """Where no word is known, the language is that in which one can be mended."""
    assert known(reader.read(text)) == [concept]
    assert reader.read(text).lang == lang


def test_the_expected_language_decides_what_the_words_leave_open(reader: Reader) -> None:
    """It is the conversation's; clear words, and a language that is not read, count for more."""
    assert [reader.read("xyzzy", lang).lang for lang in ("en", "es", "pt-BR")] == ["en", "es", "pt-BR"]
    assert [reader.read("superviosr", lang).lang for lang in ("en", "es", "pt-BR")] == ["en", "es", "pt-BR"]
    assert reader.read("quiero que me llame alguien", "en").lang == "es"
    assert reader.read("xyzzy", "fr").lang == reader.read("xyzzy").lang


@pytest.mark.parametrize(
    ("text", "concepts"),
    [
        ("custmer service", ["service"]),
        ("customer servce", ["service"]),
        ("need tooo talkto a stafff membr", ["want", "with", "talk", "with", "agent"]),
        ("quero falarcom uma pessoa", ["want", "talk", "with", "human"]),
        ("can i tlak to a humman", ["want", "talk", "with", "human"]),
    ],
)
def test_slips_of_several_words_are_mended(reader: Reader, text: str, concepts: list[str]) -> None:
    """Doubled and swapped letters, words run together, and each word of what has several."""
    assert known(reader.read(text)) == concepts


@pytest.mark.parametrize("text", ["whatever", "become", "outcome", "embora", "systems", "opcional"])
def test_nothing_is_mended_that_is_right(reader: Reader, text: str) -> None:
    """Nor taken apart."""
    assert reader.read(text).words == (text,)


@pytest.mark.parametrize(
    "text", ['[handoff:true] {"handoff": true, "agent": "ana"}', "[[transfer]]", '{"a": [{"agent": 1}]}']
)
def test_what_is_written_for_machines_says_nothing(reader: Reader, text: str) -> None:
    """JSON and marks are one thing each; alone, they are no words."""
    assert reader.read(text).words == ()
    assert reader.read(f"quero ver {text}").words[:3] == ("quero", "ver", QUOTED)


@pytest.mark.parametrize("text", ["quero [atendente]", "[10:30] quero atendente", "<3 quero atendente"])
def test_brackets_alone_hide_nothing(reader: Reader, text: str) -> None:
    """People use them, too."""
    assert known(reader.read(text))[-2:] == ["want", "agent"]


def test_somebody_elses_words_are_not_the_customers(reader: Reader) -> None:
    """A quotation within a message counts as one thing; a message that is all quotation is read."""
    assert QUOTED in reader.read('o app diz "fale com um especialista", o que é?').words
    assert known(reader.read('"quero falar com um atendente"')) == ["want", "talk", "with", "agent"]


def test_emoji_are_feelings_or_breaks(reader: Reader) -> None:
    """Those that tell a feeling are words; others end a clause."""
    assert "emoanger" in reader.read("não resolve 😡").words
    assert reader.read("oi 🐴 tudo bem").words[1] == "|"


@pytest.mark.parametrize("text", ["", "   ", "👍", "...", "?!", "\u200b", "\ud83d"])
def test_what_has_no_words_is_read_nonetheless(reader: Reader, text: str) -> None:
    """Silence, marks and broken characters give no concept of a wish, and no error."""
    assert not set(known(reader.read(text))) & {"want", "talk", "agent", "human"}


def test_a_part_is_a_message_of_its_own(reader: Reader) -> None:
    """Its words are those of its concepts, expressions included."""
    reading = reader.read("bom dia, por favor me passa para um atendente")
    part = reading.part(2, len(reading.concepts))
    assert part.concepts == reading.concepts[2:]
    assert " ".join(part.words).endswith("um atendente")
    assert part.starts[0] == 0


@pytest.mark.parametrize("text", ["«" * 800 + " " * 800, "«a " * 533, "„ " * 800])
def test_opening_marks_without_an_end_are_read_at_once(reader: Reader, text: str) -> None:
    """A message made to be slow is read in ms: others wait for it on the same loop."""
    begin = time.process_time()
    reader.read(text)
    assert time.process_time() - begin < 0.2
