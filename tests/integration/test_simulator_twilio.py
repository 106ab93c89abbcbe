"""The simulator through the real twilio client: sending, lists, errors, statuses, media, templates."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client
from twilio.rest.content.v1.content import ContentList

from simulator.network import InboundMedia
from simulator.silence import ogg_opus
from simulator.testing import ACCOUNT_SID, AUTH_TOKEN, BUSINESS, Stage, open_stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# twilio 9.13 still hands aiohttp the `auth` argument, which aiohttp 3.14 deprecates.
pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]

ANA = "5511999990000"
TO_ANA = f"whatsapp:+{ANA}"


def _pointed(client: Client, url: str) -> Client:
    for product in (client.api, client.messaging, client.content):
        product.base_url = url
    return client


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A simulator and a receiver, torn down with nothing left over."""
    async with open_stage() as opened:
        yield opened


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[Client]:
    """The real asynchronous client, pointed at the simulator."""
    async with AsyncTwilioHttpClient() as http:
        yield _pointed(Client(ACCOUNT_SID, AUTH_TOKEN, http_client=http), stage.url)


async def test_a_reply_is_queued_then_delivered_and_reported_in_order(stage: Stage, client: Client) -> None:
    """A send answers `queued`; signed callbacks report sent, delivered and, once read, read."""
    await stage.network.customer_says(ANA, "oi", profile_name="Ana")
    callback = f"{stage.receiver_url}/webhook/status?conversation=1"
    sent = await client.messages.create_async(to=TO_ANA, from_=BUSINESS, body="olá", status_callback=callback)
    assert (sent.status, sent.direction, sent.num_media, sent.error_code) == (
        "queued",
        "outbound-api",
        "0",
        None,
    )
    await stage.receiver.until(lambda _: stage.receiver.statuses(sent.sid) == ["sent", "delivered"])
    assert stage.network.customer_reads(ANA) == 1
    calls = await stage.receiver.until(lambda _: stage.receiver.statuses(sent.sid)[2:] == ["read"])
    assert all(call.signed for call in calls)
    assert calls[-1].form["ChannelPrefix"] == "whatsapp"
    fetched = await client.messages(sent.sid).fetch_async()
    assert (fetched.status, fetched.body, fetched.to) == ("read", "olá", TO_ANA)
    assert fetched.date_sent is not None


async def test_the_synchronous_client_works_too(stage: Stage) -> None:
    """The blocking client sends and reads through the same routes."""
    await stage.network.customer_says(ANA, "oi")

    def talk() -> tuple[str, list[str]]:
        client = _pointed(Client(ACCOUNT_SID, AUTH_TOKEN), stage.url)
        sid = client.messages.create(to=TO_ANA, from_=BUSINESS, body="olá").sid
        found = [message.sid for message in client.messages.list(to=TO_ANA)]
        client.http_client.session.close()
        return sid, found

    sid, found = await asyncio.to_thread(talk)
    assert found == [sid]


async def test_lists_are_paged_newest_first_and_stay_put(stage: Stage, client: Client) -> None:
    """Pages follow each other without a gap or a repetition while new messages arrive."""
    for index in range(7):
        await stage.network.customer_says(ANA, f"m{index}")
    page = await client.messages.page_async(page_size=3)
    bodies = [message.body for message in page]
    await stage.network.customer_says(ANA, "late")
    while page := await page.next_page_async():
        bodies += [message.body for message in page]
    assert bodies == [f"m{index}" for index in range(6, -1, -1)]
    assert len(await client.messages.list_async(page_size=2, limit=5)) == 5


async def test_a_page_leads_back_to_the_one_before(stage: Stage, client: Client) -> None:
    """The previous page of the second page is the first."""
    for index in range(5):
        await stage.network.customer_says(ANA, f"m{index}")
    first = await client.messages.page_async(page_size=2)
    second = await first.next_page_async()
    back = await second.previous_page_async()
    assert [message.body for message in back] == ["m4", "m3"]


