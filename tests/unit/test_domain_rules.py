"""The small rules: splitting, statuses that only move forward, the 24-hour window."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponte.domain.message import MessageStatus, from_twilio, position, statuses_before
from ponte.domain.splitting import MAX_BODY, split_body
from ponte.domain.window import WINDOW_MS, window_expires_at, window_open

S = MessageStatus


@given(st.text(max_size=6000))
def test_parts_fit_a_message_and_lose_nothing_but_white_space_at_cuts(text: str) -> None:
    """Each part fits, none is empty, and together they are the text."""
    parts = split_body(text)
    assert all(0 < len(p) <= MAX_BODY for p in parts)
    assert "".join("".join(p.split()) for p in parts) == "".join(text.split())


def test_a_cut_prefers_the_end_of_a_sentence() -> None:
    """A long answer is cut between sentences, not inside one."""
    first = "A aula dura uma hora. " * 60
    parts = split_body(first + "O capacete é emprestado. " * 30)
    assert len(parts) == 2
    assert all(p.endswith(".") for p in parts)


def test_a_paragraph_is_a_better_cut_than_a_sentence() -> None:
    """Where a paragraph ends in the second half, the part ends there."""
    text = "a" * 1000 + ". b\n\n" + "c. " * 300
    assert split_body(text)[0] == "a" * 1000 + ". b"


def test_a_text_without_any_space_is_cut_inside() -> None:
    """Even one endless word is sent."""
    assert [len(p) for p in split_body("x" * 3500)] == [1600, 1600, 300]


@pytest.mark.parametrize("status", [S.SENT, S.DELIVERED, S.READ])
def test_a_status_never_follows_itself_or_a_later_one(status: MessageStatus) -> None:
    """Late and repeated callbacks change nothing."""
    order = [S.QUEUED, S.SENDING, S.SENT, S.DELIVERED, S.READ]
    assert statuses_before(status) == set(order[: order.index(status)])


def test_nothing_follows_a_failure_and_no_failure_follows_a_delivery() -> None:
    """Failed stays failed; what WhatsApp delivered cannot fail."""
    assert all(S.FAILED not in statuses_before(s) for s in S)
    assert S.DELIVERED not in statuses_before(S.FAILED)


def test_what_twilio_has_cannot_be_cancelled() -> None:
    """Only a queued message can, or one that its sender took and then found outdated."""
    assert statuses_before(S.CANCELLED) == {S.QUEUED, S.SENDING}


@pytest.mark.parametrize(
    ("twilio", "ours"),
    [
        ("queued", S.SENT),
        ("Delivered", S.DELIVERED),
        ("undelivered", S.FAILED),
        ("received", None),
        ("", None),
    ],
)
def test_twilios_words_are_translated(twilio: str, ours: MessageStatus | None) -> None:
    """Every outbound status has a meaning here; others have none."""
    assert from_twilio(twilio) is ours


def test_the_outbox_orders_as_text() -> None:
    """Positions sort by conversation, then by seq, however long the numbers are."""
    opened = [1_700_000_000_000, 1_800_000_000_000]
    positions = [position(o, s) for o in opened for s in (1, 9, 10, 99_999)]
    assert positions == sorted(positions)


def test_the_window_closes_24_hours_after_the_customer_wrote() -> None:
    """Free-form messages are allowed up to, and not at, the 24th hour."""
    assert window_expires_at(None) is None
    assert not window_open(None, 0)
    assert window_open(5, 4 + WINDOW_MS)
    assert not window_open(5, 5 + WINDOW_MS)
