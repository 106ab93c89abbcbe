"""Twilio's webhooks over a real socket: what is taken in, what is refused, and what is never lost."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
from structlog.testing import capture_logs
from twilio.request_validator import RequestValidator
from yarl import URL

from ponte.domain.message import Author, Delivery, Kind, Message, MessageStatus
from ponte.ports import Commit
from tests.fixtures.api_office import Office, inbound_form, open_office

FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Serve an API over an empty database."""
    async with open_office(tmp_path / "data") as opened:
        yield opened


async def stored(office: Office, number: int) -> list[str]:
    """Return the ids of the inbox rows of a customer."""
    contact = await office.ponte.store.find_contact(f"whatsapp:+55119{number:08d}")
    return [] if contact is None else [row.id for row in await office.ponte.store.pending(contact.id, 100)]


async def sent_message(office: Office) -> Message:
    """Return a bot's message that Twilio has accepted."""
    conversation = await office.waiting("Oi")
    message = Message(
        id="turn-1:0",
        conversation_id=conversation.id,
        contact_id=conversation.contact_id,
        seq=2,
        author=Author.SYSTEM,
        kind=Kind.TEXT,
        body="Ok, vou te transferir.",
        status=MessageStatus.QUEUED,
        created_at=office.clock.now(),
        delivery=Delivery("whatsapp:+5511900000001", "1", 0, office.clock.now()),
    )
    await office.ponte.store.commit(Commit(replace(conversation, version=2, last_seq=2), messages=(message,)))
    await office.ponte.store.settle(
        message.id, MessageStatus.SENT, now=office.clock.now(), sid="SM" + "b" * 32
    )
    return await office.ponte.store.message(message.id)


async def test_a_signed_message_is_stored_and_answered_with_empty_twiml(office: Office) -> None:
    """A webhook that Twilio signed is in the inbox when its 200 arrives."""
    answer = await office.webhook(inbound_form(7, "Bom dia"))

    assert (answer.status, answer.text) == (200, '<?xml version="1.0" encoding="UTF-8"?><Response/>')
    assert answer.headers["Content-Type"].startswith("text/xml")
    contact = await office.ponte.store.find_contact("whatsapp:+5511900000007")
    assert contact is not None
    assert contact.name == "Cliente 7"
    (row,) = await office.ponte.store.pending(contact.id, 10)
    assert row.inbound is not None
    assert (row.id, row.inbound.body) == (f"SM{7:032x}", "Bom dia")


@pytest.mark.parametrize(
    "body",
    [
        "Olá, você está aí? Não, amanhã às 10h",
        "🐴🏽 👩‍👩‍👧 ok",
        "1+1=2 & 50% a+b %2B ;x",
        "",
        "   ",
        "uma\nlinha\r\noutra\ttab",
        "ñandú ¿qué? 你好 مرحبا",
        "nul\x00byte",
        "x" * 1600,
    ],
)
async def test_every_text_arrives_as_it_was_written(office: Office, body: str) -> None:
    """Signature and storage keep accents, emoji, plus signs, empty values and line ends."""
    answer = await office.webhook(inbound_form(1, body, ButtonText=""))

    assert answer.status == 200
    contact = await office.ponte.store.find_contact("whatsapp:+5511900000001")
    assert contact is not None
    (row,) = await office.ponte.store.pending(contact.id, 10)
    assert row.inbound is not None
    assert row.inbound.body == body
    assert ("ButtonText", "") in row.inbound.raw


async def test_repeated_fields_are_signed_and_kept(office: Office) -> None:
    """A field that comes several times is part of the signature with every value, and none is lost."""
    form = [*inbound_form(1), ("Tag", "b"), ("Tag", "a"), ("Tag", "b")]

    assert (await office.webhook(form)).status == 200
    contact = await office.ponte.store.find_contact("whatsapp:+5511900000001")
    assert contact is not None
    (row,) = await office.ponte.store.pending(contact.id, 10)
    assert row.inbound is not None
    assert [value for key, value in row.inbound.raw if key == "Tag"] == ["b", "a", "b"]


async def test_the_query_is_part_of_what_was_signed(office: Office) -> None:
    """A webhook address with a query is checked exactly as Twilio called it."""
    path = "/webhook?site=sul&x=%7E+a%20b"

    assert (await office.webhook(inbound_form(1), path)).status == 200
    signature = office.sign("/webhook?site=norte", inbound_form(2))
    assert (await office.webhook(inbound_form(2), path, signature=signature)).status == 403


