"""What is urgent, what is found, and who is here: the pure rules of the queue."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponte.domain.conversation import Conversation, Handoff, Status, Trigger, claim, hand_over, snooze
from ponte.domain.presence import EXPIRES_MS, Presence, merged
from ponte.domain.searching import excerpt, fold, number_parts, query_of
from ponte.domain.urgency import CLOSING_MS, bounds, urgency
from ponte.domain.window import WINDOW_MS

NOW = 1_800_000_000_000
BOT = Conversation(id="c", contact_id="p", thread_id="t", opened_at=1, updated_at=1)
WAITING = hand_over(BOT, Handoff("", Trigger.KEYWORD, 1.0, "", NOW))


def test_only_what_is_in_human_hands_and_awake_is_in_the_queue() -> None:
    """The bot's, the resolved and the snoozed ones have no place in it."""
    assert urgency(BOT) is None
    assert urgency(replace(BOT, status=Status.RESOLVED)) is None
    held = claim(WAITING, "ana", NOW)
    assert urgency(held) is not None
    assert urgency(snooze(held, NOW + 1, NOW)) is None


def test_a_higher_priority_comes_before_any_wait() -> None:
    """However long somebody waits: what an agent raised comes first."""
    patient = replace(WAITING, waiting_since=1, unanswered_since=1)
    places = [urgency(replace(c, priority=p)) for p in (2, 1, 0) for c in (patient, WAITING)]
    assert places == sorted(places, key=lambda place: place or 0)


@given(st.integers(0, 2), st.integers(0, 10**13))
def test_a_place_lies_within_its_priority(priority: int, since: int) -> None:
    """The bounds of a priority hold all of its conversations and no others."""
    first, beyond = bounds(priority)
    place = urgency(replace(WAITING, priority=priority, waiting_since=since, unanswered_since=since))
    assert place is not None
    assert first <= place < beyond


def test_a_held_conversation_rises_when_its_window_closes() -> None:
    """With nothing to answer, it is as urgent as one that waits since four hours before the end."""
    held = replace(claim(WAITING, "ana", NOW), unanswered_since=None, last_customer_at=NOW)
    waits = replace(WAITING, waiting_since=NOW + WINDOW_MS - CLOSING_MS, unanswered_since=None)
    assert urgency(held) == urgency(waits)


@pytest.mark.parametrize(
    ("text", "words", "beginning", "digits"),
    [
        ("Conceição  SILVA", ("conceicao",), "silva", ""),
        ("a", ("a",), "", ""),
        ("+55 (11) 98765-4321", ("55", "11", "98765"), "4321", "5511987654321"),
        ("123", (), "123", ""),
        ("sala 1234", ("sala",), "1234", ""),
        (" ?! ", (), "", ""),
    ],
)
def test_a_query_is_read(text: str, words: tuple[str, ...], beginning: str, digits: str) -> None:
    """All words count whole but the last; what is one number is known as a number too."""
    query = query_of(text)
    assert (query.words, query.beginning, query.digits) == (words, beginning, digits)
    assert bool(query) == bool(words or beginning)


def test_any_four_digits_of_a_number_begin_one_of_its_parts() -> None:
    """Whatever part of a number somebody remembers, it is found."""
    number = "5511987654321"
    parts = number_parts(f"+{number}")
    for start in range(len(number) - 3):
        assert any(part.startswith(number[start : start + 4]) for part in parts)
    assert number_parts("US.ABC") == []


def test_an_excerpt_shows_the_words() -> None:
    """A long text is cut around the first hit, and every mark covers a word that was looked for."""
    text = "bla " * 60 + "Quero REMARCAR a aula de Equitação, por favor. " + "fim " * 60
    shown, marks = excerpt(text, query_of("remarcar equi"))
    assert len(shown) <= 142
    assert [fold(shown[a:b]) for a, b in marks] == ["remarcar", "equitacao"]
    assert shown.startswith("…")
    assert shown.endswith("…")


@given(st.text(max_size=300), st.text(max_size=30))
def test_an_excerpt_never_fails(text: str, query: str) -> None:
    """Marks lie within the excerpt, in order, whatever the text."""
    shown, marks = excerpt(text, query_of(query))
    assert all(0 <= a < b <= len(shown) for a, b in marks)
    assert marks == sorted(marks)


def test_tabs_of_one_agent_are_one_agent() -> None:
    """All that an agent's tabs show counts; silent tabs and old key presses do not."""
    tab = Presence("ana", "t1", "Ana", "cv1", 0, NOW, NOW - 50)
    tabs = [
        tab,
        replace(tab, tab="t2", conversation_id="cv2", typing_until=NOW + 5, since=NOW - 90),
        replace(tab, tab="t3", conversation_id="cv3", typing_until=NOW - 1),
        replace(tab, tab="t4", conversation_id="cv4", seen_at=NOW - EXPIRES_MS),
        replace(tab, tab="t5", conversation_id=None),
        replace(tab, agent_id="rui", name="Aaron", conversation_id=None),
    ]
    rui, ana = merged(tabs, NOW)
    assert (rui.name, rui.looking, rui.typing) == ("Aaron", (), {})
    assert (ana.looking, ana.typing, ana.since) == (("cv1", "cv2", "cv3"), {"cv2": NOW + 5}, NOW - 90)
