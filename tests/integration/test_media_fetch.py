"""Fetching customers' files: from Twilio and where Twilio points to, and from nowhere else."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import ipaddress
import socket
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from yarl import URL

from ponte.adapters.content_type import content_type_of
from ponte.adapters.media_fetch import (
    FetchLimits,
    IpAddress,
    Origin,
    TwilioMediaFetcher,
    is_public,
    open_media_fetcher,
)
from ponte.adapters.sqlite import FileMedia
from ponte.domain.message import Inbound, Kind, Media, MediaError
from ponte.errors import MediaNotReady
from ponte.media_intake import MediaIntake
from ponte.testing import ManualClock
from tests.conftest import ServeApp

ACCOUNT, SECRET = "AC" + "0" * 32, "a-secret-for-tests"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)
OGG = b"OggS\0\x02" + bytes(22) + b"\x01\x13OpusHead" + bytes(100)
LIMITS = FetchLimits(max_bytes=100_000, total_s=2.0, read_s=0.5)

Handler = Callable[[Request], Awaitable[Response]]


class Site:
    """A server in Twilio's place whose answers the test writes, and what it was asked."""

    def __init__(self) -> None:
        self.handler: Handler = self._nothing
        self.asked: list[tuple[str, str | None]] = []
        self.url = ""
        self.app = Starlette(routes=[Route("/{path:path}", self._answer)])

    async def _answer(self, request: Request) -> Response:
        self.asked.append((request.url.path, request.headers.get("authorization")))
        return await self.handler(request)

    async def _nothing(self, _: Request) -> Response:
        return Response(status_code=404)

    def answers(self, make: Callable[[Request], Response]) -> None:
        """Answer every request so."""

        async def handler(request: Request) -> Response:
            return make(request)

        self.handler = handler


class FakeResolver(AbstractResolver):
    """Gives the addresses that the test lists: one entry a question, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Answer with the next addresses."""
        del family
        self.asked.append(host)
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [
            ResolveResult(hostname=host, host=a, port=port, family=socket.AF_INET, proto=0, flags=0)
            for a in found
        ]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def media_store(tmp_path: Path) -> FileMedia:
    """Return an empty media store."""
    return FileMedia(tmp_path / "data")


@pytest.fixture
async def site(serve_app: ServeApp) -> Site:
    """Return a server in Twilio's place."""
    site = Site()
    site.url = (await serve_app(site.app)).url
    return site


Opener = Callable[..., AbstractAsyncContextManager[TwilioMediaFetcher]]


@pytest.fixture
def opener(media_store: FileMedia, manual_clock: ManualClock, site: Site) -> Opener:
    """Return a function that opens a fetcher for which the site is Twilio."""

    def opened(
        *,
        resolver: AbstractResolver | None = None,
        public: Callable[[IpAddress], bool] = is_public,
        base_url: str | None = None,
    ) -> AbstractAsyncContextManager[TwilioMediaFetcher]:
        return open_media_fetcher(
            media_store,
            manual_clock,
            account_sid=ACCOUNT,
            auth_token=SECRET,
            api_base_url=site.url if base_url is None else base_url,
            limits=LIMITS,
            resolver=resolver or FakeResolver(["127.0.0.1"]),
            public=public,
        )

    return opened


@pytest.fixture
async def fetcher(opener: Opener) -> AsyncIterator[TwilioMediaFetcher]:
    """Return a fetcher for which the site is Twilio, and every name is this machine."""
    async with opener() as opened:
        yield opened


def kept(data_dir: Path) -> list[Path]:
    """Return the files that were stored, in part or whole."""
    return [p for p in (data_dir / "data").rglob("*") if p.is_file() and p.name != "lock"]


async def test_a_file_is_fetched_into_the_store(
    fetcher: TwilioMediaFetcher, site: Site, media_store: FileMedia
) -> None:
    """A file gets its content's hash, size and type, and its bytes are kept."""
    site.answers(lambda _: Response(PNG, media_type="image/png"))
    fetched = await fetcher.fetch(Media(f"{site.url}/f", "image/png", name="foto.png"))
    assert fetched.key == hashlib.sha256(PNG).hexdigest()
    assert (fetched.size, fetched.content_type, fetched.error) == (len(PNG), "image/png", None)
    assert fetched.name == "foto.png"
    assert b"".join([b async for b in media_store.read(fetched.key)]) == PNG


async def test_the_accounts_secret_goes_to_twilio_only(fetcher: TwilioMediaFetcher, site: Site) -> None:
    """The first request carries Basic auth; what it redirects to gets none, not even on the same host."""

    def make(request: Request) -> Response:
        return RedirectResponse("/cdn?sig=a%2Bb") if request.url.path == "/f" else Response(PNG)

    site.answers(make)
    assert (await fetcher.fetch(Media(f"{site.url}/f", "image/png"))).key
    (first, secret), (second, none) = site.asked
    assert (first, second, none) == ("/f", "/cdn", None)
    assert secret is not None
    assert secret.startswith("Basic ")


