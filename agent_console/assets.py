"""The console's own scripts and styles, served by the shell under an address that changes with them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER: Final = Path(__file__).with_name("static")
PREFIX: Final = "/agent/assets"


@cache
def base() -> str:
    """Return the address of the folder: its name carries the files' digest, so it may be cached for ever."""
    digest = hashlib.sha256()
    for path in sorted(FOLDER.iterdir()):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return f"{PREFIX}/{digest.hexdigest()[:12]}"


class Assets(StaticFiles):
    """The folder as an ASGI app with long-lived caching."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file with a year of caching; errors are not cached."""
        response = await super().get_response(path, scope)
        if response.status_code == 200:  # noqa: PLR2004 - HTTP's OK
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
