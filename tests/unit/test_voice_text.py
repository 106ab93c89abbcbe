"""What a voice reads of a written answer, and what is left to the eye."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.spoken_text import spoken_text


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        (
            "pt-BR",
            "Olá! 😀 O plano *Básico* custa R$ 120/mês. 🎉",
            "Olá! O plano Básico custa 120 reais por mês.",
        ),
        ("pt-BR", "Custa R$ 1.234,50", "Custa 1234 reais e 50 centavos."),
        ("pt-BR", "R$ 1,00 ou R$ 0,50 ou R$ 0,01", "1 real ou 50 centavos ou 1 centavo."),
        ("pt-BR", "Fatura R$ 2 mil; meta R$ 3 milhões", "Fatura 2 mil reais; meta 3 milhões de reais."),
        ("es", "Cuesta € 5,50 & US$ 3", "Cuesta 5 euros con 50 centavos y 3 dólares."),
        ("en", "It costs US$ 1,200.50 & more.", "It costs 1200 dollars and 50 cents and more."),
        ("en", "30° outside", "30 degrees outside."),
        (
            "pt-BR",
            "Horários:\n- seg–sex: 8h–18h\n- sáb: 8h-12h30\n\nAté já!",  # noqa: RUF001 - dashes that people type
            "Horários: seg a sex: 8h a 18h. sáb: 8h a 12h30. Até já!",
        ),
        ("pt-BR", "1. Aula\n2) Passeio", "1: Aula. 2: Passeio."),
        ("pt-BR", "# Título\n> citado\n---\n_fim_ `x` ~y~", "Título. citado. fim x y."),
        ("pt-BR", "2 * 3 * 4 e nome_de_algo", "2 * 3 * 4 e nome_de_algo."),
        ("pt-BR", "👨‍👩‍👧 família 🇧🇷 1️⃣ ❤️", "família 1."),
        ("fr", "R$ 2", "2 reais."),
    ],
)
def test_what_is_read_aloud(language: str, written: str, spoken: str) -> None:
    """Prices are said in words, lists become sentences, marks and emoji are left out."""
    assert spoken_text(written, language, 600) == spoken


@pytest.mark.parametrize(
    "written",
    [
        "Veja https://ponte.example/planos",
        "Veja www.ponte.example",
        "Veja ponte.com.br",
        "[planos](planos.html)",
        "Escreva para ana@ponte.example",
        "Ligue para (11) 99999-8888",
        "O CEP é 01310-100 e o código 12345678",
        "Seu pedido é ABC1234567XY",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "```\npip install x\n```",
        "\n".join(f"- item {n}" for n in range(6)),
        "palavra " * 100,
        "👍",
        "...",
        "",
    ],
)
def test_what_is_left_to_the_eye(written: str) -> None:
    """Links, numbers to copy, tables, code, long lists, long texts and texts without words are not spoken."""
    assert spoken_text(written, "pt-BR", 600) is None


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(written: str) -> None:
    """Whatever a model writes: nothing raises, and nothing over the limit or without a word is spoken."""
    spoken = spoken_text(written, "pt-BR", 150)
    assert spoken is None or (len(spoken) <= 150 and any(c.isalnum() for c in spoken))