async def test_lists_filter_by_address_and_time() -> None:
    """`To`, `From` and the three forms of `DateSent` narrow a list."""
    now = [datetime(2026, 11, 22, 12, tzinfo=UTC)]

    def clock() -> float:
        return now[0].timestamp()

    async with (
        open_stage(clock=clock) as stage,
        AsyncTwilioHttpClient() as http,
    ):
        client = _pointed(Client(ACCOUNT_SID, AUTH_TOKEN, http_client=http), stage.url)
        await stage.network.customer_says(ANA, "yesterday")
        now[0] += timedelta(days=1)
        await stage.network.customer_says(ANA, "today")
        await stage.network.customer_says("5511888880000", "other")
        await client.messages.create_async(to=TO_ANA, from_=BUSINESS, body="answer")
        found = client.messages.list_async

        async def bodies(**filters: object) -> list[str]:
            return [message.body for message in await found(**filters)]

        assert await bodies(to=BUSINESS, from_=TO_ANA) == ["today", "yesterday"]
        assert await bodies(to=TO_ANA) == ["answer"]
        assert await bodies(to=BUSINESS, date_sent_after=now[0]) == ["other", "today"]
        assert await bodies(date_sent_before=now[0] - timedelta(seconds=1)) == ["yesterday"]
        assert await bodies(date_sent=now[0].date() - timedelta(days=1)) == ["yesterday"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": "whatsapp:+123"}, 21211),
        ({"to": "whatsapp:ana"}, 21211),
        ({"to": "+5511999990000"}, 21910),
        ({"from_": "whatsapp:+5511999990001"}, 63007),
        ({"body": None}, 21619),
        ({"body": "  "}, 21602),
        ({"body": "x" * 1601}, 21617),
        ({"media_url": ["file:///etc/passwd"]}, 21620),
        ({"media_url": ["http://x/1"] * 11}, 21623),
        ({"status_callback": "nowhere"}, 21609),
        ({"content_sid": "HX0"}, 21655),
    ],
)
async def test_a_bad_request_gets_twilios_error(
    client: Client, changes: dict[str, object], code: int
) -> None:
    """Each mistake in a send is refused at once with Twilio's own code."""
    with pytest.raises(TwilioRestException) as caught:
        await client.messages.create_async(**({"to": TO_ANA, "from_": BUSINESS, "body": "olá"} | changes))
    assert (caught.value.status, caught.value.code) == (400, code)


async def test_wrong_credentials_and_unknown_resources_are_refused(stage: Stage) -> None:
    """A wrong token is 401 with code 20003; another account or an unknown sid is 404 with code 20404."""
    async with AsyncTwilioHttpClient() as http:
        wrong = _pointed(Client(ACCOUNT_SID, "wrong", http_client=http), stage.url)
        with pytest.raises(TwilioRestException) as caught:
            await wrong.messages("SM1").fetch_async()
        assert (caught.value.status, caught.value.code) == (401, 20003)
        right = _pointed(Client(ACCOUNT_SID, AUTH_TOKEN, http_client=http), stage.url)
        for messages in (right.messages, right.api.v2010.accounts("AC2").messages):
            with pytest.raises(TwilioRestException) as caught:
                await messages("SM1").fetch_async()
            assert (caught.value.status, caught.value.code) == (404, 20404)


async def test_an_unreadable_list_query_is_refused(stage: Stage) -> None:
    """A page size, token or date that cannot be read is a 400, never a 500."""
    async with aiohttp.ClientSession(headers=_basic()) as http:
        for query in ("PageSize=x", "PageToken=QQ9", "DateSent=yesterday"):
            path = f"{stage.url}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json?{query}"
            await stage.network.customer_says(ANA, "oi")
            async with http.get(path) as answer:
                assert (answer.status, (await answer.json())["code"]) == (400, 20001)


def _basic() -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}


async def test_outside_the_window_only_an_approved_template_arrives(stage: Stage, client: Client) -> None:
    """24 hours after the customer's last message a text fails with 63016 later on, a template does not."""
    await stage.network.customer_says(ANA, "oi")
    stage.network.advance(24 * 3600 * 1000 + 1000)
    callback = f"{stage.receiver_url}/webhook/status"
    text = await client.messages.create_async(to=TO_ANA, from_=BUSINESS, body="olá", status_callback=callback)
    assert text.status == "queued"
    calls = await stage.receiver.until(lambda _: stage.receiver.statuses(text.sid) == ["failed"])
    assert calls[-1].form["ErrorCode"] == "63016"
    assert (await text.fetch_async()).error_code == 63016

    template = await _make_template(stage, "Oi, {{1}}! Podemos continuar?")
    approval = {"name": "back", "category": "UTILITY"}
    async with (
        aiohttp.ClientSession(headers=_basic()) as http,
        http.post(f"{stage.url}/v1/Content/{template}/ApprovalRequests/whatsapp", json=approval) as answer,
    ):
        assert answer.status == 201
    sent = await client.messages.create_async(
        to=TO_ANA,
        from_=BUSINESS,
        content_sid=template,
        content_variables=json.dumps({"1": "Ana"}),
        status_callback=callback,
    )
    assert sent.body == "Oi, Ana! Podemos continuar?"
    await stage.receiver.until(lambda _: stage.receiver.statuses(sent.sid) == ["sent", "delivered"])


