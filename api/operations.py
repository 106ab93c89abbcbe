"""What operators and load balancers ask: is it alive, is it ready, what does it count."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.context import PonteDep, closing_of
from api.prompts import prompt_status_out
from api.schemas import CheckOut, ReadyOut
from ponte.bootstrap import Ponte
from ponte.domain.conversation import Status
from ponte.errors import PonteError, StoreUnavailable

log = structlog.get_logger(__name__)

ReadinessCheck = Callable[[], Awaitable[object]]

_CHECK_S: Final = 5.0
_DEAD_SHOWN: Final = 1_000


def operations_router(readiness: Mapping[str, ReadinessCheck]) -> APIRouter:
    """Build the routes for operators.

    Args:
        readiness: checks by name, besides the store; one fails by raising a PonteError or by taking over 5 s.
    """
    router = APIRouter(tags=["Operations"])

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Tell that the process is alive. It says nothing about the database: see `/readyz`."""
        return {"status": "alive"}

    @router.get(
        "/readyz",
        # A check without a detail does not name one.
        response_model_exclude_unset=True,
        responses={503: {"model": ReadyOut, "description": "A check failed."}},
    )
    async def readyz(request: Request, response: Response, ponte: PonteDep) -> ReadyOut:
        """Tell whether this process can do its work: the database answers, prompt files are served.

        Prompt files that cannot be used are no reason to be unready, since the last good version is served:
        the detail of the check `prompts` names them.
        """
        wanted: dict[str, ReadinessCheck] = {"store": ponte.store.ping, **readiness}
        results = await asyncio.gather(*(_check(name, run) for name, run in wanted.items()))
        checks = dict(zip(wanted, results, strict=True))
        if "prompts" not in checks:
            checks.update(await _prompts(ponte))
        if closing_of(request).is_set():
            checks["running"] = CheckOut(ok=False, error="ShuttingDown")
        ready = all(check.ok for check in checks.values())
        response.status_code = 200 if ready else 503
        return ReadyOut(ready=ready, checks=checks)

    @router.get(
        "/metrics",
        response_class=Response,
        responses={200: {"description": "Prometheus text.", "content": {"text/plain": {}}}},
    )
    async def metrics(ponte: PonteDep) -> Response:
        """Give Prometheus the counts of this process, and how much waits. It holds no personal data."""
        await _refresh(ponte)
        return Response(generate_latest(ponte.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router


async def _check(name: str, run: ReadinessCheck) -> CheckOut:
    try:
        async with asyncio.timeout(_CHECK_S):
            await run()
    except (PonteError, TimeoutError) as error:
        # The address is public, so the reason is for the log only.
        log.warning("not_ready", check=name, error=str(error), kind=type(error).__name__)
        return CheckOut(ok=False, error=type(error).__name__)
    return CheckOut(ok=True, error=None)


async def _prompts(ponte: Ponte) -> dict[str, CheckOut]:
    """Return the check of the prompt files; empty while no process serves any."""
    try:
        async with asyncio.timeout(_CHECK_S):
            status = await ponte.prompts.status()
    except (PonteError, TimeoutError):
        return {}  # the check of the store tells
    if status is None:
        return {}
    return {"prompts": CheckOut(ok=True, error=None, detail=prompt_status_out(status))}


async def _refresh(ponte: Ponte) -> None:
    """Read the gauges anew; where the store does not answer they are NaN rather than old."""
    metrics = ponte.metrics
    waiting = [status for status in Status if status is not Status.RESOLVED]
    try:
        counted = await ponte.store.count_by_status()
        by_status = {status: float(counted.get(status, 0)) for status in waiting}
        outbox = float(await ponte.store.outbox_size())
        dead = float(len(await ponte.store.dead(_DEAD_SHOWN)))
    except StoreUnavailable as error:
        log.warning("gauges_not_read", error=str(error))
        by_status = dict.fromkeys(waiting, math.nan)
        outbox = dead = math.nan
    for status, count in by_status.items():
        metrics.conversations.labels(status).set(count)
    metrics.outbox.set(outbox)
    metrics.dead.set(dead)