@pytest.mark.parametrize("signature", ["", "x", "é" * 28, "====", "A" * 28, "A" * 5000, "null"])
async def test_a_forged_signature_is_refused(office: Office, signature: str) -> None:
    """A malformed or wrong signature is a 403, and nothing is stored."""
    answer = await office.webhook(inbound_form(1), signature=signature)

    assert answer.status == 403
    assert await stored(office, 1) == []


async def test_an_unsigned_webhook_is_refused(office: Office) -> None:
    """Without the header it is a 403, whatever the body is."""
    for body in (urlencode(inbound_form(1)), "", "{}", b"\xff\xfe", "x" * 200_000):
        assert (await office.call("POST", "/webhook", data=body, headers=FORM_TYPE)).status == 403
    assert await stored(office, 1) == []


async def test_a_signature_covers_the_fields(office: Office) -> None:
    """The signature of one message does not let another one in."""
    signature = office.sign("/webhook", inbound_form(1, "Oi"))

    assert (await office.webhook(inbound_form(1, "Oi!"), signature=signature)).status == 403
    assert (await office.webhook([*inbound_form(1, "Oi"), ("Extra", "")], signature=signature)).status == 403
    assert await stored(office, 1) == []


async def test_without_a_secret_every_webhook_is_refused(tmp_path: Path) -> None:
    """A signature made with an empty secret opens nothing."""
    async with open_office(tmp_path / "data", token="") as office:
        assert (await office.webhook(inbound_form(1))).status == 403
        assert await stored(office, 1) == []


async def test_an_oversized_webhook_is_refused(office: Office) -> None:
    """Over 64 KB it is a 413 with a clear text, with a declared length and without one."""
    form = inbound_form(1, "x" * 70_000)
    headers = {**FORM_TYPE, "X-Twilio-Signature": office.sign("/webhook", form)}
    body = urlencode(form).encode()

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 10_000):
            yield body[start : start + 10_000]
            await asyncio.sleep(0)

    declared = await office.call("POST", "/webhook", data=body, headers=headers)
    chunked = await office.call("POST", "/webhook", data=chunks(), headers=headers)
    assert (declared.status, chunked.status) == (413, 413)
    assert "larger than 65536 bytes" in declared.text
    assert await stored(office, 1) == []


async def test_a_caller_who_leaves_is_no_error(tmp_path: Path) -> None:
    """A connection that breaks within the body stores nothing and raises no alarm."""
    with capture_logs() as logged:
        async with open_office(tmp_path / "data") as office, asyncio.timeout(10):
            reader, writer = await asyncio.open_connection("127.0.0.1", URL(office.url).port)
            writer.write(
                b"POST /webhook HTTP/1.1\r\nHost: x\r\nX-Twilio-Signature: x\r\nContent-Length: 100\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\r\n"
            )
            # It says so when the body is being read.
            assert b"100 Continue" in await reader.readline()
            writer.write(b"MessageSid=SM")
            writer.close()
            await writer.wait_closed()

    assert [event["event"] for event in logged if event["log_level"] not in {"debug", "info"}] == []


async def test_a_signed_json_body_is_refused(office: Office) -> None:
    """A JSON body, which Twilio signs by its hash, is a 400 when signed and a 403 when not."""
    body = json.dumps(dict(inbound_form(1)))
    path = f"/webhook?bodySHA256={hashlib.sha256(body.encode()).hexdigest()}"
    headers = {"Content-Type": "application/json", "X-Twilio-Signature": office.sign(path, [])}

    assert (await office.call("POST", path, data=body, headers=headers)).status == 400
    headers["X-Twilio-Signature"] = office.sign("/webhook", [])
    assert (await office.call("POST", path, data=body, headers=headers)).status == 403
    assert await stored(office, 1) == []


@pytest.mark.parametrize(
    "form",
    [
        [("From", "whatsapp:+5511900000001"), ("Body", "Oi")],
        [("MessageSid", "SM1"), ("From", "whatsapp:+5511900000001")],
        [("MessageSid", "SM" + "g" * 32), ("From", "whatsapp:+5511900000001")],
        [("MessageSid", "SM" + "1" * 32)],
        [("MessageSid", "SM" + "1" * 32), ("From", "+5511900000001")],
        [("MessageSid", "SM" + "1" * 32), ("From", "whatsapp:+1"), *[(f"F{n}", "") for n in range(400)]],
    ],
)
async def test_a_signed_but_unusable_form_is_a_400(office: Office, form: list[tuple[str, str]]) -> None:
    """What Twilio signed but cannot be a message is a 400, which Twilio shows to the operator."""
    assert (await office.webhook(form)).status == 400


