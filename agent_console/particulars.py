"""What a message carries beside its text and files, as the transcript draws it. Pure.

Only what was found is in the answer. Texts of customers stay texts; the links are built here and lead only
to a map or to an advertisement's own https address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from ponte.domain.message import REACTION_REMOVED, Author, Kind, Message
from ponte.domain.vcard import Card, read_cards

if TYPE_CHECKING:
    from agent_console.i18n import Catalogue
    from agent_console.view import Plain

# https://developers.google.com/maps/documentation/urls/get-started#search-action
_MAP: Final = "https://www.google.com/maps/search/?api=1&query="
_QUOTE: Final = 160


def particulars(message: Message, shown: Sequence[Message], say: Catalogue) -> dict[str, Plain]:
    """Return what there is to draw: place, contacts, choice, quote, marks, advertisement, unknown type.

    Args:
        message: the message.
        shown: the messages on the screen, among which a quoted one is looked for.
        say: the agent's language.
    """
    carried = dict(message.details)
    found: dict[str, Plain] = {
        "place": _place(carried, say) if message.kind is Kind.LOCATION else None,
        "contacts": _contacts(message, carried, say) if message.kind is Kind.CONTACT else None,
        "choice": _choice(message, carried) if message.kind is Kind.CHOICE else None,
        "unknown": _unknown(carried, say) if message.kind is Kind.UNKNOWN else None,
        "quote": _quote(message.reply_to, shown, say) if message.reply_to else None,
        "marks": _marks(carried, say),
        "referral": _referral(carried, say),
    }
    return {name: value for name, value in found.items() if value}


def _place(carried: Mapping[str, str], say: Catalogue) -> dict[str, Plain]:
    latitude, longitude = carried.get("latitude"), carried.get("longitude")
    point = f"{latitude},{longitude}" if latitude and longitude else ""
    return {
        "label": carried.get("label") or None,
        "address": carried.get("address") or None,
        "point": point.replace(",", ", ") or None,
        "url": _MAP + quote(point, safe="") if point else None,
        "open": say("part.map"),
    }


def _contacts(message: Message, carried: Mapping[str, str], say: Catalogue) -> list[Plain]:
    cards = [card for media in message.media if media.text for card in read_cards(media.text)]
    if not cards and carried.get("contact_name"):
        phone = carried.get("contact_phone")
        cards = [Card(carried["contact_name"], (phone,) if phone else ())]
    if not cards:
        return [{"name": say("part.contact_unread"), "phones": [], "emails": []}]
    return [{"name": c.name, "phones": list(c.phones), "emails": list(c.emails)} for c in cards]


def _choice(message: Message, carried: Mapping[str, str]) -> dict[str, Plain] | None:
    chosen = carried.get("list_title") or carried.get("button_text") or message.body
    # The body of a choice repeats it: shown once, as what was pressed.
    return {"text": chosen, "description": carried.get("list_description") or None} if chosen else None


def _unknown(carried: Mapping[str, str], say: Catalogue) -> dict[str, Plain]:
    declared = carried.get("message_type")
    fields = [f"{name}: {value}" for name, value in carried.items() if name[:1].isupper()]
    return {
        "type": say("part.unknown_type", type=declared) if declared else say("part.unnamed_type"),
        "fields": list(fields),
    }


def _quote(sid: str, shown: Sequence[Message], say: Catalogue) -> dict[str, Plain]:
    for message in shown:
        if message.sid == sid:
            who = say("part.quote_customer" if message.author is Author.CUSTOMER else "part.quote_us")
            text = message.body or say(f"kind.{message.kind}")
            return {"who": who, "text": text if len(text) <= _QUOTE else f"{text[: _QUOTE - 1]}…"}
    return {"who": None, "text": say("part.quote_gone")}


def _marks(carried: Mapping[str, str], say: Catalogue) -> list[Plain]:
    marks: list[Plain] = []
    if "frequently_forwarded" in carried:
        marks.append(say("part.frequently_forwarded"))
    elif "forwarded" in carried:
        marks.append(say("part.forwarded"))
    if "reaction" in carried:
        gone = carried["reaction"] == REACTION_REMOVED
        marks.append(say("part.reaction_gone" if gone else "part.reaction"))
    return marks


def _referral(carried: Mapping[str, str], say: Catalogue) -> dict[str, Plain] | None:
    headline = carried.get("referral_headline") or carried.get("referral_body")
    url = carried.get("referral_url", "")
    if not headline and not url:
        return None
    return {
        "text": say("part.referral", headline=headline or urlsplit(url).hostname or ""),
        "url": url if _is_web(url) else None,
        "open": say("part.referral_open"),
    }


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname)
