"""Fetch the files that customers send, from Twilio, without being led anywhere else.

Twilio answers a MediaUrl with a redirect to its storage
(https://www.twilio.com/docs/messaging/api/media-resource). So the first address must be one of Twilio's, and
carries the account's credentials; each redirect is followed by hand, without them, to public addresses only.
An address is checked where the connection is made, so a name cannot mean another one by then.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO, Final, cast

import aiohttp
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from ponte.adapters.content_type import content_type_of
from ponte.domain.message import Media, MediaError
from ponte.errors import MediaNotReady
from ponte.ports import Clock, MediaStore

log = structlog.get_logger(__name__)

MAX_BYTES: Final = 16 * 1024 * 1024
_MAX_REDIRECTS: Final = 5
_BLOCK: Final = 64 * 1024
_IN_MEMORY: Final = 1024 * 1024
_AT_ONCE: Final = 16
_OK: Final = 200
_SERVER_ERROR: Final = 500
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_NOT_READY: Final = frozenset({404, 408, 409, 425, 429})
# Twilio's API by edge and region, which gets the credentials, and its older addresses of files.
_API_HOST: Final = re.compile(r"api(\.[a-z0-9-]+){0,2}\.twilio\.com")
_FILE_HOSTS: Final = frozenset({"media.twiliocdn.com", "mms.twiliocdn.com"})
_NAME: Final = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: IpAddress) -> bool:
    """Tell whether an address belongs to the open internet, and to no way around that."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address.ipv4_mapped or address.sixtofour or address.teredo or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class Refused(OSError):
    """The address may not be connected to."""


class _Unusable(Exception):
    """The file will not come, and why."""

    def __init__(self, error: MediaError, detail: str) -> None:
        super().__init__(detail)
        self.error = error


class PublicResolver(AbstractResolver):
    """Resolves a name once, and refuses it when any of its addresses is not public.

    Args:
        inner: resolves.
        public: tells whether an address may be connected to.
    """

    def __init__(self, inner: AbstractResolver, public: Callable[[IpAddress], bool] = is_public) -> None:
        self._inner = inner
        self._public = public

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the host's addresses. Raises Refused."""
        found = await self._inner.resolve(host, port, family)
        for item in found:
            _check_address(item["host"], self._public)
        return found

    async def close(self) -> None:
        """Close what resolves."""
        await self._inner.close()


