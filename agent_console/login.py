"""The login page: a plain form that works without any script."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import structlog
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from agent_console import assets, cookies
from agent_console.i18n import Catalogue, accepted, catalogue, choose
from ponte.bootstrap import Ponte
from ponte.errors import StoreUnavailable, Throttled, Unauthenticated

log = structlog.get_logger(__name__)

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
_MINUTE_MS: Final = 60_000
_LONGEST: Final = 320
# What a link into the console carries through the login.
_KEPT: Final = ("c", "lang", "p", "s", "tab")


class LoginPages:
    """``GET`` and ``POST /agent/login``, ``POST /agent/logout``.

    Args:
        ponte: returns what is open; called on each request, since it opens with the lifespan.
    """

    def __init__(self, ponte: Callable[[], Ponte]) -> None:
        self._ponte = ponte
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).with_name("templates")),
            autoescape=True,
            undefined=StrictUndefined,
        )

    def routes(self) -> list[Route]:
        """Return the routes, to be matched before the Streamlit mount."""
        return [
            Route("/agent/login", self._show, methods=["GET"]),
            Route("/agent/login", self._log_in, methods=["POST"]),
            Route("/agent/logout", self._log_out, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        try:
            await self._ponte().accounts.who(cookies.token_of(request))
        except (Unauthenticated, StoreUnavailable):
            ended = "ended" in request.query_params
            return self._page(request, error=self._words(request)("session.ended_kept") if ended else "")
        return RedirectResponse(_onwards(request), 303)

    async def _log_in(self, request: Request) -> Response:
        say = self._words(request)
        if not cookies.same_origin(request):
            return self._page(request, error=say("login.error.origin"), status=403)
        async with request.form(max_files=0, max_fields=10) as form:
            email, password = (str(form.get(name, ""))[:_LONGEST] for name in ("email", "password"))
        address = request.client.host if request.client else ""
        try:
            token, agent = await self._ponte().accounts.log_in(email, password, address)
        except Unauthenticated:
            return self._page(request, error=say("login.error.wrong"), status=401, email=email)
        except Throttled as error:
            minutes = -(-error.retry_after_ms // _MINUTE_MS)
            text = say.number("login.error.throttled", minutes)
            page = self._page(request, error=text, status=429, email=email)
            page.headers["Retry-After"] = str(error.retry_after_ms // 1000)
            return page
        except StoreUnavailable:
            return self._page(request, error=say("login.error.unavailable"), status=503, email=email)
        log.info("console_login", agent=agent.id)
        response = RedirectResponse(_onwards(request), 303)
        cookies.give(response, token, secure=cookies.is_https(request))
        return response

    async def _log_out(self, request: Request) -> Response:
        if not cookies.same_origin(request):
            return self._page(request, error=self._words(request)("login.error.origin"), status=403)
        # Whatever the database does: this browser is to be out.
        with suppress(StoreUnavailable):
            await self._ponte().accounts.log_out(cookies.token_of(request))
        response = RedirectResponse("/agent/login", 303)
        cookies.take(response)
        return response

    def _words(self, request: Request) -> Catalogue:
        asked = [request.query_params.get("lang"), request.cookies.get(cookies.LANGUAGE)]
        wishes = [*asked, *accepted(request.headers.get("accept-language", ""))]
        return catalogue(choose(wishes, self._ponte().settings.default_locale))

    def _page(self, request: Request, *, error: str = "", status: int = 200, email: str = "") -> HTMLResponse:
        say = self._words(request)
        html = self._templates.get_template("login.html").render(
            say=say,
            error=error,
            email=email,
            assets=assets.base(),
            action=f"/agent/login{_kept(request)}",
            theme=cookies.theme_of(request.cookies),
        )
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
        return HTMLResponse(html, status, headers=headers)


def _kept(request: Request) -> str:
    kept = {name: request.query_params[name] for name in _KEPT if name in request.query_params}
    return f"?{urlencode(kept)}" if kept else ""


def _onwards(request: Request) -> str:
    return f"/agent{_kept(request)}"
