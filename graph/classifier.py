"""The local judgement: does this message ask for a human? Weights, learned from labelled examples.

scikit-learn learns them (``graph.classifier_training``). A decision does not call it: its per-call overhead
is around a millisecond, so the learned weights are kept in tables and a message is scored by adding up the
weights of its features. A test holds the two scores equal.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from graph.handoff_features import CONCEPTS, features
from graph.reading import Reader, Reading

_PART_WORDS = 14
_LONG_WORDS = 22
_PART_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled message.

    Args:
        lang: the locale it is written in.
        wants_human: the label.
        kind: what sort of message it is, for evaluation.
        text: what a customer wrote.
    """

    lang: str
    wants_human: bool
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Weights:
    """What was learned.

    Args:
        blocks: for each block of features: each feature's value (its idf; 1 for a concept) and that value
            times its weight.
        scales: what each block counts for.
        intercept: the score of a message without any feature.
        slope: with ``shift``, turns a score into a probability (Platt).
        shift: see ``slope``.
    """

    blocks: tuple[dict[str, tuple[float, float]], ...]
    scales: tuple[float, ...]
    intercept: float
    slope: float
    shift: float

    def logit(self, reading: Reading) -> float:
        """Return the score of a message; above 0: rather a human."""
        total = self.intercept
        for index, found in enumerate(features(reading)):
            table = self.blocks[index]
            if index == CONCEPTS:
                known = [table[name] for name in found if name in table]
                # By the root of their number, so that a long message is not the louder for it.
                total += sum(v[1] for v in known) * self.scales[index] / math.sqrt(len(known) or 1)
                continue
            product = square = 0.0
            for term, count in Counter(found).items():
                held = table.get(term)
                if held is not None:
                    times = 1.0 + math.log(count) if count > 1 else 1.0
                    product += times * held[1]
                    square += (times * held[0]) ** 2
            if square:
                total += product * self.scales[index] / math.sqrt(square)
        return total


@dataclass(frozen=True, slots=True)
class HandoffClassifier:
    """The judgement. Build one with ``graph.classifier_training.train``."""

    reader: Reader
    weights: Weights

    def score(self, text: str) -> float:
        """Return how likely ``text`` asks for a human, 0 to 1; 0.0 for a text without a word."""
        return self.score_of(self.reader.read(text))

    def score_of(self, reading: Reading) -> float:
        """Return the same for a message that was read already."""
        if not any(c.isalpha() for word in reading.words for c in word):
            return 0.0
        logit = self.weights.logit(reading)
        parts = parts_of(reading)
        if parts:
            # The wish is often one sentence among many.
            best = max(self.weights.logit(part) for part in parts)
            logit += _PART_SHARE * max(0.0, best - logit)
        return 1.0 / (1.0 + math.exp(-(self.weights.slope * logit + self.weights.shift)))


def parts_of(reading: Reading) -> list[Reading]:
    """Return a long message's parts of some sentences' length, overlapping; nothing for a short one."""
    size = len(reading.concepts)
    if size <= _LONG_WORDS:
        return []
    step = _PART_WORDS // 2
    return [reading.part(i, i + _PART_WORDS) for i in range(0, size - step, step)]
