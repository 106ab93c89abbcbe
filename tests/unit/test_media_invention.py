"""Transcripts that nobody said."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph.invention import invented

# Each with the length of the voice and of the note, in ms.
SAID = [
    ("sim", 140, 1_000),
    ("não não não, isso está errado", 900, 2_000),
    ("obrigado", 320, 9_000),
    ("obrigado, até mais", 700, 30_000),
    ("Olá, quanto custa a aula de equitação para crianças?", 1_800, 4_000),
    ("Quiero suscribirme al canal de noticias de la hípica, ¿cómo hago?", 2_000, 5_000),
    ("thanks, I was watching the lesson yesterday and have a question", 2_200, 5_000),
    ("meu número é 1 1 9 9 9 9 9 9 9 1 1 9", 5_000, 9_000),
]


@pytest.mark.parametrize(("text", "voiced", "length"), SAID)
def test_what_people_say_is_kept(text: str, voiced: int, length: int) -> None:
    """Short words, courtesies, numbers and repeated words are speech."""
    assert not invented(text, voiced, length)


def test_a_long_account_is_kept() -> None:
    """Minutes of prose, in each language."""
    for path in sorted((Path(__file__).parents[2] / "prompts" / "knowledge").glob("*.md")):
        prose = path.read_text(encoding="utf-8")
        assert not invented(prose, len(prose) * 40, len(prose) * 80), path.name


@pytest.mark.parametrize(
    ("text", "voiced", "length"),
    [
        ("", 5_000, 10_000),
        ("...", 5_000, 10_000),
        ("🎵", 5_000, 10_000),
        ("Legendas pela comunidade Amara.org", 3_000, 6_000),
        ("Subtítulos realizados por la comunidad de Amara.org", 3_000, 6_000),
        ("Thanks for watching!", 3_000, 6_000),
        ("Obrigado por assistir! Obrigado por assistir!", 3_000, 6_000),
        ("you", 120, 1_000),
        ("Thank you.", 200, 12_000),
        (
            "Eu acho que a gente precisa conversar melhor sobre o contrato da hospedagem antes do fim do mês",
            100,
            1_000,
        ),
        ("e aí " * 40, 60_000, 120_000),
        ("eu vou para a casa " * 12, 60_000, 120_000),
        ("a b c d e f g h i j k l m n o p q r s t " * 30, 60_000, 120_000),
    ],
)
def test_inventions_are_caught(text: str, voiced: int, length: int) -> None:
    """No words, credits of subtitles, more than the voice has time for, and loops."""
    assert invented(text, voiced, length)
