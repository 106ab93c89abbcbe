"""A customer's message of any type, as the model sees it.

Two things come of a message: the customer's own words, which are searched for wishes and questions, and
what stands beside them: a place, a quoted message, an advertisement. The latter is data from elsewhere. It
never counts as the customer's words, and it reaches the model as JSON, so that no text in it can close its
own quotation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from graph.state import InboundItem, InboundRecord, clean
from ponte.domain.message import REACTION_REMOVED, Details, Kind, Media, Message
from ponte.domain.vcard import read_cards

_MOST: Final = 1_000

# What a list shows of a message beside its words, in any language.
_SIGNS: Final[Mapping[Kind, str]] = {
    Kind.AUDIO: "\N{MICROPHONE}",
    Kind.IMAGE: "\N{CAMERA}",
    Kind.VIDEO: "\N{VIDEO CAMERA}",
    Kind.DOCUMENT: "\N{PAGE FACING UP}",
    Kind.STICKER: "\N{GRINNING FACE}",
    Kind.LOCATION: "\N{ROUND PUSHPIN}",
    Kind.CONTACT: "\N{BUST IN SILHOUETTE}",
}

# What stands for a message without words, for a model.
WORDLESS: Final[Mapping[Kind, str]] = {kind: f"({kind})" for kind in Kind}

# Kinds that say all they have to say without a file being read.
SELF_CONTAINED: Final = frozenset({Kind.TEXT, Kind.CHOICE, Kind.LOCATION, Kind.STICKER})


def words_of(kind: Kind, body: str, details: Details) -> str:
    """Return the customer's own words: what they wrote, or the option they chose."""
    if kind is Kind.CHOICE and not body.strip():
        carried = dict(details)
        return carried.get("list_title") or carried.get("button_text") or carried.get("button_payload", "")
    return body


def told_by(message: Message) -> str:
    """Return a message in words: what was written, and what its files say or show; else its kind.

    Args:
        message: anybody's, as the transcript has it.
    """
    words = words_of(message.kind, message.body, message.details)
    found = [words, *(one.text for one in message.media if one.text)]
    return "\n".join(part for part in found if part.strip()).strip() or WORDLESS[message.kind]


def beside_of(item: InboundItem) -> list[str]:
    """Return what a message carries beside the customer's words, each as a JSON object."""
    carried = dict(item.details)
    if carried.get("reaction") == REACTION_REMOVED:
        # It says nothing any more, and neither does the message that it was on.
        return []
    found: list[dict[str, object]] = []
    if item.kind is Kind.LOCATION:
        found.append({"location": _picked(carried, "label", "address", "latitude", "longitude")})
    if item.kind is Kind.CHOICE:
        option = _picked(carried, "button_payload", "list_id", "list_description")
        found.append({"chosen_option": {"text": words_of(item.kind, item.body, item.details), **option}})
    if item.kind is Kind.CONTACT:
        found += contacts_in(item.media)
    if item.kind is Kind.UNKNOWN:
        found.append({"unreadable_message_of_type": carried.get("message_type") or "unknown"})
    if "reaction" in carried:
        found.append({"reaction_to_a_message": carried["reaction"]})
    if item.reply_text.strip():
        found.append({"quoted_message": item.reply_text})
    if "forwarded" in carried or "frequently_forwarded" in carried:
        found.append({"forwarded_by_the_customer": True})
    if advertisement := _picked(carried, "referral_headline", "referral_body"):
        found.append({"came_from_advertisement": advertisement})
    return [as_data(one) for one in found]


def contacts_in(media: Sequence[Media]) -> list[dict[str, object]]:
    """Return the contacts of the cards among ``media``, as far as these were read."""
    cards = [card for one in media if one.text for card in read_cards(one.text)]
    return [
        {"contact": {"name": card.name, "phones": list(card.phones), "emails": list(card.emails)}}
        for card in cards
    ]


def as_data(value: Mapping[str, object]) -> str:
    """Return ``value`` as one line of JSON that any encoder takes."""
    return clean(json.dumps(value, ensure_ascii=False))


def carried_by(inbound: Sequence[InboundRecord]) -> list[str]:
    """Return what a turn's messages carry beside their words, in order."""
    return [line for record in inbound for line in record.get("beside", [])]


def preview_of(kind: Kind, body: str, details: Details, media: Sequence[Media] = ()) -> str:
    """Return what stands for a message in a list: its words, behind a sign where it is more than words.

    Args:
        kind: what it is.
        body: its text.
        details: what it carries.
        media: its files; of a voice note or a video, what is said in them stands for it.
    """
    carried = dict(details)
    told = words_of(kind, body, details)
    if kind in {Kind.AUDIO, Kind.VIDEO}:
        told = told or " ".join(one.text for one in media if one.text)
    elif kind is Kind.LOCATION:
        told = told or carried.get("label") or carried.get("address") or ""
    elif kind is Kind.CONTACT:
        told = told or carried.get("contact_name", "")
    elif kind is Kind.DOCUMENT:
        told = told or next((one.name for one in media if one.name), "")
    return f"{_SIGNS.get(kind, '')} {told}".strip()


def with_contact(details: Details, kind: Kind, media: Sequence[Media]) -> Details:
    """Return the details of a contact message with the first contact's name and number, once read."""
    if kind is not Kind.CONTACT or any(name == "contact_name" for name, _ in details):
        return details
    cards = [card for one in media if one.text for card in read_cards(one.text)]
    if not cards:
        return details
    phone = cards[0].phones[0] if cards[0].phones else ""
    found = (("contact_name", cards[0].name), ("contact_phone", phone))
    return (*details, *((name, value) for name, value in found if value))


def _picked(carried: Mapping[str, str], *names: str) -> dict[str, object]:
    return {name: clean(carried[name])[:_MOST] for name in names if carried.get(name)}