def _check_address(address: str, public: Callable[[IpAddress], bool]) -> None:
    try:
        allowed = public(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        allowed = False
    if not allowed:
        raise Refused("The address is not on the public internet.")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a server."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: URL) -> Origin:
        """Return the origin of an absolute URL; loopback by any name is one host."""
        host = (url.host or "").lower().rstrip(".")
        loopback = host in {"localhost", "127.0.0.1", "::1"}
        return cls(url.scheme, "localhost" if loopback else host, url.port or 0)


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How long and how large.

    Args:
        max_bytes: WhatsApp's largest file is 16 MB.
        total_s: for one file, with all its redirects.
        read_s: without a single byte.
    """

    max_bytes: int = MAX_BYTES
    total_s: float = 20.0
    read_s: float = 6.0


class TwilioMediaFetcher:
    """``ponte.ports.MediaFetcher`` over HTTP.

    Args:
        store: where the files go.
        clock: the time.
        authorization: the header that Twilio's API knows the account by.
        stand_in: another server in Twilio's place, for tests and demos: the only one that need not be public.
        public: the session for addresses on the internet.
        local: the session for ``stand_in``.
        limits: how long and how large.
    """

    def __init__(
        self,
        store: MediaStore,
        clock: Clock,
        *,
        authorization: str,
        stand_in: Origin | None,
        public: aiohttp.ClientSession,
        local: aiohttp.ClientSession,
        limits: FetchLimits,
    ) -> None:
        self._store = store
        self._clock = clock
        self._authorization = {"Authorization": authorization}
        self._stand_in = stand_in
        self._public = public
        self._local = local
        self._limits = limits
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def fetch(self, media: Media) -> Media:
        """Fetch a file into the store, see the port."""
        try:
            async with self._slots, asyncio.timeout(self._limits.total_s):
                return await self._fetch(media)
        except _Unusable as problem:
            log.warning("media_refused", error=problem.error, detail=str(problem))
            return replace(media, error=problem.error)
        except (TimeoutError, aiohttp.ClientError, OSError) as problem:
            if _was_refused(problem):
                log.warning("media_refused", error=MediaError.REFUSED, detail="an address that is not public")
                return replace(media, error=MediaError.REFUSED)
            # Neither the address nor what the server said may reach the log: both hold signatures.
            raise MediaNotReady(f"The file did not come: {type(problem).__name__}.") from problem

    async def _fetch(self, media: Media) -> Media:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
            file = cast("BinaryIO", spool)
            await self._download(media.url, file)
            size = file.tell()
            if not size:
                raise _Unusable(MediaError.UNREADABLE, "the file is empty")
            content_type = await asyncio.to_thread(content_type_of, file, media.content_type)
            file.seek(0)
            stored = await self._store.put(_blocks(file), content_type, self._clock.now())
        return replace(media, content_type=content_type, key=stored.key, size=size, error=None)

    async def _download(self, address: str, file: BinaryIO) -> None:
        url = _parsed(address)
        self._check_first(url)
        headers = self._authorization if self._knows_us(url) else {}
        for _ in range(_MAX_REDIRECTS + 1):
            async with self._get(url, headers) as answer:
                if answer.status not in _REDIRECTS:
                    await self._receive(answer, file)
                    return
                url = _joined(url, answer.headers.get("Location", ""))
            self._check_redirect(url)
            # Whoever we are sent to signed the address itself; our account's secret is for Twilio only.
            headers = {}
        raise _Unusable(MediaError.REFUSED, "too many redirects")

    @asynccontextmanager
    async def _get(self, url: URL, headers: dict[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        session = self._local if self._is_stand_in(url) else self._public
        async with session.get(url, headers=headers, allow_redirects=False) as answer:
            yield answer

    async def _receive(self, answer: aiohttp.ClientResponse, file: BinaryIO) -> None:
        if answer.status in _NOT_READY or answer.status >= _SERVER_ERROR:
            raise MediaNotReady(f"The file is not there yet: status {answer.status}.")
        if answer.status != _OK:
            # Not final: with wrong credentials, say, an operator can mend it. See graph.late_files.
            raise _Unusable(MediaError.UNAVAILABLE, f"status {answer.status}")
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            # Never asked for, and a small body may unpack to any size.
            raise _Unusable(MediaError.REFUSED, "a packed body")
        most = self._limits.max_bytes
        if (answer.content_length or 0) > most:
            raise _Unusable(MediaError.TOO_LARGE, f"over {most} bytes")
        size = 0
        async for block in answer.content.iter_chunked(_BLOCK):
            size += len(block)
            if size > most:
                raise _Unusable(MediaError.TOO_LARGE, f"over {most} bytes")
            file.write(block)

    def _check_first(self, url: URL) -> None:
        """Let only Twilio's own addresses pass."""
        if self._is_stand_in(url):
            return
        host = url.host or ""
        if not (_https(url) and (_API_HOST.fullmatch(host) or host in _FILE_HOSTS)):
            raise _Unusable(MediaError.REFUSED, "not an address of Twilio's")

    def _check_redirect(self, url: URL) -> None:
        """Let only public HTTPS addresses pass. Names are checked once more when they are resolved."""
        if self._is_stand_in(url):
            return
        host = url.host or ""
        if not _https(url):
            raise _Unusable(MediaError.REFUSED, "a redirect to something other than HTTPS")
        if _NAME.fullmatch(host):
            return
        # A literal address is never resolved, so this is its only check; 2130706433 and 0x7f.1 are no
        # canonical addresses and no names.
        try:
            public = is_public(ipaddress.ip_address(host))
        except ValueError:
            public = False
        if not public:
            raise _Unusable(MediaError.REFUSED, "a redirect to an address that is not public")

    def _is_stand_in(self, url: URL) -> bool:
        return self._stand_in is not None and Origin.of(url) == self._stand_in

    def _knows_us(self, url: URL) -> bool:
        return self._is_stand_in(url) or _API_HOST.fullmatch(url.host or "") is not None


def _was_refused(problem: BaseException | None) -> bool:
    """Tell whether a connection failed because its address was refused: aiohttp wraps that error."""
    while problem is not None and not isinstance(problem, Refused):
        problem = problem.__cause__ or problem.__context__
    return problem is not None


def _https(url: URL) -> bool:
    return url.scheme == "https" and url.port == 443  # noqa: PLR2004 - HTTPS's own port


def _parsed(address: str) -> URL:
    try:
        url = URL(address)
        usable = url.absolute and url.scheme in {"http", "https"} and url.host and url.port
    except ValueError:
        raise _Unusable(MediaError.REFUSED, "a malformed address") from None
    if not usable or url.user is not None or url.password is not None:
        raise _Unusable(MediaError.REFUSED, "an address with a login, or not of the web")
    return url


def _joined(url: URL, location: str) -> URL:
    try:
        # Signed addresses must not be written anew, so what is encoded stays as it is.
        target = url.join(URL(location, encoded=True))
    except ValueError:
        raise _Unusable(MediaError.REFUSED, "a malformed redirect") from None
    if not location:
        raise _Unusable(MediaError.REFUSED, "a redirect to nowhere")
    _parsed(str(target))
    return target


async def _blocks(file: BinaryIO) -> AsyncIterator[bytes]:
    while block := await asyncio.to_thread(file.read, _BLOCK * 4):
        yield block


@asynccontextmanager
async def open_media_fetcher(
    store: MediaStore,
    clock: Clock,
    *,
    account_sid: str,
    auth_token: str,
    api_base_url: str = "",
    limits: FetchLimits | None = None,
    resolver: AbstractResolver | None = None,
    public: Callable[[IpAddress], bool] = is_public,
) -> AsyncIterator[TwilioMediaFetcher]:
    """Open a fetcher.

    Args:
        store: where the files go.
        clock: the time.
        account_sid: Twilio's account.
        auth_token: its secret.
        api_base_url: another server in Twilio's place.
        limits: how long and how large; None takes the usual ones.
        resolver: another one than the system's, for tests.
        public: tells whether an address may be connected to; another rule is for tests only.
    """
    limits = limits or FetchLimits()
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=limits.read_s)

    def guarded(info: aiohttp.connector.AddrInfoType) -> socket.socket:
        # The last word: this is the address that is about to be connected to.
        family, kind, proto, _, address = info
        _check_address(str(address[0]), public)
        return socket.socket(family, kind, proto)

    def session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers={"Accept-Encoding": "identity", "User-Agent": "Ponte"},
        )

    login = base64.b64encode(f"{account_sid}:{auth_token}".encode())
    checked = PublicResolver(resolver or aiohttp.ThreadedResolver(), public)
    stand_in = Origin.of(URL(api_base_url)) if api_base_url else None
    async with (
        session(aiohttp.TCPConnector(resolver=checked, use_dns_cache=False, socket_factory=guarded)) as there,
        session(aiohttp.TCPConnector()) as here,
    ):
        yield TwilioMediaFetcher(
            store,
            clock,
            authorization=f"Basic {login.decode()}",
            stand_in=stand_in,
            public=there,
            local=here,
            limits=limits,
        )
