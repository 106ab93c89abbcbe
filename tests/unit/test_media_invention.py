"""Transcripts that nobody said."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph.invention import invented

SAID = [
    ("sim", 140),
    ("não não não, isso está errado", 900),
    ("obrigado", 450),
    ("obrigado, até mais", 700),
    ("Olá, quanto custa a aula de equitação para crianças?", 1_800),
    ("Quiero suscribirme al canal de noticias de la hípica, ¿cómo hago?", 2_000),
    ("thanks, I was watching the lesson yesterday and have a question", 2_200),
    ("meu número é 1 1 9 9 9 9 9 9 9 1 1 9", 5_000),
]


@pytest.mark.parametrize(("text", "voiced"), SAID)
def test_what_people_say_is_kept(text: str, voiced: int) -> None:
    """Short words, courtesies, numbers and repeated words are speech."""
    assert not invented(text, voiced)


def test_a_long_account_is_kept() -> None:
    """Minutes of prose, in each language."""
    for path in sorted((Path(__file__).parents[2] / "prompts" / "knowledge").glob("*.md")):
        prose = path.read_text(encoding="utf-8")
        assert not invented(prose, len(prose) * 40), path.name


@pytest.mark.parametrize(
    ("text", "voiced"),
    [
        ("", 5_000),
        ("...", 5_000),
        ("🎵", 5_000),
        ("Legendas pela comunidade Amara.org", 3_000),
        ("Subtítulos realizados por la comunidad de Amara.org", 3_000),
        ("Thanks for watching!", 3_000),
        ("Obrigado por assistir! Obrigado por assistir!", 3_000),
        ("you", 120),
        ("Thank you.", 200),
        (
            "Eu acho que a gente precisa conversar melhor sobre o contrato da hospedagem antes do fim do mês",
            100,
        ),
        ("e aí " * 40, 60_000),
        ("eu vou para a casa " * 12, 60_000),
        ("a b c d e f g h i j k l m n o p q r s t " * 30, 60_000),
    ],
)
def test_inventions_are_caught(text: str, voiced: int) -> None:
    """No words, credits of subtitles, more than the voice has time for, and loops."""
    assert invented(text, voiced)
