"""``ponte prompts canary``: a version on trial with some of the new conversations."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from ponte.bootstrap import Ponte
from ponte.canary import LEAD_MS, MOST, Canaries, CanaryFigures
from ponte.cli.prompts_sources import source_of
from ponte.cli.session import with_ponte
from ponte.domain.canary import CanaryBounds, VersionFigures, bounds_from
from ponte.domain.prompt_version import CanaryEnd, EndedCanary, PromptCanary, PromptServing
from ponte.errors import InvalidInput

_STATUS: Final = "status"
_PROMOTE: Final = "promote"
_STOP: Final = "stop"
_ENDED: Final = {
    CanaryEnd.STOPPED: "was stopped",
    CanaryEnd.PROMOTED: "was promoted",
    CanaryEnd.ROLLED_BACK: "was rolled back by itself",
}


def register(app: typer.Typer) -> None:
    """Add this command to ``app``."""
    app.command()(canary)


def canary(  # noqa: PLR0917 - the options of a command line
    what: Annotated[
        str,
        typer.Argument(
            metavar="V|status|promote|stop",
            help="The version to try or its beginning, a folder, or `files`; or what to do with the trial.",
        ),
    ] = _STATUS,
    percent: Annotated[
        float | None,
        typer.Option(help="Of new conversations; those that have the version keep it.", min=0, max=100),
    ] = None,
    max_handoff_rise: Annotated[
        float | None,
        typer.Option(
            help="Points that the handoff rate may be above the other versions'; 10 by default.", min=0
        ),
    ] = None,
    max_failures: Annotated[
        float | None, typer.Option(help="Percent of turns that may fail; 5 by default.", min=0, max=100)
    ] = None,
    min_conversations: Annotated[
        int | None, typer.Option(help="Of each side, before the bounds count; 30 by default.", min=1)
    ] = None,
    as_json: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--json", help="Print the status as one JSON object.")
    ] = False,
) -> None:
    """Try a version with some of the new conversations; see how it does, promote it or stop.

    A conversation keeps its version for its life. The trial ends by itself, and everybody gets the version
    served before, once it is past a bound: a worker looks every 30 seconds.
    """
    bounds = _bounds(max_handoff_rise, max_failures, min_conversations)

    async def act(ponte: Ponte) -> None:
        canaries = Canaries(ponte.store, ponte.prompts, ponte.clock)
        if what in {_STATUS, _PROMOTE, _STOP}:
            if percent is not None or bounds:
                raise InvalidInput(
                    f"`canary {what}` takes no percentage and no bounds; name a version for them."
                )
            if what == _PROMOTE:
                print(_promoted(await canaries.promote()))
            elif what == _STOP:
                print(_told(await canaries.stop()))
            else:
                await _status(ponte, canaries, as_json=as_json)
            return
        await _start(ponte, canaries, what, percent, bounds)

    with_ponte(act)


def _bounds(rise: float | None, failures: float | None, conversations: int | None) -> dict[str, float]:
    given = {"handoff_rise": rise, "failure_rate": failures, "conversations": conversations}
    return {name: value for name, value in given.items() if value is not None}


async def _start(
    ponte: Ponte, canaries: Canaries, what: str, percent: float | None, given: dict[str, float]
) -> None:
    source = await source_of(ponte, what)
    before = (await ponte.prompts.serving()).canary
    running = before if before is not None and before.version == source.version else None
    if percent is None and running is None:
        raise InvalidInput("Say how many of the new conversations: --percent 10.")
    bounds = bounds_from((*(running.bounds if running else CanaryBounds().as_pairs()), *given.items()))
    share = percent if percent is not None else running.percent if running else 0.0
    # It is served from the trial's first conversation on, and that is what the history tells.
    await ponte.prompts.keep(source.version, source.files, ponte.clock.now() + LEAD_MS)
    begun = await canaries.start(source.version, share, bounds)
    if running is not None:
        print(f"Version {begun.version} gets {share:g} % of new conversations from now on.")
    else:
        print(
            f"Version {begun.version} is tried with {share:g} % of the conversations that begin in "
            f"{LEAD_MS // 1000} seconds or later."
        )
    print(_limits(begun))


async def _status(ponte: Ponte, canaries: Canaries, *, as_json: bool) -> None:
    serving = await ponte.prompts.serving()
    figures = await canaries.figures(serving.canary) if serving.canary is not None else None
    if as_json:
        print(json.dumps(_as_json(serving, figures), ensure_ascii=False, indent=2))
        return
    if serving.canary is not None and figures is not None:
        print("\n".join(_table(serving.canary, serving.served, figures)))
    else:
        print("Nothing is on trial.")
    if serving.ended is not None:
        print(_told(serving.ended))


def _table(trial: PromptCanary, served: str | None, figures: CanaryFigures) -> list[str]:
    """Return the trial and what each version did, one a line."""
    since = _moment(trial.started_at)
    heads = f"{'conversations':>14}{'handoffs':>10}{'turns':>8}{'failures':>10}{'not needed':>12}{'late':>6}"
    lines = [
        f"Version {trial.version} has {trial.percent:g} % of the conversations since {since} UTC.",
        f"  {'version':14}{heads}  CSAT (n)",
    ]
    names = dict.fromkeys([trial.version, *([served] if served else []), *sorted(figures.versions)])
    for name in names:
        marks = [*(["on trial"] if name == trial.version else []), *(["served"] if name == served else [])]
        lines.append(_row(name, figures.of(name), ", ".join(marks)))
    others = figures.others(trial.version)
    if len(names) > 2:  # noqa: PLR2004 - the trial and one other
        lines.append(_row("all others", others, ""))
    if not figures.complete:
        lines.append(f"Only the first {MOST} conversations are counted.")
    return [*lines, _limits(trial)]


def _row(name: str, one: VersionFigures, marks: str) -> str:
    csat = "-" if one.csat is None else f"{one.csat:.1f} ({one.csat_count})"
    return (
        f"  {name:14}{one.conversations:>14}{_percent(one.handoff_rate):>10}{one.turns:>8}"
        f"{_percent(one.failure_rate):>10}{one.not_needed:>12}{one.late:>6}  {csat:9} {marks}"
    ).rstrip()


def _limits(trial: PromptCanary) -> str:
    bounds = bounds_from(trial.bounds)
    return (
        f"It ends by itself when its handoff rate is more than {bounds.handoff_rise:g} points above the "
        f"others' ({bounds.conversations} conversations each at least), or when more than "
        f"{bounds.failure_rate:g} % of its turns fail (of {bounds.conversations} at least)."
    )


def _told(ended: EndedCanary) -> str:
    said = f"The trial of version {ended.version} {_ENDED[ended.how]} at {_moment(ended.ended_at)} UTC"
    return f"{said}: {ended.why}" if ended.why else f"{said}."


def _promoted(ended: EndedCanary) -> str:
    return (
        f"Version {ended.version} is served to everybody, from the next message on.\n"
        "It is served whatever the files say. Copy it to the folder, then `ponte prompts rollback files` "
        "serves the folder again, with its edits."
    )


def _as_json(serving: PromptServing, figures: CanaryFigures | None) -> dict[str, object]:
    trial, ended = serving.canary, serving.ended
    return {
        "served": serving.served,
        "canary": None
        if trial is None
        else {
            "version": trial.version,
            "percent": trial.percent,
            "started_at": trial.started_at,
            "bounds": dict(bounds_from(trial.bounds).as_pairs()),
        },
        "versions": {}
        if figures is None
        else {name: _figures(one) for name, one in sorted(figures.versions.items())},
        "others": None if trial is None or figures is None else _figures(figures.others(trial.version)),
        "complete": figures is None or figures.complete,
        "ended": None
        if ended is None
        else {
            "version": ended.version,
            "percent": ended.percent,
            "started_at": ended.started_at,
            "ended_at": ended.ended_at,
            "how": ended.how.value,
            "why": ended.why,
            "by": ended.by,
        },
    }


def _figures(one: VersionFigures) -> dict[str, object]:
    return {
        "conversations": one.conversations,
        "handed_over": one.handed_over,
        "handoff_rate": one.handoff_rate,
        "turns": one.turns,
        "failures": one.failures,
        "failure_rate": one.failure_rate,
        "marks": {"not_needed": one.not_needed, "late": one.late},
        "csat": {"mean": one.csat, "n": one.csat_count},
    }


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1f} %"


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
