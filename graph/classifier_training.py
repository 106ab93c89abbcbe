"""Learning the local judgement from ``prompts/handoff/examples``, with scikit-learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.classifier import Example, HandoffClassifier, Weights
from graph.handoff_features import BLOCKS, CONCEPTS, features
from graph.lexicon_spec import Lexicons
from graph.reading import Reader, vocabulary_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix  # noqa: TC004 - a dataclass leaves its annotations unread

_SEED = 20
_FOLDS = 3
_STRENGTH = 12.0
# The least examples that must have a feature, and what a block of features counts for.
_AT_LEAST = (2, 2, 2)
_SCALES = (1.0, 1.0, 2.2)


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
    import numpy as np  # noqa: PLC0415 - only who trains needs it

    labels = np.array([example.wants_human for example in examples], dtype=np.int8)
    if len(set(labels.tolist())) < 2:  # noqa: PLR2004 - human and bot
        raise ValueError("the examples are of one class; write some of both labels, human and bot")
    reader = reader_of(examples, lexicons)
    table = _tabulated(reader, [example.text for example in examples])
    slope, shift = _calibration(table.matrix, labels)
    coefficients, intercept = _fitted(table.matrix, labels)
    return HandoffClassifier(reader, table.weights(coefficients, intercept, slope, shift))


def reader_of(examples: Sequence[Example], lexicons: Lexicons) -> Reader:
    """Return what reads messages in the examples' languages."""
    return Reader(
        lexicons,
        vocabulary_of((example.lang, example.text) for example in examples),
        vocabulary_of((example.lang, example.text) for example in examples if not example.wants_human),
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """The features that count: their names and values by block, and what each example has of them."""

    names: list[list[str]]
    values: list[list[float]]
    matrix: csr_matrix

    def weights(
        self, coefficients: NDArray[np.float64], intercept: float, slope: float, shift: float
    ) -> Weights:
        learned = coefficients.tolist()
        blocks: list[dict[str, tuple[float, float]]] = []
        begin = 0
        for names, values in zip(self.names, self.values, strict=True):
            own = learned[begin : begin + len(names)]
            blocks.append({n: (v, v * w) for n, v, w in zip(names, values, own, strict=True)})
            begin += len(names)
        return Weights(tuple(blocks), _SCALES, intercept, slope, shift)


def _tabulated(reader: Reader, texts: Sequence[str]) -> _Table:
    import numpy as np  # noqa: PLC0415 - only who trains needs it
    from scipy.sparse import csr_matrix, hstack  # noqa: PLC0415 - as above

    numbers: list[dict[str, int]] = [{} for _ in BLOCKS]
    found: list[list[int]] = [[] for _ in BLOCKS]
    ends: list[list[int]] = [[0] for _ in BLOCKS]
    for text in texts:
        for block, terms in enumerate(features(reader.read(text))):
            known = numbers[block]
            found[block] += [known.setdefault(term, len(known)) for term in terms]
            ends[block].append(len(found[block]))
    names, values, parts = [], [], []
    for block, known in enumerate(numbers):
        part = csr_matrix(
            (np.ones(len(found[block])), found[block], ends[block]), shape=(len(texts), len(known))
        )
        part.sum_duplicates()
        having = np.bincount(part.indices, minlength=len(known))
        kept = np.flatnonzero(having >= _AT_LEAST[block])
        part = part[:, kept]
        # As scikit-learn's TfidfTransformer with smooth_idf and sublinear_tf.
        value = np.ones(len(kept))
        if block != CONCEPTS:
            value += np.log((1 + len(texts)) / (1 + having[kept]))
        part.data = (1 + np.log(part.data)) * value[part.indices]
        squares = np.asarray(part.multiply(part).sum(axis=1)).ravel()
        norms = np.sqrt(np.where(squares > 0, squares, 1.0))
        part.data *= np.repeat(_SCALES[block] / norms, np.diff(part.indptr))
        terms = list(known)
        names.append([terms[i] for i in kept])
        values.append(value.tolist())
        parts.append(part)
    return _Table(names, values, hstack(parts, format="csr"))


def _fitted(matrix: csr_matrix, labels: NDArray[np.int8]) -> tuple[NDArray[np.float64], float]:
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


def _calibration(matrix: csr_matrix, labels: NDArray[np.int8]) -> tuple[float, float]:
    """Return slope and shift of the curve from score to probability; none where there is too little."""
    import numpy as np  # noqa: PLC0415 - only who trains needs it
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.model_selection import StratifiedKFold  # noqa: PLC0415 # type: ignore[import-untyped]

    if min(Counter(labels.tolist()).values()) < _FOLDS:
        return 1.0, 0.0
    scores = np.zeros(len(labels))
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=_SEED)
    for seen, unseen in folds.split(labels, labels):
        coefficients, intercept = _fitted(matrix[seen], labels[seen])
        scores[unseen] = matrix[unseen] @ coefficients + intercept
    curve = LogisticRegression(C=1e3).fit(scores.reshape(-1, 1), labels)
    return float(curve.coef_[0][0]), float(curve.intercept_[0])
