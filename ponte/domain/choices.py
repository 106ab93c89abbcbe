"""A question with answers to tap: up to 3 as buttons, up to 10 as a list, else as a numbered text.

Limits: https://www.twilio.com/docs/content/twilio-quick-reply and
https://www.twilio.com/docs/content/twiliolist-picker
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from ponte.domain.message import Details
from ponte.errors import InvalidInput

MAX_BUTTONS: Final = 3
MAX_ITEMS: Final = 10
MAX_BUTTON_TITLE: Final = 20
MAX_ITEM_TITLE: Final = 24
MAX_ID: Final = 200
MAX_CONTENT_BODY: Final = 1024
_NUMBER: Final = re.compile(r"\W{0,3}(\d{1,2})\W{0,3}")
_DETAIL: Final = "choices"


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer.

    Args:
        id: comes back as the button's payload.
        title: what the customer reads.
        means: what the bot takes the answer for; empty: its title.
        words: other whole messages that give the same answer, e.g. "sim".
    """

    id: str
    title: str
    means: str = ""
    words: tuple[str, ...] = ()


def checked(choices: Sequence[Choice]) -> tuple[Choice, ...]:
    """Return the choices as they can be sent.

    Raises:
        InvalidInput: there are none, more than 10, two alike, or one that is empty or too long.
    """
    if not 1 <= len(choices) <= MAX_ITEMS:
        raise InvalidInput(f"Give 1 to {MAX_ITEMS} choices.")
    trimmed = tuple(replace(c, id=c.id.strip(), title=" ".join(c.title.split())) for c in choices)
    for choice in trimmed:
        if not choice.id or len(choice.id) > MAX_ID:
            raise InvalidInput(f"A choice's id has 1 to {MAX_ID} characters.")
        if not choice.title or len(choice.title) > MAX_ITEM_TITLE:
            raise InvalidInput(
                f"A choice's title has 1 to {MAX_ITEM_TITLE} characters: {choice.title[:40]!r}."
            )
    if len({c.id for c in trimmed}) < len(trimmed) or len({c.title for c in trimmed}) < len(trimmed):
        raise InvalidInput("Two choices have the same id or the same title.")
    return trimmed


def as_buttons(choices: Sequence[Choice]) -> bool:
    """Tell whether the choices fit on buttons; else they need a list."""
    return len(choices) <= MAX_BUTTONS and all(len(c.title) <= MAX_BUTTON_TITLE for c in choices)


def sendable(body: str) -> bool:
    """Tell whether ``body`` can be the text of a content: short enough, and nothing reads as a variable."""
    return 0 < len(body) <= MAX_CONTENT_BODY and "{{" not in body


def digest(body: str, choices: Sequence[Choice], button: str) -> str:
    """Return a name for this very content, so that it is created once."""
    plain = json.dumps([body, button, [[c.id, c.title] for c in choices]], ensure_ascii=False)
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def numbered(body: str, choices: Sequence[Choice]) -> str:
    """Return the question as a text whose answers are numbered."""
    lines = [f"{n}. {choice.title}" for n, choice in enumerate(choices, start=1)]
    return "\n".join([body, "", *lines])


def answered(text: str, choices: Sequence[Choice]) -> Choice | None:
    """Return the choice that ``text`` names by its number, its title or its words; None for none.

    Accents, case and punctuation do not matter.
    """
    wanted = _plain(text)
    for choice in choices if wanted else ():
        if wanted in {_plain(name) for name in (choice.title, *choice.words)}:
            return choice
    found = _NUMBER.fullmatch(text.strip())
    number = int(found[1]) if found else 0
    return choices[number - 1] if 1 <= number <= len(choices) else None


def tapped(payload: str, choices: Sequence[Choice]) -> Choice | None:
    """Return the choice whose button or list item has this payload."""
    return next((choice for choice in choices if choice.id == payload), None)


def _plain(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(re.findall(r"\w+", "".join(c for c in bare if not unicodedata.combining(c))))


def to_details(choices: Sequence[Choice]) -> Details:
    """Return the choices as a message's details."""
    plain = [
        {name: value for name, value in asdict(choice).items() if value or name in {"id", "title"}}
        for choice in choices
    ]
    return ((_DETAIL, json.dumps(plain, ensure_ascii=False)),) if plain else ()


def from_details(details: Details) -> tuple[Choice, ...]:
    """Return the choices that a message offered; empty when it offered none."""
    plain = dict(details).get(_DETAIL)
    return tuple(
        Choice(str(c["id"]), str(c["title"]), str(c.get("means", "")), tuple(map(str, c.get("words", ()))))
        for c in (json.loads(plain) if plain else ())
    )
