"""The simulator's rules that need no socket."""

from __future__ import annotations

import random

import pytest

from simulator.config import RetryPolicy, SimulatorConfig, split_webhook_url
from simulator.events import EventHub
from simulator.faults import FaultBoard, FaultKind
from simulator.forms import inbound_form, status_form
from simulator.ledger import Ledger
from simulator.openai_wire import Json, completion_chunks, last_user_text, sample_of_schema
from simulator.records import Customer, Message, address_of, is_wa_id, wa_id_of
from simulator.silence import ogg_opus, silence


def _message(ledger: Ledger, wa_id: str = "5511999990000", **changes: str) -> Message:
    values = {"body": "oi", "status": "received"} | changes
    return Message(
        sid=ledger.new_sid("SM"),
        seq=ledger.next_seq(),
        direction="inbound",
        wa_id=wa_id,
        sender=address_of(wa_id),
        recipient="whatsapp:+14155238886",
        body=values["body"],
        status=values["status"],
        created_ms=1_000,
        updated_ms=1_000,
    )


def _ledger(seed: int = 1, *, max_messages: int = 100, max_media_bytes: int = 1000) -> Ledger:
    return Ledger(random.Random(seed), max_messages=max_messages, max_media_bytes=max_media_bytes)  # noqa: S311 - repeatable


@pytest.mark.parametrize(
    ("url", "address", "policy"),
    [
        ("http://a/w", "http://a/w", RetryPolicy(1, frozenset({"ct"}))),
        (
            "https://a/w?x=1#rc=5&rp=all",
            "https://a/w?x=1",
            RetryPolicy(5, frozenset({"ct", "rt", "4xx", "5xx"})),
        ),
        ("http://a/w#rc=0", "http://a/w", RetryPolicy(0, frozenset({"ct"}))),
        ("http://a/w#rp=5xx", "http://a/w", RetryPolicy(1, frozenset({"5xx"}))),
        ("http://a/w#rc=2&rp=ct,rt", "http://a/w", RetryPolicy(2, frozenset({"ct", "rt"}))),
    ],
)
def test_connection_overrides_are_read_and_never_sent(url: str, address: str, policy: RetryPolicy) -> None:
    """The fragment of a webhook URL becomes the retry policy and leaves the address."""
    assert split_webhook_url(url) == (address, policy)


@pytest.mark.parametrize(
    "url", ["ftp://a/w", "/w", "http://a/w#rc=6", "http://a/w#rc=x", "http://a/w#rp=2xx"]
)
def test_wrong_connection_overrides_are_refused(url: str) -> None:
    """A retry count or policy that Twilio does not know is an error, not a default."""
    with pytest.raises(ValueError, match=r"http|rc=|rp="):
        split_webhook_url(url)


def test_secrets_stay_out_of_the_settings_text() -> None:
    """The auth token is not part of the settings' representation."""
    assert "hush" not in repr(SimulatorConfig(account_sid="AC1", auth_token="hush"))


@pytest.mark.parametrize(
    ("address", "wa_id"),
    [
        ("whatsapp:+5511999990000", "5511999990000"),
        ("whatsapp:BR.maria_1", "BR.maria_1"),
        ("whatsapp:5511999990000", None),
        ("whatsapp:+0511999990000", None),
        ("+5511999990000", None),
        ("whatsapp:", None),
    ],
)
def test_a_channel_address_names_a_customer(address: str, wa_id: str | None) -> None:
    """Numbers in E.164 and business-scoped user names are customers; anything else is not."""
    assert wa_id_of(address) == wa_id
    if wa_id is not None:
        assert address_of(wa_id) == address
        assert is_wa_id(wa_id)


def test_sids_repeat_with_the_seed() -> None:
    """Two ledgers of one seed give the same sids, and another seed gives others."""
    first, second, other = _ledger(1), _ledger(1), _ledger(2)
    assert [first.new_sid("SM") for _ in range(3)] == [second.new_sid("SM") for _ in range(3)]
    assert first.new_sid("SM") != other.new_sid("SM")
    assert len(first.new_sid("SM")) == 34


