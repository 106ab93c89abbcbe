"""The session cookie, and whether a request that changes something came from our own pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from ponte.accounts import SESSION_MS

COOKIE: Final = "ponte_session"
_PATH: Final = "/agent"
# What an agent chose, in this browser; ``static/rail.js`` writes them.
LANGUAGE: Final = "ponte_lang"
THEME: Final = "ponte_theme"
THEMES: Final = ("light", "dark")


def token_of(connection: HTTPConnection) -> str:
    """Return the session token that a request or a socket carries, empty when none."""
    return connection.cookies.get(COOKIE, "")


def theme_of(cookies: Mapping[str, str]) -> str:
    """Return the theme that was chosen, out of ``THEMES``; empty: the browser's wish counts."""
    chosen = cookies.get(THEME, "")
    return chosen if chosen in THEMES else ""


def give(response: Response, token: str, *, secure: bool) -> None:
    """Put the token into the browser: out of scripts' reach, and never sent along from other sites."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=SESSION_MS // 1000,
        path=_PATH,
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def take(response: Response) -> None:
    """Delete the token from the browser."""
    response.delete_cookie(COOKIE, path=_PATH, httponly=True, samesite="lax")


def same_origin(connection: HTTPConnection) -> bool:
    """Tell whether a POST came from a page of this console.

    Browsers send Origin with every POST, and Sec-Fetch-Site where the address is trustworthy; what sends
    neither is no browser and carries no ambient login
    (https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html).
    """
    site = connection.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    origin = connection.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == connection.headers.get("host")


def is_https(connection: HTTPConnection) -> bool:
    """Tell whether the browser speaks TLS, to us or to a proxy before us that does not say so."""
    origin = connection.headers.get("origin", "")
    return connection.url.scheme in {"https", "wss"} or urlsplit(origin).scheme == "https"
