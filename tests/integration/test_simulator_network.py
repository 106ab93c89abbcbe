"""The network's webhooks, retries and faults, and the control API, over real sockets."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING

import aiohttp
import pytest

from simulator.config import SimulatorConfig
from simulator.network import InboundMedia, NetworkError
from simulator.testing import ACCOUNT_SID, AUTH_TOKEN, BUSINESS, Stage, open_stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ANA = "5511999990000"
ALL = "#rc=5&rp=all"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A simulator with Twilio's default retries."""
    async with open_stage() as opened:
        yield opened


@pytest.fixture
async def http(stage: Stage) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the simulator, with the account's credentials."""
    headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
    async with aiohttp.ClientSession(stage.url, headers=headers) as session:
        yield session


async def _post(http: aiohttp.ClientSession, path: str, data: object) -> dict[str, object]:
    async with http.post(path, json=data) as answer:
        found = await answer.json()
        assert answer.status in {200, 201}, found
        assert isinstance(found, dict)
        return found


async def _send(
    http: aiohttp.ClientSession, body: str = "olá", **extra: str
) -> tuple[int, dict[str, object]]:
    form = {"To": f"whatsapp:+{ANA}", "From": BUSINESS, "Body": body} | extra
    path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
    async with http.post(path, data=form) as answer:
        return answer.status, await answer.json()


async def test_a_customers_message_arrives_signed(stage: Stage) -> None:
    """The webhook has Twilio's fields and a valid signature, and its answer ends the delivery."""
    message = await stage.network.customer_says(ANA, "Olá, tudo bem? & mais", profile_name="Ana")
    call = stage.receiver.calls[0]
    assert call.signed
    assert (call.path, call.form["Body"], call.form["ProfileName"]) == ("/webhook", message.body, "Ana")
    assert call.form["MessageSid"] == message.sid
    assert (message.accepted, message.outcomes) == (True, ["200"])


async def test_by_default_a_server_error_is_not_retried(stage: Stage) -> None:
    """Twilio's default retries connection failures only: a 503 loses the message."""
    stage.receiver.plan = [503]
    message = await stage.network.customer_says(ANA, "oi")
    assert (message.accepted, message.outcomes) == (False, ["503"])


async def test_by_default_a_refused_connection_is_retried_once(stage: Stage) -> None:
    """With nobody listening there are two attempts, and then the message is given up."""
    stage.network.set_webhook("http://127.0.0.1:1/webhook")
    message = await stage.network.customer_says(ANA, "oi")
    assert (message.accepted, message.outcomes) == (False, ["connect", "connect"])


async def test_with_overrides_server_errors_are_retried_under_one_token() -> None:
    """`#rc=5&rp=all` retries 5xx and 4xx with the same sid and idempotency token."""
    async with open_stage(overrides=ALL) as stage:
        stage.receiver.plan = [503, 500, 404]
        message = await stage.network.customer_says(ANA, "oi")
        assert (message.accepted, message.outcomes) == (True, ["503", "500", "404", "200"])
        assert len({call.token for call in stage.receiver.calls}) == 1
        assert {call.form["MessageSid"] for call in stage.receiver.calls} == {message.sid}


async def test_with_overrides_five_retries_are_the_last() -> None:
    """After the sixth failure the message is given up."""
    async with open_stage(overrides=ALL) as stage:
        stage.receiver.plan = [503] * 9
        message = await stage.network.customer_says(ANA, "oi")
        assert (message.accepted, len(message.outcomes)) == (False, 6)


@pytest.mark.parametrize(("overrides", "outcomes"), [("", ["timeout"]), ("#rc=1&rp=rt", ["timeout"])])
async def test_a_webhook_has_one_time_limit_for_all_attempts(overrides: str, outcomes: list[str]) -> None:
    """A receiver that never answers is left at the limit, with no time for another attempt."""
    config = SimulatorConfig(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, webhook_timeout_ms=60)
    async with open_stage(overrides=overrides, config=config) as stage:
        stage.receiver.plan = ["hang"]
        message = await stage.network.customer_says(ANA, "oi")
        assert (message.accepted, message.outcomes) == (False, outcomes)


async def test_one_customers_webhooks_keep_their_order(stage: Stage) -> None:
    """Messages written without waiting arrive in the order they were written."""
    tasks = [stage.network.receive(ANA, str(index))[1] for index in range(30)]
    await asyncio.gather(*tasks)
    assert [call.form["Body"] for call in stage.receiver.calls] == [str(index) for index in range(30)]


