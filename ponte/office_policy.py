"""What reports and the supervisors' page need of ``prompts/policy.yaml``: time zone, human hours, targets.

The file is checked where it is loaded to be served (``graph.prompt_schema``); here what was served is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog
import yaml

from ponte.domain.office_hours import DAYS, DEFAULT_TIMEZONE, OfficeHours, Span, parse_span
from ponte.errors import NotFound
from ponte.prompt_versions import PromptVersions

log = structlog.get_logger(__name__)

_FILE: Final = "policy.yaml"
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class OfficePolicy:
    """The company's clock.

    Args:
        timezone: in which days and hours are counted.
        hours: when agents are there; None: not known, so all hours count.
        wait_ms: until a conversation is to be taken; None: no target.
        first_reply_ms: until an agent is to have answered, from when one was asked for; None: no target.
    """

    timezone: str = DEFAULT_TIMEZONE
    hours: OfficeHours | None = None
    wait_ms: int | None = 5 * _MINUTE_MS
    first_reply_ms: int | None = 10 * _MINUTE_MS

    def due(self, asked_at: int, target_ms: int | None) -> int | None:
        """Return when a target is missed, ms UTC; None without one. The clock stops outside human hours."""
        if target_ms is None:
            return None
        return asked_at + target_ms if self.hours is None else self.hours.after(asked_at, target_ms)


class OfficePolicies:
    """Finds the policy of the prompt files that are served; of any version it is read once.

    Args:
        prompts: what is served.
    """

    def __init__(self, prompts: PromptVersions) -> None:
        self._prompts = prompts
        self._known: tuple[str, OfficePolicy] | None = None

    async def current(self) -> OfficePolicy:
        """Return the policy that holds now; the default one before any prompt files were served."""
        version = (await self._prompts.serving()).served
        if version is None:
            return OfficePolicy()
        if self._known is None or self._known[0] != version:
            self._known = (version, await self._read(version))
        return self._known[1]

    async def _read(self, version: str) -> OfficePolicy:
        try:
            return policy_from((await self._prompts.files(version))[_FILE])
        except (NotFound, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
            log.warning("office_policy_unreadable", version=version, error=type(error).__name__)
            return OfficePolicy()


def policy_from(content: bytes) -> OfficePolicy:
    """Return the policy that a ``policy.yaml`` states.

    Raises:
        KeyError, TypeError, ValueError: it is none.
        yaml.YAMLError: it is no YAML.
    """
    plain = yaml.safe_load(content)
    if not isinstance(plain, dict):
        raise TypeError(f"{_FILE} is not a list of settings")
    default, hours, sla = OfficePolicy(), plain.get("human_hours"), plain.get("sla") or {}
    timezone = str((hours or {}).get("timezone") or plain.get("timezone") or default.timezone)
    return OfficePolicy(
        timezone=timezone,
        hours=OfficeHours(timezone, _week(hours["week"])) if hours else None,
        wait_ms=_target(sla, "wait_minutes", default.wait_ms),
        first_reply_ms=_target(sla, "first_reply_minutes", default.first_reply_ms),
    )


def _week(given: dict[str, str]) -> tuple[Span | None, ...]:
    return tuple(parse_span(given[day]) if day in given else None for day in DAYS)


def _target(sla: dict[str, int | None], name: str, default: int | None) -> int | None:
    if name not in sla:
        return default
    minutes = sla[name]
    return None if minutes is None else minutes * _MINUTE_MS
