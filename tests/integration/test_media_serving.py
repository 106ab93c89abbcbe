"""Files over HTTP: to Twilio by signed links, to agents by their session; in parts, and never to run."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ponte.audio import VOICE_NOTE
from ponte.bootstrap import open_ponte
from ponte.domain.agent import Role
from ponte.domain.message import Author, Kind, Media, Message, MessageStatus
from ponte.errors import NotFound
from ponte.media_links import LINK_SECONDS, MediaLinks, link_key
from ponte.media_serving import safe_name, serving
from ponte.ports import Commit, MediaStore, StoredMedia
from ponte.settings import Settings, load_settings
from tests.fixtures.api_office import PUBLIC, Office, open_office

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
KEY = hashlib.sha256(PNG).hexdigest()


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Return a running API."""
    async with open_office(tmp_path / "data", secret_key="k" * 32) as opened:
        yield opened


async def keep(store: MediaStore, content: bytes, content_type: str) -> StoredMedia:
    """Store a file."""

    async def once() -> AsyncIterator[bytes]:
        yield content

    return await store.put(once(), content_type, 1_750_000_000_000)


async def message_with(office: Office, *files: Media) -> str:
    """Add a customer's message with these files; returns its id."""
    current = await office.waiting()
    row = Message(
        id="t-SM1:0",
        conversation_id=current.id,
        contact_id=current.contact_id,
        seq=current.last_seq + 1,
        author=Author.CUSTOMER,
        kind=Kind.IMAGE,
        body="",
        status=MessageStatus.RECEIVED,
        created_at=office.clock.now(),
        media=files,
    )
    changed = replace(current, version=current.version + 1, last_seq=row.seq)
    await office.ponte.store.commit(Commit(changed, messages=(row,)))
    return current.id


async def fetched(
    office: Office, path: str, method: str = "GET", **headers: str
) -> tuple[int, Mapping[str, str], bytes]:
    """Ask the API for bytes."""
    async with office.http.request(method, f"{office.url}{path}", headers=headers) as answer:
        return answer.status, answer.headers, await answer.read()


async def test_a_signed_link_gives_the_file(office: Office) -> None:
    """Who has a link gets the file with its type, whole or in part, and cannot list or guess others."""
    await keep(office.ponte.media, PNG, "image/png")
    path = office.ponte.links.url(KEY).removeprefix(PUBLIC)
    status, headers, body = await fetched(office, path)
    assert (status, body) == (200, PNG)
    assert headers["Content-Type"] == "image/png"
    assert headers["Content-Length"] == str(len(PNG))
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"].startswith("private")
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["Content-Disposition"].startswith("inline; filename=")

    status, headers, body = await fetched(office, path, Range="bytes=10-19")
    assert (status, body, headers["Content-Range"]) == (206, PNG[10:20], f"bytes 10-19/{len(PNG)}")
    status, headers, body = await fetched(office, path, Range="bytes=99999-")
    assert (status, body, headers["Content-Range"]) == (416, b"", f"bytes */{len(PNG)}")
    status, headers, body = await fetched(office, path, method="HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", str(len(PNG)))
    status, headers, body = await fetched(office, path, **{"If-None-Match": headers["ETag"]})
    assert (status, body) == (304, b"")

    for other in ("/media/", "/media", f"/media/{KEY}", f"{path}x", "/media/..%2f..%2fponte.db"):
        assert (await fetched(office, other))[0] == 404


