"""The phone page, its files, and the media it shows."""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, Response
from starlette.routing import Route

from simulator.twilio_rest import media_signature

if TYPE_CHECKING:
    from starlette.requests import Request

    from simulator.network import Network
    from simulator.records import Media

_STATIC = Path(__file__).parent / "static"
_FILES = {
    "phone.css": "text/css",
    "phone.js": "text/javascript",
    "view.js": "text/javascript",
    "texts.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_INLINE = ("image/jpeg", "image/png", "image/webp", "image/gif", "audio/", "video/")
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def chat_routes(network: Network) -> list[Route]:
    """Return the routes of the page at `/`, of its files, and of the media."""

    async def page(_: Request) -> Response:
        return FileResponse(_STATIC / "phone.html", media_type="text/html", headers=_PAGE_HEADERS)

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _FILES:
            return Response(status_code=404)
        return FileResponse(_STATIC / name, media_type=_FILES[name], headers=_PAGE_HEADERS)

    async def shown_media(request: Request) -> Response:
        return _media(network.ledger.media(request.path_params["sid"]))

    async def signed_media(request: Request) -> Response:
        sid = request.path_params["sid"]
        wanted = media_signature(network.config.auth_token, sid)
        if not hmac.compare_digest(request.query_params.get("Signature", "").encode(), wanted.encode()):
            return Response("AccessDenied", 403, media_type="text/plain")
        if "authorization" in request.headers:
            # Twilio's storage refuses a signed address that comes with credentials as well.
            return Response("Only one auth mechanism allowed", 400, media_type="text/plain")
        return _media(network.ledger.media(sid))

    return [
        Route("/", page),
        Route("/static/{name}", file),
        Route("/sim/media/{sid}", shown_media),
        Route("/cdn/{account}/{sid}", signed_media),
    ]


def _media(item: Media | None) -> Response:
    if item is None:
        return Response("There is no such file, or it was forgotten.", 404, media_type="text/plain")
    # A file is the customer's own: it is shown, never run.
    shown = item.content_type.startswith(_INLINE)
    headers = {
        "Content-Disposition": "inline" if shown else "attachment",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, max-age=3600",
    }
    return Response(item.data, media_type=item.content_type, headers=headers)