async def test_a_redelivery_repeats_the_sid(stage: Stage, http: aiohttp.ClientSession) -> None:
    """The fault `inbound_duplicate` posts the same webhook twice."""
    await _post(http, "/sim/faults", {"kind": "inbound_duplicate", "count": 1})
    said = await _post(http, f"/sim/customers/{ANA}/messages", {"body": "oi", "wait": True})
    assert said == {"sid": said["sid"], "seq": 1, "accepted": True, "attempts": 2, "outcomes": ["200", "200"]}
    assert [call.form["MessageSid"] for call in stage.receiver.calls] == [said["sid"]] * 2


@pytest.mark.parametrize("kind", ["inbound_disorder", "inbound_delay"])
async def test_disorder_and_delay_let_the_next_message_pass(stage: Stage, kind: str) -> None:
    """A message held back arrives after the one that was written later."""
    async with aiohttp.ClientSession(stage.url) as http:
        await _post(http, "/sim/faults", {"kind": kind, "count": 1, "delay_ms": 150})
        await _post(http, f"/sim/customers/{ANA}/messages", {"body": "first"})
        await _post(http, f"/sim/customers/{ANA}/messages", {"body": "second", "wait": True})
    calls = await stage.receiver.until(lambda calls: len(calls) == 2)
    assert [call.form["Body"] for call in calls] == ["second", "first"]


async def test_a_lost_webhook_is_found_in_the_list_only(stage: Stage, http: aiohttp.ClientSession) -> None:
    """The fault `inbound_lost` keeps the message at Twilio and posts nothing."""
    await _post(http, "/sim/faults", {"kind": "inbound_lost", "count": 1})
    said = await _post(http, f"/sim/customers/{ANA}/messages", {"body": "oi", "wait": True})
    assert (said["accepted"], said["outcomes"]) == (False, ["lost"])
    assert stage.receiver.calls == []
    async with http.get(f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json") as answer:
        assert [item["sid"] for item in (await answer.json())["messages"]] == [said["sid"]]


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("outbound_429", 429, 20429), ("outbound_500", 500, 20500), ("outbound_21610", 400, 21610)],
)
async def test_a_refusing_api_takes_no_message(
    stage: Stage, http: aiohttp.ClientSession, kind: str, status: int, code: int
) -> None:
    """The fault answers with its error once and makes no message; the next send works."""
    await stage.network.customer_says(ANA, "oi")
    await _post(http, "/sim/faults", {"kind": kind, "count": 1})
    answered, error = await _send(http)
    assert (answered, error["code"], error["status"]) == (status, code, status)
    assert len(stage.network.ledger.after(0)) == 1
    assert (await _send(http))[0] == 201


async def test_a_fault_of_scope_all_befalls_reading_too(http: aiohttp.ClientSession) -> None:
    """With scope `all` the message list fails as well."""
    await _post(http, "/sim/faults", {"kind": "outbound_500", "count": 1, "scope": "all"})
    path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
    async with http.get(path) as answer:
        assert answer.status == 500
    async with http.get(path) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(("kind", "made"), [("outbound_hang", 0), ("outbound_lost_answer", 1)])
async def test_a_timeout_hides_whether_the_message_was_taken(
    stage: Stage, http: aiohttp.ClientSession, kind: str, made: int
) -> None:
    """Both faults look alike to the sender; only one of them took the message."""
    await stage.network.customer_says(ANA, "oi")
    await _post(http, "/sim/faults", {"kind": kind, "count": 1})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await _send(http)
    assert len(stage.network.ledger.after(1)) == made


