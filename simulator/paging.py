"""Twilio's message list: filters, and pages that stay put while new messages arrive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from simulator.twilio_errors import TwilioError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request

    from simulator.ledger import Ledger
    from simulator.records import Message

_DEFAULT_SIZE = 50
_MAX_SIZE = 1000
_OLDER = "PA"
_NEWER = "PB"


def list_messages(
    ledger: Ledger, request: Request, record: Callable[[Message], dict[str, object]]
) -> dict[str, object]:
    """Return one page of messages, newest first.

    Filters are `To`, `From`, `DateSent` (that day), `DateSent<` and `DateSent>` (both inclusive); pages
    follow `PageSize`, `Page` and the `PageToken` of a link
    (https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources).

    Args:
        ledger: holds the messages.
        request: its query is read.
        record: turns a message into Twilio's form.

    Raises:
        TwilioError: a number, a date or a token cannot be read (20001).
    """
    query = request.query_params
    size = min(max(_number(query.get("PageSize"), _DEFAULT_SIZE), 1), _MAX_SIZE)
    page = _number(query.get("Page"), 0)
    matching = (message for message in ledger.newest_first() if _matches(message, request))
    chosen, more = _cut(matching, query.get("PageToken"), page, size)
    filters = [(key, value) for key, value in query.multi_items() if key not in {"Page", "PageToken"}]
    if "PageSize" not in query:
        filters.append(("PageSize", str(size)))
    path = request.url.path

    def link(number: int, token: str | None) -> str:
        extra = [("Page", str(number))] + ([("PageToken", token)] if token else [])
        return f"{path}?{urlencode(filters + extra)}"

    return {
        "messages": [record(message) for message in chosen],
        "page": page,
        "page_size": size,
        "start": page * size,
        "end": page * size + max(0, len(chosen) - 1),
        "uri": f"{path}?{request.url.query}" if request.url.query else path,
        "first_page_uri": link(0, None),
        "next_page_uri": link(page + 1, f"{_OLDER}{chosen[-1].seq}") if more else None,
        "previous_page_uri": link(page - 1, f"{_NEWER}{chosen[0].seq}") if page and chosen else None,
    }


def _cut(matching: Iterator[Message], token: str | None, page: int, size: int) -> tuple[list[Message], bool]:
    """Return the messages of one page, and whether an older page follows."""
    if token is None:
        found = list(islice(matching, page * size, (page + 1) * size + 1))
        return found[:size], len(found) > size
    way, seq = token[:2], _number(token[2:], 0)
    if way == _OLDER:
        found = list(islice((message for message in matching if message.seq < seq), size + 1))
        return found[:size], len(found) > size
    if way == _NEWER:
        return [message for message in matching if message.seq > seq][-size:], True
    raise TwilioError(20001, "The PageToken is not one of this list.")


def _matches(message: Message, request: Request) -> bool:
    query = request.query_params
    if message.recipient != query.get("To", message.recipient):
        return False
    if message.sender != query.get("From", message.sender):
        return False
    # Twilio's times have whole seconds.
    sent = (message.sent_ms or message.created_ms) // 1000
    if (after := query.get("DateSent>")) and sent < _moment(after).timestamp():
        return False
    if (before := query.get("DateSent<")) and sent > _moment(before).timestamp():
        return False
    if day := query.get("DateSent"):
        start = _moment(day).replace(hour=0, minute=0, second=0)
        return start.timestamp() <= sent < (start + timedelta(days=1)).timestamp()
    return True


def _number(text: str | None, default: int) -> int:
    if not text:
        return default
    if not text.isdecimal():
        raise TwilioError(20001, "Page, PageSize and PageToken are numbers.")
    return int(text)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise TwilioError(20001, "DateSent is a date or a time as in ISO 8601.") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
