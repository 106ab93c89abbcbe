"""The local judgement: does this message ask for a human? Trained at start from labelled examples.

scikit-learn learns (tf-idf of character and word n-grams, logistic regression). A decision does not
call it: its per-call overhead is around a millisecond, so the learned weights are kept in one table and
a message is scored by adding up the weights of its n-grams. A test holds the two scores equal.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graph.text import fold

_SEED = 20
_LONGEST = 1_600


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled message.

    Args:
        lang: ``pt``, ``es`` or ``en``.
        wants_human: the label.
        kind: what sort of message it is, for evaluation.
        text: what a customer wrote.
    """

    lang: str
    wants_human: bool
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class _Block:
    """One set of n-grams: each term's idf and its idf times its weight."""

    analyze: Callable[[str], list[str]]
    weights: dict[str, tuple[float, float]]

    def score(self, text: str) -> float:
        """Return the dot product of the text's normalised tf-idf vector with the weights."""
        product = square = 0.0
        weights = self.weights
        for term, count in Counter(self.analyze(text)).items():
            found = weights.get(term)
            if found is not None:
                value = (1.0 + math.log(count)) * found[0]
                product += value * found[1]
                square += value * value
        return product / math.sqrt(square) if square else 0.0


@dataclass(frozen=True, slots=True)
class HandoffClassifier:
    """Learned weights. Build one with ``train``."""

    blocks: tuple[_Block, ...]
    intercept: float

    def score(self, text: str) -> float:
        """Return how likely ``text`` asks for a human, 0 to 1; 0.0 for a text without a letter."""
        folded = fold(text[:_LONGEST])
        if not any(c.isalpha() for c in folded):
            return 0.0
        logit = self.intercept + sum(block.score(folded) for block in self.blocks)
        return 1.0 / (1.0 + math.exp(-logit))


def train(examples: Sequence[Example]) -> HandoffClassifier:
    """Learn from ``examples``, the same each time. Takes some 100 ms for a few hundred.

    Raises:
        ValueError: the examples hold only one of the two labels.
    """
    # A second of import time, needed once a process and not by those who only read prompts.
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415 # type: ignore[import-untyped]
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 # type: ignore[import-untyped]

    texts = [fold(example.text) for example in examples]
    labels = [int(example.wants_human) for example in examples]
    vectorizers = [
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2, lowercase=False),
        TfidfVectorizer(
            analyzer="word",
            ngram_range=(1, 3),
            sublinear_tf=True,
            lowercase=False,
            token_pattern=r"[^\W_]+",  # noqa: S106 - a pattern of words
        ),
    ]
    from scipy.sparse import hstack  # noqa: PLC0415 # type: ignore[import-untyped]

    features = hstack([v.fit_transform(texts) for v in vectorizers]).tocsr()
    model = LogisticRegression(C=8.0, class_weight="balanced", max_iter=1_000, random_state=_SEED)
    model.fit(features, labels)
    coefficients = [float(c) for c in model.coef_[0]]
    blocks, start = [], 0
    for vectorizer in vectorizers:
        size = len(vectorizer.vocabulary_)
        weights = {
            term: (float(vectorizer.idf_[i]), coefficients[start + i])
            for term, i in vectorizer.vocabulary_.items()
        }
        blocks.append(_Block(vectorizer.build_analyzer(), weights))
        start += size
    return HandoffClassifier(tuple(blocks), float(model.intercept_[0]))