async def test_every_request_can_hang_until_the_client_leaves(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    """A fault of scope `all` holds requests with a body as well, and takes nothing."""
    message = await stage.network.customer_says(ANA, "oi")
    await _post(http, "/sim/faults", {"kind": "outbound_hang", "count": 1, "scope": "all"})
    form = {"channel": "whatsapp", "messageId": message.sid}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await http.post("/v2/Indicators/Typing.json", data=form)
    assert message.ticks() == "delivered"


async def test_a_held_request_ends_with_its_time(stage: Stage, http: aiohttp.ClientSession) -> None:
    """A hold with `delay_ms` is answered with a 500 when the time is over."""
    await stage.network.customer_says(ANA, "oi")
    await _post(http, "/sim/faults", {"kind": "outbound_lost_answer", "count": 1, "delay_ms": 10})
    assert (await _send(http))[0] == 500
    assert len(stage.network.ledger.after(1)) == 1


@pytest.mark.parametrize("code", [63016, 63018])
async def test_a_failure_of_the_channel_comes_later(
    stage: Stage, http: aiohttp.ClientSession, code: int
) -> None:
    """The send is accepted; the status callback tells that it failed, and why."""
    await stage.network.customer_says(ANA, "oi")
    await _post(http, "/sim/faults", {"kind": f"outbound_{code}", "count": 1})
    status, sent = await _send(http, StatusCallback=f"{stage.receiver_url}/status")
    assert status == 201
    calls = await stage.receiver.until(lambda _: stage.receiver.statuses(str(sent["sid"])) == ["failed"])
    assert (calls[-1].form["ErrorCode"], calls[-1].signed) == (str(code), True)


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        ("status_duplicate", ["sent", "sent", "delivered"]),
        ("status_disorder", ["delivered", "sent"]),
        ("status_lost", ["delivered"]),
    ],
)
async def test_status_callbacks_have_bad_days_too(
    stage: Stage, http: aiohttp.ClientSession, kind: str, statuses: list[str]
) -> None:
    """Callbacks can be repeated, swapped or lost."""
    await stage.network.customer_says(ANA, "oi")
    await _post(http, "/sim/faults", {"kind": kind, "count": 1})
    _, sent = await _send(http, StatusCallback=f"{stage.receiver_url}/status")
    await stage.network.drain()
    assert stage.receiver.statuses(str(sent["sid"])) == statuses


async def test_the_conversation_is_shown_as_on_the_phone(stage: Stage, http: aiohttp.ClientSession) -> None:
    """Both directions appear in order, and `after` continues where one stopped."""
    await _post(http, f"/sim/customers/{ANA}/messages", {"body": "oi", "profile_name": "Ana", "wait": True})
    await _send(http)
    await stage.network.drain()
    async with http.get(f"/sim/customers/{ANA}/messages") as answer:
        page = await answer.json()
    shown = [(item["seq"], item["direction"], item["body"], item["status"]) for item in page["items"]]
    assert shown == [(1, "inbound", "oi", "received"), (2, "outbound", "olá", "delivered")]
    assert await _post(http, f"/sim/customers/{ANA}/read", {}) == {"read": 1}
    async with http.get(f"/sim/customers/{ANA}/messages?after=1") as answer:
        page = await answer.json()
    assert [(item["status"], page["next"]) for item in page["items"]] == [("read", 2)]
    async with http.get("/sim/messages?direction=outbound") as answer:
        assert [item["body"] for item in (await answer.json())["items"]] == ["olá"]
    async with http.get("/sim/customers") as answer:
        assert [(item["wa_id"], item["name"]) for item in await answer.json()] == [(ANA, "Ana")]


async def test_a_voice_note_can_be_said(stage: Stage, http: aiohttp.ClientSession) -> None:
    """A file given as base64, or by its URL, reaches the webhook as media."""
    note = {"media_base64": base64.b64encode(b"note").decode(), "content_type": "audio/ogg", "wait": True}
    await _post(http, f"/sim/customers/{ANA}/messages", note)
    shown = stage.network.ledger.after(0)[0].media[0].view()["url"]
    await _post(http, f"/sim/customers/{ANA}/messages", {"media_url": stage.url + shown, "wait": True})
    forms = [call.form for call in stage.receiver.calls]
    assert [form["MediaContentType0"] for form in forms] == ["audio/ogg"] * 2
    assert [form["MessageType"] for form in forms] == ["audio"] * 2


@pytest.mark.parametrize(
    ("path", "data", "status"),
    [
        ("/sim/customers/abc/messages", {"body": "oi"}, 422),
        (f"/sim/customers/{ANA}/messages", {}, 409),
        (f"/sim/customers/{ANA}/messages", {"body": "oi", "extra": 1}, 422),
        (f"/sim/customers/{ANA}/messages", {"media_base64": "%", "content_type": "audio/ogg"}, 422),
        (f"/sim/customers/{ANA}/messages", {"media_base64": "aGk="}, 422),
        (f"/sim/customers/{ANA}/messages", {"media_url": "http://127.0.0.1:1/x"}, 422),
        ("/sim/customers", {"wa_id": "abc"}, 422),
        ("/sim/faults", {"kind": "rain"}, 422),
        ("/sim/faults", {"kind": "outbound_500", "probability": 2}, 422),
    ],
)
async def test_bad_control_requests_are_refused(
    http: aiohttp.ClientSession, path: str, data: dict[str, object], status: int
) -> None:
    """The control API says what is wrong instead of failing."""
    async with http.post(path, json=data) as answer:
        assert (answer.status, bool((await answer.json())["detail"])) == (status, True)