@pytest.mark.parametrize(
    "address",
    [
        "http://api.twilio.com/f",
        "https://api.twilio.com:8443/f",
        "https://example.com/f",
        "https://api.twilio.com.example.com/f",
        "https://evil-api.twilio.com/f",
        "https://api.twilio.com@example.com/f",
        "https://user:pw@api.twilio.com/f",
        "file:///etc/passwd",
        "ftp://api.twilio.com/f",
        "https://127.0.0.1/f",
        "//api.twilio.com/f",
        "/f",
        "https://",
        "https://[::1",
        "gopher://x",
        "",
    ],
)
async def test_only_twilios_addresses_are_fetched(opener: Opener, address: str) -> None:
    """An address that is not Twilio's own, over HTTPS, is refused without any connection."""
    resolver = FakeResolver(["127.0.0.1"])
    async with opener(resolver=resolver, base_url="") as fetcher:
        assert (await fetcher.fetch(Media(address, "image/png"))).error is MediaError.REFUSED
    assert resolver.asked == []


@pytest.mark.parametrize(
    "target",
    [
        "https://127.0.0.1/f",
        "https://127.1/f",
        "https://2130706433/f",
        "https://0x7f000001/f",
        "https://0x7f.0.0.1/f",
        "https://0177.0.0.1/f",
        "https://017700000001/f",
        "https://0/f",
        "https://[::1]/f",
        "https://[::]/f",
        "https://[::ffff:127.0.0.1]/f",
        "https://[::ffff:7f00:1]/f",
        "https://[::ffff:93.184.216.34]/f",
        "https://[64:ff9b::7f00:1]/f",
        "https://[2002:7f00:1::]/f",
        "https://[fe80::1]/f",
        "https://[fd00::1]/f",
        "https://[ff02::1]/f",
        "https://10.0.0.1/f",
        "https://172.16.0.1/f",
        "https://192.168.0.1/f",
        "https://100.64.0.1/f",
        "https://169.254.169.254/latest/meta-data",
        "https://224.0.0.1/f",
        "https://255.255.255.255/f",
        "https://localhost/f",
        "https://intranet/f",
        "https://127。0。0。1/f",
        "http://files.example.com/f",
        "https://files.example.com:22/f",
        "https://user@files.example.com/f",
        "file:///etc/passwd",
        "ftp://files.example.com/f",
        "data:image/png;base64,AAAA",
        "",
    ],
)
async def test_a_redirect_to_a_place_inside_is_refused(
    fetcher: TwilioMediaFetcher, site: Site, target: str, tmp_path: Path
) -> None:
    """Private, local, mapped and oddly written addresses, other schemes and ports are never connected to."""
    site.answers(lambda _: Response(status_code=302, headers={"Location": target.encode().decode("latin-1")}))
    fetched = await fetcher.fetch(Media(f"{site.url}/f", "image/png"))
    assert (fetched.error, fetched.key) == (MediaError.REFUSED, None)
    assert len(site.asked) == 1
    assert kept(tmp_path) == []


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["169.254.169.254"], ["10.1.2.3"], ["93.184.216.34", "127.0.0.1"], ["::ffff:127.0.0.1"]],
)
async def test_a_name_that_means_a_private_address_is_refused(
    opener: Opener, site: Site, addresses: list[str]
) -> None:
    """A public name is refused when any of its addresses is private, before anything is connected to."""
    resolver = FakeResolver(addresses)
    site.answers(lambda _: RedirectResponse("https://files.example.com/f"))
    async with opener(resolver=resolver) as fetcher:
        assert (await fetcher.fetch(Media(f"{site.url}/f", "image/png"))).error is MediaError.REFUSED
    assert resolver.asked == ["files.example.com"]


async def test_a_name_of_twilios_that_means_a_private_address_is_refused(opener: Opener) -> None:
    """Nor is the first address trusted when its name leads inside."""
    async with opener(resolver=FakeResolver(["192.168.1.1"]), base_url="") as fetcher:
        fetched = await fetcher.fetch(Media("https://api.twilio.com/2010-04-01/f", "image/png"))
    assert fetched.error is MediaError.REFUSED


