"""Files to take along: the audit log, and what agents marked as examples for prompt engineers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from agent_console.answering import say_of
from agent_console.cookies import same_origin, token_of
from agent_console.office.audit import PATH as AUDIT_PATH
from agent_console.prompting.ledger import PATH as EXAMPLES_PATH
from ponte.bootstrap import Ponte
from ponte.domain.agent import Agent
from ponte.errors import Forbidden, InvalidInput, Unauthenticated
from ponte.office import days_only
from ponte.ports import AuditFilter

# The mark by which spreadsheets know UTF-8.
_BOM: Final = "\ufeff"


class Downloads:
    """The endpoints of files. Each asks who it is and what they may, on its own.

    Args:
        ponte: returns what is open.
    """

    def __init__(self, ponte: Callable[[], Ponte]) -> None:
        self._ponte = ponte

    def routes(self) -> list[Route]:
        """Return the routes, to be matched before the Streamlit mount."""
        return [
            Route(AUDIT_PATH, self.audit, methods=["GET"]),
            Route(EXAMPLES_PATH, self.examples, methods=["GET"]),
        ]

    async def audit(self, request: Request) -> Response:
        """Give the entries of the audit log that pass the filters of the query."""
        query = request.query_params
        wanted = AuditFilter(
            query.get("actor") or None, query.get("action") or None, query.get("conversation") or None
        )
        first, last = _day(query.get("from")), _day(query.get("to"))
        delimiter = "," if say_of(request, self._ponte()).locale == "en" else ";"

        async def work(agent: Agent) -> str:
            ponte = self._ponte()
            dated = days_only(wanted, first, last, (await ponte.reports.policy()).timezone)
            return _BOM + await ponte.office.audit_csv(agent, dated, delimiter=delimiter)

        return await self._file(request, work, "ponte-audit.csv", "text/csv")

    async def examples(self, request: Request) -> Response:
        """Give what agents marked as labelled examples, names and numbers masked."""

        async def work(agent: Agent) -> str:
            return await self._ponte().prompt_desk.examples(agent)

        return await self._file(request, work, "ponte-examples.tsv", "text/tab-separated-values")

    async def _file(
        self, request: Request, work: Callable[[Agent], Awaitable[str]], name: str, media_type: str
    ) -> Response:
        say = say_of(request, self._ponte())
        if not same_origin(request):
            return PlainTextResponse(say("fail.origin"), 403)
        try:
            content = await work(await self._ponte().accounts.who(token_of(request)))
        except Unauthenticated:
            return PlainTextResponse(say("session.ended"), 401)
        except Forbidden:
            return PlainTextResponse(say("fail.role"), 403)
        except InvalidInput:
            return PlainTextResponse(say("fail.input"), 422)
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        return Response(content, media_type=f"{media_type}; charset=utf-8", headers=headers)


def _day(text: str | None) -> date | None:
    """Return a day of an address; what is none bounds nothing."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