async def test_a_redelivered_message_changes_nothing(office: Office) -> None:
    """Ten deliveries of a MessageSid at once leave one row, and each gets its 200."""
    answers = await asyncio.gather(*(office.webhook(inbound_form(1)) for _ in range(10)))

    assert {answer.status for answer in answers} == {200}
    assert await stored(office, 1) == [f"SM{1:032x}"]


async def test_a_message_that_cannot_be_stored_is_a_503(office: Office) -> None:
    """While the database is down Twilio is told to try again, and its next try is stored."""
    office.store.break_down()
    refused = await office.webhook(inbound_form(1))
    office.store.mend()

    assert refused.status == 503
    assert "27017" not in refused.text
    assert (await office.webhook(inbound_form(1))).status == 200
    assert await stored(office, 1) == [f"SM{1:032x}"]


async def test_webhooks_are_counted(office: Office) -> None:
    """An operator sees how many were acknowledged and how many refused, and why."""
    await office.webhook(inbound_form(1))
    await office.webhook(inbound_form(2), signature="forged")
    text = (await office.call("GET", "/metrics")).text

    assert 'ponte_inbound_messages_total{outcome="new",source="webhook"} 1.0' in text
    assert 'ponte_webhook_rejected_total{reason="bad_signature"} 1.0' in text
    assert "ponte_webhook_seconds_count 1.0" in text


async def test_a_status_only_moves_forward(office: Office) -> None:
    """Late and repeated callbacks change nothing; what is over stays over."""
    message = await sent_message(office)
    seen = []
    for status in ("delivered", "sent", "read", "delivered", "failed"):
        assert (await office.status(message, status)).status == 204
        seen.append((await office.ponte.store.message(message.id)).status)

    assert seen == ["delivered", "delivered", "read", "read", "read"]


async def test_a_failure_is_recorded_with_its_code(office: Office) -> None:
    """Twilio's error code is kept on the message."""
    message = await sent_message(office)

    assert (await office.status(message, "undelivered", ErrorCode="63016")).status == 204
    failed = await office.ponte.store.message(message.id)
    assert (failed.status, failed.error_code) == (MessageStatus.FAILED, 63016)


async def test_a_status_finds_its_message_by_our_reference(office: Office) -> None:
    """A callback that overtakes Twilio's answer finds the message by the id in its address."""
    message = await sent_message(office)
    form = [("MessageSid", "SM" + "c" * 32), ("MessageStatus", "delivered")]

    assert (await office.webhook(form, "/webhook/status?m=turn-1%3A0")).status == 204
    assert (await office.ponte.store.message(message.id)).status is MessageStatus.DELIVERED


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ([("MessageSid", "SM" + "d" * 32), ("MessageStatus", "delivered")], 204),
        ([("MessageSid", "SM" + "d" * 32), ("MessageStatus", "invented")], 204),
        ([("MessageSid", "SM" + "d" * 32), ("MessageStatus", "failed"), ("ErrorCode", "x²")], 204),
        ([("MessageSid", "SM" + "d" * 32)], 400),
        ([("MessageStatus", "sent")], 400),
    ],
)
async def test_unknown_statuses_are_taken_calmly(
    office: Office, form: list[tuple[str, str]], expected: int
) -> None:
    """What says nothing about a message of ours is accepted; what is no status callback is a 400."""
    assert (await office.webhook(form, "/webhook/status")).status == expected


async def test_a_status_must_be_signed_and_stored(office: Office) -> None:
    """A forged status is a 403; one that cannot be stored is a 503."""
    message = await sent_message(office)
    form = [("MessageSid", str(message.sid)), ("MessageStatus", "read")]

    assert (await office.webhook(form, "/webhook/status", signature="forged")).status == 403
    elsewhere = office.sign("/webhook", form)
    assert (await office.webhook(form, "/webhook/status", signature=elsewhere)).status == 403
    office.store.break_down()
    assert (await office.webhook(form, "/webhook/status")).status == 503
    office.store.mend()
    assert (await office.ponte.store.message(message.id)).status is MessageStatus.SENT


async def test_the_secret_is_what_counts(office: Office) -> None:
    """A signature of the right form with another account's secret is refused."""
    foreign = RequestValidator("another-account")
    signature = str(foreign.compute_signature("https://ponte.example/webhook", dict(inbound_form(1))))

    assert (await office.webhook(inbound_form(1), signature=signature)).status == 403
