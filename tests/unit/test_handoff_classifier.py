"""The local judgement whether a human is wanted."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from graph.classifier import Example, HandoffClassifier, parts_of
from graph.classifier_cache import trained
from graph.classifier_training import train
from graph.handoff_features import BLOCKS, features
from graph.prompts import PromptSet, load_prompts


@pytest.fixture(scope="module")
def prompts() -> PromptSet:
    """The shipped files."""
    return load_prompts(Path(__file__).parents[2] / "prompts")


@pytest.fixture(scope="module")
def classifier(prompts: PromptSet) -> HandoffClassifier:
    """Trained on the shipped examples."""
    return trained(prompts.examples, prompts.lexicons, None)


@pytest.fixture(scope="module")
def few(prompts: PromptSet) -> tuple[Example, ...]:
    """Some of the shipped examples, of all kinds: quickly learned."""
    return prompts.examples[::8]


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


def test_the_score_is_scikit_learns(prompts: PromptSet, few: tuple[Example, ...]) -> None:
    """Adding up the learned weights gives the probability that scikit-learn itself gives."""
    learned = train(few, prompts.lexicons)
    columns = [{term: i for i, term in enumerate(block)} for block in learned.weights.blocks]

    def row(text: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        parts = []
        for block, found in enumerate(features(learned.reader.read(text))):
            part = np.zeros(len(columns[block]))
            for term in set(found) & set(columns[block]):
                part[columns[block][term]] = (1 + math.log(found.count(term))) * learned.weights.blocks[
                    block
                ][term][0]
            parts.append(part * learned.weights.scales[block] / (np.linalg.norm(part) or 1.0))
        return np.concatenate(parts)

    model = LogisticRegression(
        C=12.0, class_weight="balanced", solver="liblinear", tol=1e-3, random_state=20
    ).fit(np.array([row(e.text) for e in few]), [int(e.wants_human) for e in few])
    for text in ("quero alguém da recepção", "how much is the trail ride", "me ajuda me ajuda"):
        expected = float(model.decision_function([row(text)])[0])
        assert math.isclose(learned.weights.logit(learned.reader.read(text)), expected, abs_tol=0.02)


def test_training_twice_gives_the_same_scores(prompts: PromptSet, few: tuple[Example, ...]) -> None:
    """The same examples teach the same, so a restart changes no decision."""
    assert train(few, prompts.lexicons).weights == train(few, prompts.lexicons).weights


def test_the_scores_are_calibrated(prompts: PromptSet, few: tuple[Example, ...]) -> None:
    """Of unseen messages, those that score high want a human as often as the score says, roughly."""
    learned = train(few, prompts.lexicons)
    unseen = [e for i, e in enumerate(prompts.examples) if i % 8 and i % 3 == 0]
    sure = [e.wants_human for e in unseen if learned.score(e.text) >= 0.9]
    unsure = [e.wants_human for e in unseen if 0.35 <= learned.score(e.text) < 0.65]
    assert sum(sure) / len(sure) > 0.8
    assert 0.25 < sum(unsure) / len(unsure) < 0.75


def test_a_decision_takes_less_than_a_millisecond(classifier: HandoffClassifier) -> None:
    """The median decision on a sentence of everyday length stays under 1 ms."""
    times = []
    for _ in range(201):
        begin = time.perf_counter()
        classifier.score("oi, queria saber se vocês têm aula de salto para criança no sábado de manhã")
        times.append(time.perf_counter() - begin)
    assert sorted(times)[100] < 0.001


def test_a_long_message_is_looked_at_in_parts(classifier: HandoffClassifier) -> None:
    """A wish in the middle of a long voice note counts more than it would in the whole alone."""
    chatter = "então eu fui na aula de sábado e o tempo estava bom e o cavalo é lindo e a turma é ótima "
    text = f"{chatter}me passa pra um atendente por favor {chatter}"
    reading = classifier.reader.read(text)
    assert parts_of(reading)
    assert not parts_of(classifier.reader.read("quero um atendente"))
    assert classifier.score(text) > classifier.score(chatter + chatter)


def test_one_label_alone_cannot_be_learned(prompts: PromptSet) -> None:
    """Examples of a single label are refused, not learned as certainty."""
    with pytest.raises(ValueError, match="class"):
        train(
            [Example("en", wants_human=True, kind="x", text=f"text {i}") for i in range(5)], prompts.lexicons
        )


def test_what_was_learned_is_kept(prompts: PromptSet, tmp_path: Path) -> None:
    """A second start reads the file; other examples have another; a broken one is learned anew."""
    from graph import classifier_cache  # noqa: PLC0415 - its memory of the process is emptied here

    examples = prompts.examples[::9]
    first = trained(examples, prompts.lexicons, tmp_path)
    (file,) = tmp_path.glob("handoff-*.json")
    classifier_cache.forget()
    assert trained(examples, prompts.lexicons, tmp_path).weights == first.weights
    file.write_text("{", "utf-8")
    classifier_cache.forget()
    assert trained(examples, prompts.lexicons, tmp_path).weights == first.weights
    assert file.stat().st_size > 1_000
    trained(prompts.examples[1::9], prompts.lexicons, tmp_path)
    assert len(list(tmp_path.glob("handoff-*.json"))) == 2


def test_a_cache_that_cannot_be_written_costs_only_time(prompts: PromptSet, tmp_path: Path) -> None:
    """A folder that is a file is no error."""
    blocked = tmp_path / "blocked"
    blocked.write_text("", "utf-8")
    assert trained(prompts.examples[::11], prompts.lexicons, blocked).score("quero um atendente") > 0


def test_the_blocks_are_named() -> None:
    """Each block of features has a name."""
    assert len(BLOCKS) == 3