async def test_a_name_cannot_change_its_address_after_the_check(opener: Opener, site: Site) -> None:
    """DNS rebinding: the name is resolved once, and the address that was checked is the one connected to."""
    allowed = ipaddress.ip_address("127.0.0.1")
    connected: list[str] = []

    def public(address: IpAddress) -> bool:
        connected.append(str(address))
        return address == allowed

    resolver = FakeResolver(["127.0.0.1"], ["127.0.0.66"])
    site.answers(lambda _: RedirectResponse("https://files.example.com/f"))
    async with opener(resolver=resolver, public=public) as fetcher:
        # Nothing serves HTTPS here, so the connection itself fails.
        with pytest.raises(MediaNotReady):
            await fetcher.fetch(Media(f"{site.url}/f", "image/png"))
        assert resolver.asked == ["files.example.com"]
        assert set(connected) == {"127.0.0.1"}
        # The next fetch asks anew, and is refused.
        assert (await fetcher.fetch(Media(f"{site.url}/f", "image/png"))).error is MediaError.REFUSED


async def test_the_stand_in_is_one_server_not_a_host(fetcher: TwilioMediaFetcher, site: Site) -> None:
    """Of this machine, only the port that stands in for Twilio may be fetched from."""
    port = URL(site.url).port or 0
    site.answers(lambda _: RedirectResponse(f"http://127.0.0.1:{port - 1}/f"))
    assert (await fetcher.fetch(Media(f"{site.url}/f", "image/png"))).error is MediaError.REFUSED
    assert (
        await fetcher.fetch(Media(f"https://127.0.0.1:{port}/f", "image/png"))
    ).error is MediaError.REFUSED
    assert Origin.of(URL(site.url)) == Origin.of(URL(f"http://localhost:{port}/x"))


async def test_redirects_come_to_an_end(fetcher: TwilioMediaFetcher, site: Site) -> None:
    """After five redirects the file is refused."""
    site.answers(lambda _: RedirectResponse("/again"))
    assert (await fetcher.fetch(Media(f"{site.url}/f", "image/png"))).error is MediaError.REFUSED
    assert len(site.asked) == 6


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_the_limit_is_not_taken(
    fetcher: TwilioMediaFetcher, site: Site, tmp_path: Path, *, declared: bool
) -> None:
    """Whether its length is declared or not, and without an end even, a body is read to the limit only."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 10_000
            yield bytes(10_000)
            await asyncio.sleep(0)

    headers = {"content-length": "100001"} if declared else {}
    site.answers(
        lambda _: Response(bytes(100_001), headers=headers) if declared else StreamingResponse(endless())
    )
    fetched = await fetcher.fetch(Media(f"{site.url}/f", "image/png"))
    assert (fetched.error, fetched.key) == (MediaError.TOO_LARGE, None)
    assert sent < 10_000_000
    assert kept(tmp_path) == []


async def test_a_packed_body_is_not_unpacked(fetcher: TwilioMediaFetcher, site: Site) -> None:
    """A compressed answer, which nobody asked for, is refused rather than unpacked to any size."""
    body = gzip.compress(bytes(10_000_000))
    site.answers(lambda _: Response(body, headers={"content-encoding": "gzip"}))
    assert (await fetcher.fetch(Media(f"{site.url}/f", "image/png"))).error is MediaError.REFUSED


@pytest.mark.parametrize("pause_s", [0.1, 5.0])
async def test_a_body_that_drips_or_stops_is_given_up(
    fetcher: TwilioMediaFetcher, site: Site, tmp_path: Path, pause_s: float
) -> None:
    """A body that comes byte by byte ends at the total limit, one that stops at the read limit."""

    async def drip() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b"x"
            await asyncio.sleep(pause_s)

    site.answers(lambda _: StreamingResponse(drip()))
    with pytest.raises(MediaNotReady):
        await fetcher.fetch(Media(f"{site.url}/f", "image/png"))
    assert kept(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, MediaError.UNAVAILABLE), (403, MediaError.UNAVAILABLE), (410, MediaError.UNAVAILABLE)],
)
async def test_a_refusal_is_told(
    fetcher: TwilioMediaFetcher, site: Site, status: int, error: MediaError
) -> None:
    """An answer that will not change marks the file as not to be had."""
    site.answers(lambda _: Response(status_code=status))
    assert (await fetcher.fetch(Media(f"{site.url}/f", "image/png"))).error is error


async def test_an_empty_file_is_unreadable(fetcher: TwilioMediaFetcher, site: Site) -> None:
    """A file without a single byte is no file."""
    site.answers(lambda _: Response(b""))
    assert (await fetcher.fetch(Media(f"{site.url}/f", "image/png"))).error is MediaError.UNREADABLE


async def test_a_file_that_is_not_ready_is_waited_for(
    fetcher: TwilioMediaFetcher, site: Site, media_store: FileMedia, manual_clock: ManualClock
) -> None:
    """While Twilio answers 404, 409 or 503, the intake tries three times within a few seconds."""
    statuses = [404, 503, 200]
    site.answers(lambda _: Response(PNG, statuses.pop(0)))
    intake = MediaIntake(fetcher, media_store, manual_clock)
    began = manual_clock.now()
    message = inbound(f"{site.url}/f")
    (fetched,) = await intake.fetch(message)
    assert fetched.key
    assert manual_clock.now() - began == 4_000
    # Run once more, the turn finds what was fetched.
    assert await intake.fetch(message) == (fetched,)
    assert await intake.fetch(replace(message, media=(fetched,))) == (fetched,)
    assert len(site.asked) == 3


async def test_a_file_that_never_comes_does_not_hold_the_turn(
    fetcher: TwilioMediaFetcher, site: Site, media_store: FileMedia, manual_clock: ManualClock
) -> None:
    """After three tries the message goes on, and says that the file is missing; others are not affected."""
    site.answers(lambda request: Response(PNG) if request.url.path == "/good" else Response(status_code=409))
    intake = MediaIntake(fetcher, media_store, manual_clock)
    missing, good = await intake.fetch(inbound(f"{site.url}/bad", f"{site.url}/good"))
    assert (missing.error, missing.key) == (MediaError.UNAVAILABLE, None)
    assert good.key
    assert [path for path, _ in site.asked].count("/bad") == 3


def inbound(*urls: str) -> Inbound:
    """Return a message with files."""
    return Inbound(
        sid="MM" + "0" * 32,
        address="whatsapp:+5511900000001",
        to="whatsapp:+14155238886",
        body="",
        kind=Kind.IMAGE,
        received_at=0,
        media=tuple(Media(url, "image/png") for url in urls),
    )


def archive(*names: str) -> bytes:
    """Return a ZIP archive with these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return packed.getvalue()


