"""One ranking of several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

_PENALTY: Final = 60


def fused(rankings: Iterable[Sequence[str]], limit: int) -> list[str]:
    """Return the best of several rankings by the sum of their reciprocal ranks, the best first.

    Scores of different searches do not compare; ranks do:
    https://plg.uwaterloo.ca/~gvcormac/cormacksigir09-rrf.pdf
    """
    scores: dict[str, float] = {}
    for ranked in rankings:
        for rank, one in enumerate(ranked, start=1):
            scores[one] = scores.get(one, 0.0) + 1 / (_PENALTY + rank)
    return sorted(scores, key=lambda one: -scores[one])[:limit]
