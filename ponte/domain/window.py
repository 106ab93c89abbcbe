"""WhatsApp's customer service window: free-form messages within 24 hours of the customer's last one.

https://www.twilio.com/docs/whatsapp/key-concepts#the-24-hour-window
"""

from __future__ import annotations

WINDOW_MS = 24 * 60 * 60 * 1000
_LATELY_MS = 60 * 1000


def window_expires_at(last_inbound_at: int | None) -> int | None:
    """Return when (ms UTC) free-form messages stop being allowed; None when they never were."""
    return None if last_inbound_at is None else last_inbound_at + WINDOW_MS


def window_open(last_inbound_at: int | None, now: int) -> bool:
    """Tell whether a free-form message may be sent at ``now`` (ms UTC)."""
    expires = window_expires_at(last_inbound_at)
    return expires is not None and now < expires


def wrote_lately(last_inbound_at: int | None, now: int) -> bool:
    """Tell whether the customer wrote so lately that WhatsApp's own clock may not know of it yet."""
    return last_inbound_at is not None and now - last_inbound_at < _LATELY_MS