OFFICE = "application/vnd.openxmlformats-officedocument."
WORD = OFFICE + "wordprocessingml.document"
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(50)


@pytest.mark.parametrize(
    ("content", "declared", "found"),
    [
        (PNG, "image/png", "image/png"),
        (PNG, "audio/ogg", "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(50), "image/jpg", "image/jpeg"),
        (b"RIFF\x24\0\0\0WEBPVP8 " + bytes(50), "image/jpeg", "image/webp"),
        (OGG, "audio/ogg; codecs=opus", "audio/ogg"),
        (OGG, "image/jpeg", "audio/ogg"),
        (b"#!AMR\n" + bytes(50), "audio/amr", "audio/amr"),
        (b"ID3\x03" + bytes(100), "audio/mpeg", "audio/mpeg"),
        (MP4, "video/mp4", "video/mp4"),
        (MP4, "audio/mp4", "audio/mp4"),
        (MP4, "image/png", "video/mp4"),
        (b"%PDF-1.7\n" + bytes(50), "application/pdf", "application/pdf"),
        (b"\xef\xbb\xbf\r\n%PDF-1.4\n%%EOF\n", "application/pdf", "application/pdf"),
        (b"\x01\x02%PDF-1.4\n" + bytes(50), "image/png", "application/pdf"),
        (b"A PDF begins with %PDF-1.4.", "text/plain", "text/plain"),
        (b"\x01\x02\x03\x9f" * 50, "application/pdf", "application/octet-stream"),
        (b"\x01\x02\x03\x9f" * 50, WORD, "application/octet-stream"),
        (b"\x01\x02\x03\x9f" * 50, "application/vnd.ms-excel", "application/octet-stream"),
        (archive("[Content_Types].xml", "word/document.xml"), WORD, WORD),
        (
            archive("[Content_Types].xml", "xl/workbook.xml"),
            WORD,
            OFFICE + "spreadsheetml.sheet",
        ),
        (archive("a.txt"), WORD, "application/zip"),
        (b"PK\x03\x04 but broken", WORD, "application/octet-stream"),
        ("Olá, mundo".encode(), "text/plain", "text/plain"),
        ("Olá, mundo".encode(), "image/png", "text/plain"),
        (b"BEGIN:VCARD\nVERSION:3.0\nEND:VCARD\n", "text/x-vcard", "text/vcard"),
        (b"<!DOCTYPE html><html><script>alert(1)</script>", "image/png", "text/html"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/png", "image/svg+xml"),
        (b"\x01\x02\x03\x9f" * 50, "image/png", "application/octet-stream"),
        (b"\x01\x02\x03\x9f" * 50, "application/x-own", "application/x-own"),
    ],
)
def test_the_content_says_what_a_file_is(content: bytes, declared: str, found: str) -> None:
    """A file that lies about its type is known by its content."""
    assert content_type_of(io.BytesIO(content), declared) == found
