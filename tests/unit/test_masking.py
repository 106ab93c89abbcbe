"""What leaves the transcript as an example says nothing of who wrote it."""

from __future__ import annotations

import pytest

from ponte.masking import masked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("meu cpf é 123.456.789-09", "meu cpf é <number>"),
        ("me liga no +55 (11) 99999-0000", "me liga no <number>"),
        ("pedido AB12345", "pedido AB<number>"),
        ("escreve pra ana.souza+x@mail.com.br", "escreve pra <email>"),
        ("olha https://loja.example/p?id=1 aqui", "olha <link> aqui"),
        ("Oi, me chamo ana souza e quero ajuda", "Oi, me chamo <name> e quero ajuda"),
        ("my name is john smith and i need help", "my name is <name> and i need help"),
        ("me llamo josé", "me llamo <name>"),
        ("fala com o João da Silva por favor", "fala com o <name> por favor"),
        ("MARIA aqui, e a maria também", "<name> aqui, e a <name> também"),
    ],
)
def test_numbers_addresses_and_names_are_masked(text: str, expected: str) -> None:
    """Each becomes a mark; the words around it stay."""
    assert masked(text, ["Maria Lima"]) == expected


@pytest.mark.parametrize(
    "text",
    [
        "às 15h por 120 reais, 2 crianças",
        "QUERO FALAR COM ATENDENTE",
        "Oi! Sou nova aqui. Quero ajuda",
        "I'd like a lesson on Monday",
        "o Pix não caiu",
    ],
)
def test_what_tells_nobody_stays(text: str) -> None:
    """Small numbers, sentences' first words and weekdays are no secrets."""
    assert masked(text) == text
