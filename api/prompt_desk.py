"""What prompt engineers do over HTTP: versions compared and gone back to, the ledger, the last report."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.context import CallerDep, PonteDep
from api.documented import errors
from api.prompt_schemas import (
    DiffLineOut,
    DiffOut,
    FigureOut,
    FileDiffOut,
    LedgerMarkOut,
    LedgerOut,
    LedgerRowOut,
    RollbackIn,
    ServingOut,
)
from api.views import moment
from ponte.domain.conversation import Trigger
from ponte.domain.decision import DecisionFilter, Mark, Outcome
from ponte.domain.prompt_version import PromptServing
from ponte.errors import NotFound
from ponte.prompt_desk import LedgerRow

router = APIRouter(prefix="/v1/prompts", tags=["Prompts"], responses=errors(400, 401, 403, 422, 503))

_NAME = "A version or its beginning, or `files` for the folder."


@router.get("/diff", responses=errors(404))
async def get_diff(
    caller: CallerDep,
    ponte: PonteDep,
    before: Annotated[str, Query(max_length=64, description=_NAME)],
    after: Annotated[str, Query(max_length=64, description=_NAME)] = "files",
) -> DiffOut:
    """Show what changed between two versions of the prompt files."""
    found = await ponte.prompt_desk.diff(caller.agent, before, after)
    return DiffOut(
        files=[
            FileDiffOut(
                path=one.path,
                state=one.state,
                lines=[DiffLineOut(kind=line.kind.value, text=line.text) for line in one.lines],
                cut=one.cut,
            )
            for one in found
        ]
    )


@router.post("/rollback", responses=errors(404, 409))
async def roll_back(wish: RollbackIn, caller: CallerDep, ponte: PonteDep) -> ServingOut:
    """Serve a version that was served before, whatever the files say. For prompt engineers and admins."""
    return _serving(await ponte.prompt_desk.roll_back(caller.agent, wish.version))


@router.post("/release", responses=errors(409))
async def release(caller: CallerDep, ponte: PonteDep) -> ServingOut:
    """Serve the files again. For prompt engineers and admins."""
    return _serving(await ponte.prompt_desk.release(caller.agent))


@router.get("/report", responses=errors(404))
async def get_report(caller: CallerDep, ponte: PonteDep) -> dict[str, Any]:
    """Give the report of the last `ponte prompts eval` here; see docs/how-to/evaluate-prompts.md."""
    report = await ponte.prompt_desk.report(caller.agent)
    if report is None:
        raise NotFound("There is no report yet. Run `ponte prompts eval` on this machine.")
    return report


@router.get("/ledger")
async def get_ledger(
    caller: CallerDep,
    ponte: PonteDep,
    *,
    outcome: Annotated[Outcome | None, Query(description="Only these.")] = None,
    trigger: Annotated[Trigger | None, Query(description="Only handoffs by this.")] = None,
    version: Annotated[str | None, Query(max_length=64, description="Only of this version.")] = None,
    mark: Annotated[Mark | None, Query(description="Only those of which agents say this.")] = None,
    after: Annotated[str | None, Query(max_length=200, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="The most decisions.")] = 50,
) -> LedgerOut:
    """List the decisions for a human or for the bot, the newest first."""
    wanted = DecisionFilter(outcome, trigger, version or None)
    page = await ponte.prompt_desk.ledger(caller.agent, wanted, mark=mark, after=after or None, limit=limit)
    return LedgerOut(items=[_row(row) for row in page.items], next=page.next)


@router.get(
    "/examples.tsv",
    response_class=Response,
    responses={200: {"description": "A line an example.", "content": {"text/tab-separated-values": {}}}},
)
async def get_examples(caller: CallerDep, ponte: PonteDep) -> Response:
    """Give agents' marks as labelled examples, names and numbers masked. It is audited."""
    return Response(
        await ponte.prompt_desk.examples(caller.agent),
        media_type="text/tab-separated-values; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="ponte-examples.tsv"'},
    )


def _serving(serving: PromptServing) -> ServingOut:
    return ServingOut(served=serving.served, pinned=serving.pinned)


def _row(row: LedgerRow) -> LedgerRowOut:
    one = row.decision
    bounds = dict(one.thresholds)
    return LedgerRowOut(
        id=one.id,
        conversation_id=one.conversation_id,
        at=moment(one.at),
        outcome=one.outcome,
        trigger=one.trigger,
        phrase=one.phrase,
        language=one.language,
        prompt_version=one.prompt_version,
        figures=[FigureOut(name=name, value=value, bound=bounds.get(name)) for name, value in one.scores],
        marks=[
            LedgerMarkOut(agent_id=mark.agent_id, mark=mark.mark, at=moment(mark.at)) for mark in row.marks
        ],
    )