async def _make_template(stage: Stage, body: str) -> str:
    """Make a template with the blocking client: the asynchronous one sends JSON requests as forms."""
    request = ContentList.ContentCreateRequest(
        {
            "friendly_name": "hi",
            "language": "en",
            "types": ContentList.Types({"twilio/text": ContentList.TwilioText({"body": body})}),
        }
    )

    def make() -> str:
        client = _pointed(Client(ACCOUNT_SID, AUTH_TOKEN), stage.url)
        sid = str(client.content.v1.contents.create(request).sid)
        client.http_client.session.close()
        return sid

    return await asyncio.to_thread(make)


async def test_templates_are_listed_with_their_approval(stage: Stage, client: Client) -> None:
    """A new template is listed, unsubmitted, can be read and removed."""
    made = await _make_template(stage, "Hi")
    listed = await client.content.v1.content_and_approvals.list_async()
    assert [(item.sid, item.approval_requests["status"]) for item in listed] == [(made, "unsubmitted")]
    assert [item.friendly_name for item in await client.content.v1.contents.list_async()] == ["hi"]
    assert (await client.content.v1.contents(made).fetch_async()).types == {"twilio/text": {"body": "Hi"}}
    assert await client.content.v1.contents(made).delete_async()
    assert await client.content.v1.contents.list_async() == []


@pytest.mark.parametrize(
    ("variables", "code"), [("{", 21656), ('{"1": ""}', 21656), (json.dumps({"1": "x" * 1601}), 21658)]
)
async def test_bad_template_variables_are_refused(
    stage: Stage, client: Client, variables: str, code: int
) -> None:
    """Variables that are not texts, or are too long, are refused with Twilio's code."""
    made = await _make_template(stage, "Hi {{1}}")
    with pytest.raises(TwilioRestException) as caught:
        await client.messages.create_async(
            to=TO_ANA, from_=BUSINESS, content_sid=made, content_variables=variables
        )
    assert caught.value.code == code


async def test_typing_is_shown_and_marks_as_read(stage: Stage, client: Client) -> None:
    """The indicator shows until the next message, and the customer's message counts as read."""
    message = await stage.network.customer_says(ANA, "oi")
    answer = await client.messaging.v2.typing_indicator.create_async(
        channel="whatsapp", message_id=message.sid
    )
    assert answer.success is True
    assert message.ticks() == "read"
    customer = stage.network.ledger.customer(ANA)
    assert customer.typing_until_ms is not None
    await client.messages.create_async(to=TO_ANA, from_=BUSINESS, body="olá")
    assert customer.typing_until_ms is None
    with pytest.raises(TwilioRestException) as caught:
        await client.messaging.v2.typing_indicator.create_async(channel="whatsapp", message_id="SM0")
    assert caught.value.status == 404


async def test_media_needs_credentials_and_redirects_to_a_signed_address(
    stage: Stage, client: Client
) -> None:
    """A voice note's URL asks for Basic auth, then redirects to an address that refuses credentials."""
    note = ogg_opus(5)
    message = await stage.network.customer_says(ANA, media=[InboundMedia("audio/ogg", note)])
    url = stage.receiver.calls[0].form["MediaUrl0"]
    async with aiohttp.ClientSession() as http:
        async with http.get(url, allow_redirects=False) as answer:
            assert answer.status == 401
        async with http.get(url, headers=_basic(), allow_redirects=False) as answer:
            assert answer.status == 307
            signed = answer.headers["Location"]
        async with http.get(signed, headers=_basic()) as answer:
            assert answer.status == 400
        async with http.get(signed) as answer:
            assert (answer.content_type, await answer.read()) == ("audio/ogg", note)
        async with http.get(signed[:-1] + "x") as answer:
            assert answer.status == 403
    listed = await client.messages(message.sid).media.list_async()
    assert [item.content_type for item in listed] == ["audio/ogg"]
    assert (await client.messages(message.sid).media(listed[0].sid).fetch_async()).parent_sid == message.sid


async def test_media_of_a_reply_is_fetched_and_shown(stage: Stage, client: Client) -> None:
    """The business's file is read from its URL; one that cannot be read fails with 63019."""
    await stage.network.customer_says(ANA, media=[InboundMedia("audio/ogg", ogg_opus(2))])
    shown = stage.network.ledger.after(0)[0].media[0].view()["url"]
    good = await client.messages.create_async(to=TO_ANA, from_=BUSINESS, media_url=[stage.url + shown])
    bad = await client.messages.create_async(
        to=TO_ANA, from_=BUSINESS, body="x", media_url=[f"{stage.url}/none"]
    )
    await stage.network.drain()
    assert good.sid.startswith("MM")
    assert ((await good.fetch_async()).num_media, (await bad.fetch_async()).error_code) == ("1", 63019)


async def test_a_deleted_message_is_gone(stage: Stage, client: Client) -> None:
    """After a delete the message is neither fetched nor listed."""
    message = await stage.network.customer_says(ANA, "oi")
    assert await client.messages(message.sid).delete_async()
    assert await client.messages.list_async() == []
