"""The local judgement whether a human is wanted."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from graph.classifier import Example, HandoffClassifier, train
from graph.prompts import PromptSet, load_prompts
from graph.text import fold


@pytest.fixture(scope="module")
def prompts() -> PromptSet:
    """The shipped files."""
    return load_prompts(Path(__file__).parents[2] / "prompts")


@pytest.fixture(scope="module")
def classifier(prompts: PromptSet) -> HandoffClassifier:
    """Trained on the shipped examples."""
    return train(prompts.examples)


@pytest.mark.parametrize(
    "text",
    ["oi", "obrigado", "qual o preço da aula?", "ok", "👍", "hola", "gracias", "hi", "thanks", "1", ""],
)
def test_everyday_messages_do_not_bring_a_human(
    prompts: PromptSet, classifier: HandoffClassifier, text: str
) -> None:
    """Greetings, thanks, prices and emoji stay even below the unsure band."""
    assert classifier.score(text) < prompts.handoff.classifier.unsure


@pytest.mark.parametrize(
    "text",
    ["tem alguém aí pra me atender?", "quiero que me atienda una persona", "can somebody call me please?"],
)
def test_indirect_wishes_are_at_least_unsure(
    prompts: PromptSet, classifier: HandoffClassifier, text: str
) -> None:
    """What no phrase list has still raises the question."""
    assert classifier.score(text) >= prompts.handoff.classifier.unsure


def test_the_score_is_scikit_learns(prompts: PromptSet, classifier: HandoffClassifier) -> None:
    """Adding up the learned weights gives the probability that scikit-learn itself gives."""
    texts = [fold(e.text) for e in prompts.examples]
    vectorizers = [
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2, lowercase=False),
        TfidfVectorizer(ngram_range=(1, 3), sublinear_tf=True, lowercase=False, token_pattern=r"[^\W_]+"),
    ]
    features = hstack([v.fit_transform(texts) for v in vectorizers]).tocsr()
    model = LogisticRegression(C=8.0, class_weight="balanced", max_iter=1_000, random_state=20)
    model.fit(features, [int(e.wants_human) for e in prompts.examples])
    for text in ("quero alguém da recepção", "how much is the trail ride", "me ajuda me ajuda"):
        row = hstack([v.transform([fold(text)]) for v in vectorizers])
        assert math.isclose(classifier.score(text), model.predict_proba(row)[0][1], abs_tol=1e-9)


def test_training_twice_gives_the_same_scores(prompts: PromptSet, classifier: HandoffClassifier) -> None:
    """The same examples teach the same, so a restart changes no decision."""
    again = train(prompts.examples)
    assert again.score("pode me ligar?") == classifier.score("pode me ligar?")


def test_a_decision_takes_less_than_a_millisecond(classifier: HandoffClassifier) -> None:
    """The median decision on a sentence of everyday length stays under 1 ms."""
    times = []
    for _ in range(201):
        begin = time.perf_counter()
        classifier.score("oi, queria saber se vocês têm aula de salto para criança no sábado de manhã")
        times.append(time.perf_counter() - begin)
    assert sorted(times)[100] < 0.001


def test_one_label_alone_cannot_be_learned() -> None:
    """Examples of a single label are refused, not learned as certainty."""
    with pytest.raises(ValueError, match="class"):
        train([Example("en", wants_human=True, kind="x", text=f"text {i}") for i in range(5)])
