"""The prompt files: what is served, what is wrong with the files, and what was served before."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query

from api.context import Caller, CallerDep, PonteDep
from api.documented import errors
from api.schemas import PromptFaultOut, PromptsOut, PromptStatusOut, PromptVersionOut
from api.views import moment
from ponte.domain.agent import Permission
from ponte.domain.prompt_version import PromptStatus
from ponte.errors import Forbidden

# Of a folder that is broken all over, the first faults tell enough.
_FAULTS_SHOWN: Final = 20

router = APIRouter(prefix="/v1", tags=["Prompts"], responses=errors(401, 403, 422, 503))


async def _prompt_reader(caller: CallerDep) -> Caller:
    """Let only those pass who may see the prompt files. Raises Forbidden."""
    if not caller.agent.may(Permission.PROMPTS):
        raise Forbidden(f"The role {caller.agent.role} may not {Permission.PROMPTS}.")
    return caller


@router.get("/prompts")
async def get_prompts(
    _caller: Annotated[Caller, Depends(_prompt_reader)],
    ponte: PonteDep,
    limit: Annotated[int, Query(ge=1, le=200, description="The most versions.")] = 20,
) -> PromptsOut:
    """Show which prompt files are served, why those on the disk are not, and what was served before."""
    status, serving = await ponte.prompts.status(), await ponte.prompts.serving()
    versions = await ponte.prompts.history(limit)
    return PromptsOut(
        status=None if status is None else prompt_status_out(status),
        pinned=serving.pinned,
        changed_at=moment(serving.changed_at) if serving.revision else None,
        changed_by=serving.changed_by or None,
        versions=[
            PromptVersionOut(
                version=one.version, first_served_at=moment(one.first_served_at), files=one.files
            )
            for one in versions
        ],
    )


def prompt_status_out(status: PromptStatus) -> PromptStatusOut:
    """Describe what a process serves."""
    return PromptStatusOut(
        served=status.served,
        files=status.files,
        differs=status.differs,
        rolled_back=status.pinned,
        faults=[
            PromptFaultOut(file=fault.file, line=fault.line, message=fault.message)
            for fault in status.faults[:_FAULTS_SHOWN]
        ],
    )
