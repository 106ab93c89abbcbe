"""The webhook's form reader agrees with what Twilio signs and with the framework's own parser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers, ImmutableMultiDict
from starlette.formparsers import FormParser
from twilio.request_validator import RequestValidator

from api.webhook import parse_fields
from ponte.adapters.twilio.webhook import SignatureCheck

Forms = st.lists(st.tuples(st.text(min_size=1, max_size=20), st.text(max_size=60)), min_size=1, max_size=30)


@given(Forms)
def test_fields_survive_the_way(form: list[tuple[str, str]]) -> None:
    """What Twilio encodes is read back as it was, repeated and empty fields too, and fits its signature."""
    body = urlencode(form).encode()
    signature = str(
        RequestValidator("secret").compute_signature("https://x.example/webhook", ImmutableMultiDict(form))
    )

    assert parse_fields(body) == form
    assert SignatureCheck("secret", "https://x.example").valid("/webhook", parse_fields(body), signature)


@given(Forms)
def test_the_frameworks_parser_reads_the_same(form: list[tuple[str, str]]) -> None:
    """The quick reader is no looser and no stricter than Starlette's."""
    body = urlencode(form).encode()

    async def stream() -> AsyncIterator[bytes]:
        yield body
        yield b""

    async def parse() -> list[tuple[str, object]]:
        parsed = await FormParser(Headers({}), stream()).parse()  # type: ignore[arg-type]  # any iterator does
        return list(parsed.multi_items())

    assert asyncio.run(parse()) == form


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", []),
        (b"a", [("a", "")]),
        (b"a=1&&b=2", [("a", "1"), ("b", "2")]),
        (b"a=1;b=2", [("a", "1;b=2")]),
        (b"a=%zz%", [("a", "%zz%")]),
        (b"a=%ff", [("a", "\ufffd")]),
        (b"a=\xff", [("a", "\ufffd")]),
        (b"a=%ED%A0%80", [("a", "\ufffd\ufffd\ufffd")]),
        (b"a=b=c", [("a", "b=c")]),
    ],
)
def test_odd_bodies_are_read_without_an_error(body: bytes, fields: list[tuple[str, str]]) -> None:
    """What Twilio never sends becomes something whose signature cannot fit, and never a crash."""
    assert parse_fields(body) == fields


def test_too_many_fields_are_refused() -> None:
    """A form of a thousand fields is not Twilio's."""
    with pytest.raises(ValueError, match="fields"):
        parse_fields(b"&".join(b"a=1" for _ in range(1000)))
