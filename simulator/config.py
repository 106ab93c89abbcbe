"""What a simulator is told at its start, and Twilio's connection overrides on a webhook URL."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qs, urldefrag

DEMO_CUSTOMERS = (("5511990000001", "Marina Duarte"), ("5521990000002", "João Pedro Alves"))
"""Two invented people to start a demo with."""

_MAX_RETRIES = 5
_CONDITIONS = frozenset({"ct", "rt", "4xx", "5xx"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """The settings of one simulated WhatsApp sender.

    Attributes:
        account_sid: user name of Basic auth, and the account in every path.
        auth_token: password of Basic auth, and the key of every signature.
        business_number: the channel address customers write to.
        webhook_url: where inbound messages are posted; may end in connection overrides such as
            `#rc=5&rp=all`. None until `Network.set_webhook` is called.
        public_url: the address under which the application reaches the simulator, used in media URLs.
            None takes it from the first HTTP request.
        seed: makes sids and faults repeatable. None draws a fresh one, which a demo needs: a repeated
            MessageSid would be taken for a redelivery by an application that keeps its data.
        sent_ms: milliseconds from acceptance to the status `sent`.
        delivered_ms: milliseconds from acceptance to `delivered`.
        read_ms: milliseconds from acceptance to `read`, or None when only the customer's reading does it.
        retry_pause_ms: pause before a webhook is tried again.
        webhook_timeout_ms: time for all attempts of one webhook together (Twilio: 15 s).
        max_messages: how many messages are kept; the oldest are forgotten first.
        max_media_bytes: how many bytes of media are kept; the oldest are forgotten first.
        max_concurrency: how many HTTP requests the simulator makes at a time.
        max_pending: how many deliveries may be under way before new messages are refused.
        customers: wa_id and name of the customers that are there from the start.
    """

    account_sid: str
    auth_token: str = field(repr=False)
    business_number: str = "whatsapp:+14155238886"
    webhook_url: str | None = None
    public_url: str | None = None
    seed: int | None = None
    sent_ms: int = 50
    delivered_ms: int = 150
    read_ms: int | None = None
    retry_pause_ms: int = 250
    webhook_timeout_ms: int = 15_000
    max_messages: int = 20_000
    max_media_bytes: int = 128 * 1024 * 1024
    max_concurrency: int = 64
    max_pending: int = 20_000
    customers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed webhook is tried again.

    Attributes:
        retries: attempts after the first, 0 to 5.
        on: the failures that are retried: `ct` (no connection), `rt` (no answer), `4xx`, `5xx`.
    """

    retries: int = 1
    on: frozenset[str] = frozenset({"ct"})


def split_webhook_url(url: str) -> tuple[str, RetryPolicy]:
    """Part a webhook URL from its connection overrides.

    The fragment is never sent and never signed. Rules and defaults (`rc=1`, `rp=ct`) are those of
    https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides.

    Args:
        url: an http or https URL, with or without a fragment such as `#rc=5&rp=all`.

    Returns:
        The URL as it is requested, and the retry policy.

    Raises:
        ValueError: the scheme, `rc` or `rp` is not one that Twilio takes.
    """
    address, fragment = urldefrag(url)
    if not address.startswith(("http://", "https://")):
        raise ValueError(f"The webhook URL {address!r} is not http or https: give a full URL.")
    overrides = parse_qs(fragment)
    retries = overrides.get("rc", ["1"])[-1]
    if not retries.isdecimal() or int(retries) > _MAX_RETRIES:
        raise ValueError(f"The retry count rc={retries!r} is not between 0 and {_MAX_RETRIES}.")
    conditions: set[str] = set()
    for name in ",".join(overrides.get("rp", ["ct"])).split(","):
        if name == "all":
            conditions |= _CONDITIONS
        elif name in _CONDITIONS:
            conditions.add(name)
        else:
            raise ValueError(f"The retry policy rp={name!r} is none of all, ct, rt, 4xx, 5xx.")
    return address, RetryPolicy(int(retries), frozenset(conditions))