async def test_faults_are_listed_and_removed(http: aiohttp.ClientSession) -> None:
    """A fault is shown while it is on; one or all can be switched off."""
    made = await _post(http, "/sim/faults", {"kind": "outbound_429", "probability": 0.5})
    await _post(http, "/sim/faults", {"kind": "status_lost"})
    async with http.get("/sim/faults") as answer:
        assert [item["kind"] for item in await answer.json()] == ["outbound_429", "status_lost"]
    async with http.delete(f"/sim/faults/{made['id']}") as answer:
        assert answer.status == 200
    async with http.delete(f"/sim/faults/{made['id']}") as answer:
        assert answer.status == 404
    async with http.delete("/sim/faults") as answer:
        assert await answer.json() == {"removed": 1}


async def test_the_webhook_and_the_clock_can_be_set(stage: Stage, http: aiohttp.ClientSession) -> None:
    """The webhook URL is checked, and the network's clock moves forward."""
    async with http.get("/sim/state") as answer:
        before = await answer.json()
    after = await _post(http, "/sim/clock", {"advance_ms": 3_600_000})
    assert int(str(after["now"])) - before["now"] >= 3_600_000
    async with http.put("/sim/webhook", json={"url": "http://x/w#rc=9"}) as answer:
        assert answer.status == 422
    async with http.put("/sim/webhook", json={"url": f"{stage.receiver_url}/other"}) as answer:
        assert (await answer.json())["webhook_url"] == f"{stage.receiver_url}/other"
    await stage.network.customer_says(ANA, "oi")
    assert stage.receiver.calls[0].path == "/other"


async def test_the_network_refuses_what_it_cannot_carry(stage: Stage) -> None:
    """An empty message or a bad customer raises an error that says so."""
    with pytest.raises(NetworkError, match="empty"):
        await stage.network.customer_says(ANA)
    with pytest.raises(NetworkError, match="wa_id"):
        await stage.network.customer_says("x", "oi")
    stage.network.public_url = None
    with pytest.raises(NetworkError, match="public_url"):
        await stage.network.customer_says(ANA, media=[InboundMedia("audio/ogg", b"x")])


async def test_too_many_deliveries_are_refused() -> None:
    """Beyond its bound of deliveries under way the network takes no message."""
    config = SimulatorConfig(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, max_pending=1)
    async with open_stage(config=config) as stage:
        stage.network.receive(ANA, "one")
        with pytest.raises(NetworkError, match="under way"):
            stage.network.receive(ANA, "two")


async def test_the_address_is_learnt_from_the_first_request(stage: Stage) -> None:
    """Without a public_url, media URLs start with the address the simulator was reached at."""
    stage.network.public_url = None
    async with aiohttp.ClientSession(stage.url) as http:
        note = {"media_base64": "aGk=", "content_type": "audio/ogg", "wait": True}
        await _post(http, f"/sim/customers/{ANA}/messages", note)
    assert stage.receiver.calls[0].form["MediaUrl0"].startswith(f"{stage.url}/2010-04-01/")


async def test_events_reach_the_page_and_the_stream_ends_with_the_server() -> None:
    """A listener hears of messages, and neither a stream nor a held request delays the stop."""
    async with (
        open_stage() as stage,
        aiohttp.ClientSession(stage.url) as http,
        http.get("/sim/events") as stream,
    ):
        assert (await stream.content.readline()).strip() == b"event: hello"
        await stage.network.customer_says(ANA, "oi")
        while (line := await stream.content.readline()).strip() != b"event: message":
            assert line
        shown = json.loads((await stream.content.readline()).removeprefix(b"data: "))
        assert (shown["body"], shown["direction"], shown["ticks"]) == ("oi", "inbound", "sent")
        stage.network.begin_shutdown()
        assert b'"ticks": "delivered"' in await stream.content.read()


async def test_the_page_and_its_files_are_served_strictly(http: aiohttp.ClientSession) -> None:
    """The page has a strict content policy and no inline script, and only its own files are served."""
    async with http.get("/") as answer:
        page = await answer.text()
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert 'data-testid="customer-input"' in page
    assert "<script>" not in page
    for path, status in {"/static/phone.js": 200, "/static/x.js": 404, "/sim/media/ME0": 404}.items():
        async with http.get(path) as answer:
            assert answer.status == status


async def test_one_seed_gives_one_run() -> None:
    """Two simulators of one seed give the same sids; without a seed they differ."""
    sids = []
    for seed in (5, 5, None):
        config = SimulatorConfig(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, seed=seed)
        async with open_stage(config=config) as stage:
            sids.append((await stage.network.customer_says(ANA, "oi")).sid)
    assert sids[0] == sids[1] != sids[2]
