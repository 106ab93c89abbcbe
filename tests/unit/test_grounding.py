"""Prices that nobody named, and answers that rest on nothing."""

from __future__ import annotations

import pytest

from graph.amounts import amounts, foreign_amounts, numbers, priced
from graph.grounding import without_offer


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("R$ 1.650,00 por mês", {165_000}),
        ("R$1,650 a month", {165_000}),
        ("US$ 12.5", {1_250}),
        ("custa 999 por hora", {99_900}),
        ("sai por 1,5 mil reais", {150_000}),
        ("20 reais, 30 dólares ou 1 200 pesos", {2_000, 3_000, 20_000}),
        ("das 7h às 19h, 2 aulas, 100 kg, 12/03/2026, (11) 98877-6655", set()),
    ],
)
def test_amounts_are_read_however_they_are_written(text: str, found: set[int]) -> None:
    """By currency before or behind, thousands and decimals in either way; other numbers are none."""
    assert amounts(text) == found


def test_an_amount_is_known_from_the_files_the_customer_or_as_so_many_times_a_price() -> None:
    """A table names its currency once; whoever says how many may be told the sum."""
    files = priced(["Aula | preço em R$\nAvulsa | 120", "Abrimos às 8h, 42 cavalos"])
    assert foreign_amounts("R$ 120", files, frozenset()) == frozenset()
    assert foreign_amounts("R$ 42", files, frozenset()) == {4_200}
    assert foreign_amounts("3 aulas: R$ 360", files, numbers("somos 3")) == frozenset()
    assert foreign_amounts("3 aulas: R$ 360", files, numbers("somos 2")) == {36_000}
    assert foreign_amounts("Com R$ 500 dá", files, numbers("tenho 500 reais")) == frozenset()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Não sei. Quer que eu chame um atendente?", "Não sei."),
        ("No lo sé. ¿Te paso con una persona?", "No lo sé."),
        ("Shall I call someone from our team?", ""),
        ("Não sei. De qual modalidade?", "Não sei. De qual modalidade?"),
    ],
)
def test_an_offer_of_the_models_own_is_taken_off(text: str, left: str) -> None:
    """The offer that follows says it, with answers to tap."""
    assert without_offer(text) == left


def test_a_number_without_end_is_no_amount() -> None:
    """What has more digits than any amount is passed over, and breaks nothing."""
    assert numbers("9" * 5_000) == frozenset()
    assert amounts("R$ " + "9" * 5_000) == frozenset()