async def test_a_link_ends(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link is dead an hour after it was made, signed by another key, or when the file is gone."""
    await keep(office.ponte.media, PNG, "image/png")
    path = office.ponte.links.url(KEY).removeprefix(PUBLIC)
    foreign = MediaLinks("other" * 8, PUBLIC).url(KEY).removeprefix(PUBLIC)
    assert (await fetched(office, foreign))[0] == 404
    later = time.time() + LINK_SECONDS + 2
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: later)
        assert (await fetched(office, path))[0] == 404
    assert (await fetched(office, path))[0] == 200
    await office.ponte.media.delete(KEY)
    assert (await fetched(office, path))[0] == 404


async def test_agents_fetch_a_messages_files(office: Office) -> None:
    """The transcript gives each file's address, which answers to a session and to nothing else."""
    await keep(office.ponte.media, PNG, "image/png")
    conversation = await message_with(
        office,
        Media("https://api.twilio.com/f", "image/png", key=KEY, size=len(PNG), name="foto\r\n da égua.png"),
        Media("https://api.twilio.com/g", "audio/ogg", text="oi", confidence=0.5),
    )
    _, token = await office.add_agent("Ana")
    answer = await office.call("GET", f"/v1/conversations/{conversation}/messages", token)
    first, second = answer.json["items"][-1]["media"]
    assert "twilio" not in answer.text
    assert (first["url"], first["size"]) == ("/v1/messages/t-SM1%3A0/media/0", len(PNG))
    assert (second["url"], second["text"], second["confidence"]) == (None, "oi", 0.5)
    status, _, body = await fetched(office, first["url"], Authorization=f"Bearer {token}")
    assert (status, body) == (200, PNG)


@pytest.mark.parametrize("role", list(Role))
async def test_a_session_opens_files(office: Office, role: Role) -> None:
    """Whoever may read conversations may fetch their files; without a session there is a 401."""
    await keep(office.ponte.media, PNG, "image/png")
    current = await office.waiting()
    row = replace(
        (await office.ponte.store.messages(current.id))[0],
        id="m_files",
        seq=current.last_seq + 1,
        media=(Media("", "image/png", key=KEY, name='a"; filename="x.html'), Media("", "image/png")),
    )
    changed = replace(current, version=current.version + 1, last_seq=row.seq)
    await office.ponte.store.commit(Commit(changed, messages=(row,)))
    _, token = await office.add_agent("Ana", role)
    login = {"Authorization": f"Bearer {token}"}
    path = "/v1/messages/m_files/media/0"
    status, headers, body = await fetched(office, path, **login)
    assert (status, body) == (200, PNG)
    assert headers["Content-Disposition"].count('"') == 2
    assert (await fetched(office, path, method="HEAD", **login))[0] == 200
    assert (await fetched(office, path))[0] == 401
    assert (await fetched(office, path, Authorization="Bearer wrong"))[0] == 401
    for missing in ("m_files/media/1", "m_files/media/2", "nobody/media/0"):
        assert (await fetched(office, f"/v1/messages/{missing}", **login))[0] == 404
    assert (await fetched(office, "/v1/messages/m_files/media/-1", **login))[0] == 422


STORED = StoredMedia("ab" * 32, "image/png", 100, 0)


@pytest.mark.parametrize(
    ("wanted", "status", "start", "end"),
    [
        (None, 200, 0, 100),
        ("bytes=0-", 206, 0, 100),
        ("bytes=0-0", 206, 0, 1),
        ("bytes=90-1000", 206, 90, 100),
        ("bytes=-10", 206, 90, 100),
        ("bytes=-1000", 206, 0, 100),
        ("bytes=-0", 416, 0, 0),
        ("bytes=100-", 416, 0, 0),
        ("bytes=5-4", 200, 0, 100),
        ("bytes=0-1,5-6", 200, 0, 100),
        ("bytes=-", 200, 0, 100),
        ("items=0-1", 200, 0, 100),
        ("bytes=" + "9" * 30 + "-", 200, 0, 100),
    ],
)
def test_the_part_that_is_asked_for(wanted: str | None, status: int, start: int, end: int) -> None:
    """One range is answered in part, an impossible one refused, and what is no range gets the whole."""
    plan = serving(STORED, wanted_range=wanted)
    assert (plan.status, plan.start, plan.end) == (status, start, end)


def test_a_range_of_another_version_gets_the_whole() -> None:
    """If-Range that names another content asks for the whole file."""
    assert serving(STORED, wanted_range="bytes=0-1", if_range='"other"').status == 200
    assert serving(STORED, wanted_range="bytes=0-1", if_range=f'"{STORED.key[:32]}"').status == 206


def test_a_voice_note_keeps_its_type() -> None:
    """Twilio reads the type of a file from our answer: a voice note is Ogg with Opus in it."""
    headers = serving(replace(STORED, content_type=VOICE_NOTE)).headers
    assert headers["Content-Type"] == "audio/ogg; codecs=opus"
    assert headers["Content-Disposition"].startswith("inline;")
    assert ".og" in headers["Content-Disposition"]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/html",
        "image/svg+xml",
        "application/pdf",
        "application/xhtml+xml",
        "text/plain",
        "text/html\r\nX: y",
    ],
)
def test_what_a_browser_could_run_is_a_download(content_type: str) -> None:
    """Only pictures, sound and film are shown in place; a malformed type is not handed on."""
    headers = serving(replace(STORED, content_type=content_type)).headers
    assert headers["Content-Disposition"].startswith("attachment;")
    assert "\r" not in "".join(headers.values())


def test_names_are_only_names() -> None:
    """A file's name loses folders, control characters and marks that turn text around."""
    assert safe_name("../../etc/passwd") == "passwd"
    assert safe_name("C:\\temp\\nota.pdf") == "nota.pdf"
    assert safe_name("fo\u202egnp.exe\r\n") == "fognp.exe"
    assert safe_name("x" * 300 + ".pdf").endswith(".pdf")
    assert len(safe_name("x" * 300 + ".pdf")) == 120
    assert safe_name(None) == safe_name("..") == ""
    disposition = serving(STORED, name="foto da égua.png").headers["Content-Disposition"]
    assert disposition.endswith("filename*=UTF-8''foto%20da%20%C3%A9gua.png")
    assert 'filename="foto da egua.png"' in disposition


def test_a_link_of_one_process_works_in_another() -> None:
    """With the same key, what one process signs another opens; without one, links are its own."""
    one, other = MediaLinks("k" * 32, PUBLIC), MediaLinks("k" * 32, PUBLIC)
    assert other.open(one.url(KEY).rpartition("/")[2]) == KEY
    with pytest.raises(NotFound):
        MediaLinks("", PUBLIC).open(MediaLinks("", PUBLIC).url(KEY).rpartition("/")[2])


async def test_processes_of_one_account_open_each_others_links(tmp_path: Path) -> None:
    """Without a SECRET_KEY, as .env.example has it, the API opens what a worker beside it signs."""

    def settings(n: int, token: str) -> Settings:
        return load_settings(
            twilio_account_sid="AC1", twilio_auth_token=token, data_dir=tmp_path / str(n), base_url=PUBLIC
        )

    async with (
        open_ponte(settings(1, "t1")) as api,
        open_ponte(settings(2, "t1")) as worker,
        open_ponte(settings(3, "t2")) as stranger,
    ):
        token = worker.links.url(KEY).rpartition("/")[2]
        assert api.links.open(token) == KEY
        with pytest.raises(NotFound):
            stranger.links.open(token)
    assert "t1" not in link_key("", "t1")
    assert link_key("k", "t1") == "k"