def test_the_ledger_forgets_the_oldest_messages_and_media() -> None:
    """Messages and bytes of media stay within their bounds, the newest kept."""
    ledger = _ledger(max_messages=3, max_media_bytes=10)
    for _ in range(5):
        message = _message(ledger)
        ledger.add(message)
        ledger.add_media(message, "image/png", b"1234", 1_000)
    kept = ledger.after(0)
    assert [message.seq for message in kept] == [3, 4, 5]
    assert [len(message.media[0].data) for message in kept] == [0, 4, 4]
    assert [message.seq for message in ledger.newest_first()] == [5, 4, 3]
    assert ledger.after(4, wa_id="5511999990000") == kept[-1:]
    assert ledger.message("SM0") is None


def test_a_fault_strikes_as_often_as_its_count_says() -> None:
    """A counted fault is gone after its last strike, and concerns only its customer."""
    board = FaultBoard(random.Random(1))  # noqa: S311 - repeatable
    board.add(FaultKind.INBOUND_DELAY, count=2, wa_id="1")
    drawn = [board.draw(FaultKind.INBOUND_DELAY, wa_id=wa_id) is not None for wa_id in "2111"]
    assert drawn == [False, True, True, False]
    assert board.views() == []


def test_a_fault_ends_with_its_duration() -> None:
    """A fault with a duration is off once that time has passed."""
    now = [100.0]
    board = FaultBoard(random.Random(1), monotonic=lambda: now[0])  # noqa: S311 - repeatable
    board.add(FaultKind.OUTBOUND_500, duration_ms=1_000)
    assert board.draw(FaultKind.OUTBOUND_500)
    assert board.views()[0]["duration_ms"] == 1_000
    now[0] += 1.0
    assert board.draw(FaultKind.OUTBOUND_500) is None


def test_a_probable_fault_strikes_at_its_rate_and_repeatably() -> None:
    """With one seed a probability gives the same strikes again, about as many as it says."""
    runs = []
    for _ in range(2):
        board = FaultBoard(random.Random(3))  # noqa: S311 - repeatable
        board.add(FaultKind.OUTBOUND_429, probability=0.3)
        runs.append([board.draw(FaultKind.OUTBOUND_429) is not None for _ in range(500)])
    assert runs[0] == runs[1]
    assert 120 < sum(runs[0]) < 180


def test_a_fault_of_sending_leaves_other_requests_alone() -> None:
    """Only a fault of scope `all` befalls requests that do not send."""
    board = FaultBoard(random.Random(1))  # noqa: S311 - repeatable
    fault = board.add(FaultKind.OUTBOUND_500)
    assert board.draw(FaultKind.OUTBOUND_500, scope="all") is None
    board.add(FaultKind.OUTBOUND_500, scope="all")
    assert board.draw(FaultKind.OUTBOUND_500, scope="all") is not None
    assert board.remove(fault.id)
    assert not board.remove(fault.id)
    assert board.clear() == 1


def test_the_inbound_form_has_twilios_fields() -> None:
    """A text message's form has exactly the fields Twilio sends for WhatsApp."""
    form = inbound_form(_message(_ledger()), Customer("5511999990000", "Ana"), "AC1", "http://sim")
    common = {"MessageSid", "SmsSid", "SmsMessageSid", "AccountSid", "ApiVersion", "From", "To", "Body"}
    rest = {"NumMedia", "NumSegments", "ReferralNumMedia", "SmsStatus", "MessageType", "ProfileName", "WaId"}
    assert set(form) == common | rest
    assert form["MessageType"] == "text"
    assert form["From"] == "whatsapp:+5511999990000"


def test_a_customer_with_a_user_name_has_no_wa_id() -> None:
    """A sender without a phone number is known by address only."""
    form = inbound_form(_message(_ledger(), "BR.ana"), Customer("BR.ana", "Ana"), "AC1", "http://sim")
    assert form["From"] == "whatsapp:BR.ana"
    assert "WaId" not in form


