"""Learning the local judgement from ``prompts/handoff/examples``, with scikit-learn."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from graph.classifier import Example, HandoffClassifier, Weights
from graph.handoff_features import CONCEPTS, features
from graph.lexicon_spec import Lexicons
from graph.reading import Reader, vocabulary_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

_SEED = 20
_FOLDS = 4
_STRENGTH = 12.0
# The least examples that must have a feature, and what a block of features counts for.
_AT_LEAST = (2, 1, 2)
_SCALES = (1.0, 1.0, 1.5)

Counts = tuple[Counter[str], Counter[str], Counter[str]]


def train(examples: Sequence[Example], lexicons: Lexicons) -> HandoffClassifier:
    """Learn from ``examples``, the same each time.

    The score is calibrated: a logistic curve (Platt) is laid through the scores that each example gets
    from a judgement that has not seen it.

    Args:
        examples: labelled messages.
        lexicons: what words mean.

    Raises:
        ValueError: the examples hold only one of the two labels.
    """
    labels = [int(example.wants_human) for example in examples]
    if len(set(labels)) < 2:  # noqa: PLR2004 - human and bot
        raise ValueError("the examples are of one class; write some of both labels, human and bot")
    reader = reader_of(examples, lexicons)
    counts = [_counted(reader, example.text) for example in examples]
    table = _Table(counts)
    matrix = table.matrix(counts)
    slope, shift = _calibration(matrix, labels)
    coefficients, intercept = _fitted(matrix, labels)
    return HandoffClassifier(reader, table.weights(coefficients, intercept, slope, shift))


def reader_of(examples: Sequence[Example], lexicons: Lexicons) -> Reader:
    """Return what reads messages in the examples' languages."""
    return Reader(
        lexicons,
        vocabulary_of((example.lang, example.text) for example in examples),
        vocabulary_of((example.lang, example.text) for example in examples if not example.wants_human),
    )


def _counted(reader: Reader, text: str) -> Counts:
    letters, words, concepts = features(reader.read(text))
    return Counter(letters), Counter(words), Counter(concepts)


class _Table:
    """The features that count, and their columns."""

    def __init__(self, counts: Sequence[Counts]) -> None:
        self.columns: list[dict[str, int]] = []
        self.idf: list[dict[str, float]] = []
        begin = 0
        for block, least in enumerate(_AT_LEAST):
            having = Counter(term for one in counts for term in one[block])
            kept = sorted(term for term, n in having.items() if n >= least)
            self.columns.append({term: begin + i for i, term in enumerate(kept)})
            # As scikit-learn's TfidfTransformer with smooth_idf.
            self.idf.append(
                {
                    t: 1.0 if block == CONCEPTS else math.log((1 + len(counts)) / (1 + having[t])) + 1
                    for t in kept
                }
            )
            begin += len(kept)
        self.width = begin

    def matrix(self, counts: Sequence[Counts]) -> csr_matrix:
        from scipy.sparse import csr_matrix  # noqa: PLC0415 - only who trains needs it

        values: list[float] = []
        indices: list[int] = []
        ends = [0]
        for one in counts:
            for block, counter in enumerate(one):
                columns, idf = self.columns[block], self.idf[block]
                row = [
                    (columns[t], idf[t] if n == 1 else (1 + math.log(n)) * idf[t])
                    for t, n in counter.items()
                    if t in columns
                ]
                norm = math.sqrt(sum(value * value for _, value in row)) or 1.0
                indices += [column for column, _ in row]
                values += [value * _SCALES[block] / norm for _, value in row]
            ends.append(len(indices))
        return csr_matrix((values, indices, ends), shape=(len(counts), self.width))

    def weights(
        self, coefficients: NDArray[np.float64], intercept: float, slope: float, shift: float
    ) -> Weights:
        blocks = tuple(
            {
                term: (self.idf[block][term], self.idf[block][term] * float(coefficients[column]))
                for term, column in columns.items()
            }
            for block, columns in enumerate(self.columns)
        )
        return Weights(blocks, _SCALES, intercept, slope, shift)


def _fitted(matrix: csr_matrix, labels: Sequence[int]) -> tuple[NDArray[np.float64], float]:
    # A second of import time, needed once a process at most.
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 # type: ignore[import-untyped]
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # noqa: PLC0415 - as above

    model = LogisticRegression(
        C=_STRENGTH, class_weight="balanced", solver="liblinear", tol=1e-3, random_state=_SEED
    )
    # Many short steps: several threads would wait for each other for ten times as long.
    with threadpool_limits(1):
        model.fit(matrix, labels)
    return model.coef_[0], float(model.intercept_[0])


def _calibration(matrix: csr_matrix, labels: Sequence[int]) -> tuple[float, float]:
    """Return slope and shift of the curve from score to probability; none where there is too little."""
    import numpy as np  # noqa: PLC0415 - only who trains needs it
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.model_selection import StratifiedKFold  # noqa: PLC0415 # type: ignore[import-untyped]

    if min(Counter(labels).values()) < _FOLDS:
        return 1.0, 0.0
    given = np.asarray(labels)
    scores = np.zeros(len(given))
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=_SEED)
    for seen, unseen in folds.split(given, given):
        coefficients, intercept = _fitted(matrix[seen], given[seen])
        scores[unseen] = matrix[unseen] @ coefficients + intercept
    curve = LogisticRegression(C=1e3).fit(scores.reshape(-1, 1), given)
    return float(curve.coef_[0][0]), float(curve.intercept_[0])
