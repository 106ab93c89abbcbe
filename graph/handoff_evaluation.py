"""Measuring the detection of handoff wishes on labelled messages, with the cascade that runs."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import structlog

from graph.context import ModelFailed
from graph.detection import Detection, Detector
from graph.dictating import outweighs
from graph.handoff_rows import Row
from graph.prompt_schema import Band
from ponte.locales import LOCALES

log = structlog.get_logger(__name__)

Judge = Callable[[str], Awaitable[float]]
Plain = dict[str, object]

THRESHOLDS = tuple(step / 20 for step in range(1, 20))
_AT_ONCE = 8
_SLOW = 0.99


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was decided on one message.

    Args:
        row: the message.
        human: the decision.
        score: how likely a human is wanted, 0 to 1.
        trigger: what decided: ``keyword``, ``classifier`` or ``model``.
        local: what was decided without a model.
        ms: how long the local decision took.
        topic: of ``handoff/policy.yaml``, which brings a human in whatever was decided; None: it has none.
        foreign: the language, where the bot does not speak it; likewise.
    """

    row: Row
    human: bool
    score: float
    trigger: str
    local: Detection
    ms: float
    topic: str | None = None
    foreign: str | None = None


@dataclass(frozen=True, slots=True)
class Confusion:
    """How many messages were decided how.

    Args:
        tp: wanted a human, and got one.
        fp: wanted none, and got one.
        fn: wanted a human, and got none.
        tn: wanted none, and got none.
    """

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def precision(self) -> float | None:
        """Of those who got a human, the share that wanted one; None where nobody got one."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else None

    @property
    def recall(self) -> float | None:
        """Of those who wanted a human, the share that got one; None where nobody wanted one."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall; None where both mean nothing."""
        return 2 * self.tp / (2 * self.tp + self.fp + self.fn) if self.tp + self.fp + self.fn else None

    @property
    def n(self) -> int:
        """The messages."""
        return self.tp + self.fp + self.fn + self.tn

    def figures(self) -> Plain:
        """Return precision, recall, F1, and how many messages there are."""
        return {
            "precision": _rounded(self.precision),
            "recall": _rounded(self.recall),
            "f1": _rounded(self.f1),
            "n": self.n,
        }

    def counts(self) -> Plain:
        """Return the confusion matrix."""
        return {"tp": self.tp, "fp": self.fp, "fn": self.fn, "tn": self.tn}


def confusion(pairs: Iterable[tuple[bool, bool]]) -> Confusion:
    """Count pairs of label and decision."""
    given = list(pairs)
    return Confusion(
        tp=given.count((True, True)),
        fp=given.count((False, True)),
        fn=given.count((True, False)),
        tn=given.count((False, False)),
    )


async def evaluate(
    rows: Sequence[Row], detector: Detector, band: Band, judge: Judge | None
) -> list[Prediction]:
    """Decide on each message, in order.

    Args:
        rows: the messages.
        detector: the cascade's local part.
        band: the thresholds.
        judge: asks the model about a text, and returns how sure it is, 0 to 1; None: none is asked.
    """
    gate = asyncio.Semaphore(_AT_ONCE)
    local = [_locally(row, detector, band) for row in rows]
    if judge is None:
        return local
    return list(await asyncio.gather(*(_judged(one, band, judge, gate) for one in local)))


def report(predictions: Sequence[Prediction]) -> Plain:
    """Return everything that was measured, as ``--json`` prints it."""
    languages = _grouped(predictions, lambda p: p.row.lang)
    kinds = _grouped(predictions, lambda p: p.row.kind)
    return {
        "languages": {lang: _told(own).figures() for lang, own in languages.items()},
        "kinds": {
            kind: {**_told(own).figures(), **_told(own).counts(), "accuracy": _accuracy(own)}
            for kind, own in kinds.items()
        },
        "confusion": {lang: _told(own).counts() for lang, own in languages.items()},
        "sweep": {lang: _sweep(own) for lang, own in languages.items()},
        "time": _times(predictions),
        "beside": _beside(predictions),
        "predictions": [_prediction(p) for p in predictions],
    }


def _locally(row: Row, detector: Detector, band: Band) -> Prediction:
    begin = time.perf_counter()
    found = detector.decide(row.text, band, _locale(row.lang))
    ms = (time.perf_counter() - begin) * 1000
    return Prediction(row, found.human, found.score, found.trigger, found, ms)


def _locale(lang: str) -> str | None:
    """Return the locale that a row's language is, however the file spells it."""
    return next((locale for locale in LOCALES if locale[:2] == lang.casefold()[:2]), None)


async def _judged(local: Prediction, band: Band, judge: Judge, gate: asyncio.Semaphore) -> Prediction:
    if not local.local.unsure:
        return local
    async with gate:
        try:
            sure = await judge(local.row.text)
        except ModelFailed as failure:
            log.warning("judge_failed", row=local.row.number, reason=str(failure))
            return local
    if not outweighs(sure, band.judge, local.row.text):
        return local
    return replace(local, human=sure >= band.judge, score=sure, trigger="model")


def _grouped(
    predictions: Sequence[Prediction], key: Callable[[Prediction], str]
) -> dict[str, list[Prediction]]:
    found: dict[str, list[Prediction]] = {}
    for one in predictions:
        found.setdefault(key(one), []).append(one)
    return found


def _told(predictions: Iterable[Prediction]) -> Confusion:
    return confusion((p.row.wants_human, p.human) for p in predictions)


def _accuracy(predictions: Sequence[Prediction]) -> float:
    return round(sum(p.human == p.row.wants_human for p in predictions) / len(predictions), 4)


def _sweep(predictions: Sequence[Prediction]) -> list[Plain]:
    """Return the local figures at each threshold; what a phrase decided stays decided."""
    return [
        {
            "threshold": threshold,
            **confusion((p.row.wants_human, p.local.score >= threshold) for p in predictions).figures(),
        }
        for threshold in THRESHOLDS
    ]


def _times(predictions: Sequence[Prediction]) -> Plain:
    times = sorted(p.ms for p in predictions)
    return {
        "median_ms": round(times[(len(times) - 1) // 2], 4),
        "p99_ms": round(times[math.ceil(len(times) * _SLOW) - 1], 4),
    }


def _beside(predictions: Sequence[Prediction]) -> Plain:
    """Count the messages left to the bot that another trigger hands over; a foreign language goes first."""
    left = [p for p in predictions if not p.human]
    foreign = sum(p.foreign is not None for p in left)
    return {"topic": sum(p.foreign is None and p.topic is not None for p in left), "language": foreign}


def _prediction(one: Prediction) -> Plain:
    return {
        "row": one.row.number,
        "lang": one.row.lang,
        "label": _label(human=one.row.wants_human),
        "kind": one.row.kind,
        "text": one.row.text,
        "predicted": _label(human=one.human),
        "score": round(one.score, 4),
        "trigger": one.trigger,
        "topic": one.topic,
        "foreign": one.foreign,
    }


def _label(*, human: bool) -> str:
    return "human" if human else "bot"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