def test_media_in_the_form_point_at_the_rest_api() -> None:
    """Each file of a message is a content type and a media URL, numbered from 0."""
    ledger = _ledger()
    message = _message(ledger)
    item = ledger.add_media(message, "audio/ogg", b"x", 1_000)
    form = inbound_form(message, Customer("5511999990000", "Ana"), "AC1", "http://sim")
    assert (form["NumMedia"], form["MessageType"], form["MediaContentType0"]) == ("1", "audio", "audio/ogg")
    assert form["MediaUrl0"] == (
        f"http://sim/2010-04-01/Accounts/AC1/Messages/{message.sid}/Media/{item.sid}"
    )


def test_only_a_failed_status_carries_the_error() -> None:
    """The error code is in the callback of `failed`, and not in an earlier one."""
    message = _message(_ledger(), status="failed")
    message.error_code = 63016
    assert status_form(message, "failed", "AC1")["ErrorCode"] == "63016"
    assert "ErrorCode" not in status_form(message, "sent", "AC1")


async def test_a_listener_that_lags_is_told_to_read_anew() -> None:
    """A full queue is emptied and holds one `resync`, so that memory stays bounded."""
    hub = EventHub()
    with hub.listen() as queue:
        for index in range(1002):
            hub.publish("message", {"seq": index})
        assert "resync" in (queue.get_nowait() or "")
        assert queue.empty()
        hub.close()
        assert queue.get_nowait() is None
    assert not hub.has_listeners


def test_a_sample_of_a_schema_is_one_the_schema_allows() -> None:
    """Objects, enums, references and alternatives are filled with the plainest value."""
    schema: Json = {
        "type": "object",
        "properties": {
            "handoff": {"type": "boolean"},
            "reason": {"$ref": "#/$defs/Reason"},
            "score": {"type": "number"},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "$defs": {"Reason": {"enum": ["asked", "angry"]}},
    }
    assert sample_of_schema(schema, yes=True) == {
        "handoff": True,
        "reason": "asked",
        "score": 1.0,
        "note": "",
        "tags": [],
    }


def test_the_last_user_text_is_found_in_both_forms() -> None:
    """Content may be a text or a list of parts; later messages of others do not count."""
    parts = [{"type": "text", "text": "um "}, {"type": "text", "text": "dois"}]
    messages = [{"role": "user", "content": parts}, {"role": "assistant", "content": "x"}]
    assert last_user_text({"messages": messages}) == "um dois"
    assert last_user_text({}) == ""


def test_a_stream_adds_up_to_its_answer() -> None:
    """The words of the chunks joined are the answer, and only the last choice has a finish reason."""
    chunks = completion_chunks({"model": "m"}, {"role": "assistant", "content": "resposta: olá  mundo"}, 1)
    choices = [choice for chunk in chunks for choice in _choices(chunk)]
    assert "".join(str(_delta(choice).get("content", "")) for choice in choices) == "resposta: olá  mundo"
    assert [choice["finish_reason"] for choice in choices[-2:]] == [None, "stop"]


def _choices(chunk: Json) -> list[Json]:
    found = chunk["choices"]
    assert isinstance(found, list)
    return found


def _delta(choice: Json) -> Json:
    found = choice["delta"]
    assert isinstance(found, dict)
    return found


def test_silent_recordings_have_the_marks_of_their_formats() -> None:
    """Each format starts as its decoder expects, and an Opus note ends with a page that says so."""
    assert silence("wav")[1].startswith(b"RIFF")
    assert silence("mp3")[1].startswith(b"\xff\xfb")
    assert silence("pcm")[1] == bytes(960 * 25)
    note = ogg_opus(10)
    assert silence("opus", frames=10) == ("audio/ogg", note)
    pages = note.split(b"OggS")[1:]
    assert [page[1] for page in pages] == [2, 0, 4]
    assert b"OpusHead" in pages[0]
