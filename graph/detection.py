"""Does the customer want a human? The cascade's local part: phrases first, then the learned judgement.

The node ``detect_handoff`` and ``ponte prompts eval --handoff`` both call ``Detector.decide``: what is
measured is what runs. Where it is unsure, a configured model is asked (``graph.nodes.reply``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from graph.classifier import HandoffClassifier
from graph.classifier_cache import trained
from graph.keywords import Keywords
from graph.prompt_schema import Band
from graph.prompts import PromptSet

LocalTrigger = Literal["keyword", "classifier"]


@dataclass(frozen=True, slots=True)
class Detection:
    """What the words of a message say, judged on this machine alone.

    Args:
        human: the local decision. It stands where no model is configured, or the model fails.
        unsure: a configured model is to be asked, and decides instead.
        score: how likely a human is wanted, 0 to 1; 1.0 for a phrase.
        classifier: the learned judgement alone, whatever decided.
        trigger: what decided.
        phrase: the words that asked for a human; None where no phrase did.
        lang: the locale that the message was read in.
    """

    human: bool
    unsure: bool
    score: float
    classifier: float
    trigger: LocalTrigger
    phrase: str | None
    lang: str


@dataclass(frozen=True, slots=True)
class Detector:
    """The cascade. Build one with ``build_detector``.

    Args:
        keywords: phrases that ask for a human.
        classifier: the learned judgement.
    """

    keywords: Keywords
    classifier: HandoffClassifier

    def decide(self, text: str, band: Band, expected: str | None = None) -> Detection:
        """Decide on one turn of the customer.

        Args:
            text: what the customer wrote or said.
            band: the thresholds, from ``handoff/policy.yaml``.
            expected: the locale to read it in where its words leave that open: the conversation's.
        """
        reading = self.classifier.reader.read(text, expected)
        score = self.classifier.score_of(reading)
        phrase = self.keywords.find_read(" ".join(reading.words), reading.lang)
        if phrase is not None and score >= band.doubt:
            return Detection(
                human=True,
                unsure=False,
                score=1.0,
                classifier=score,
                trigger="keyword",
                phrase=phrase,
                lang=reading.lang,
            )
        return Detection(
            human=score >= band.local_for(reading.lang),
            unsure=band.unsure <= score < band.sure,
            score=score,
            classifier=score,
            trigger="classifier",
            phrase=None,
            lang=reading.lang,
        )


def build_detector(prompts: PromptSet, cache: Path | None, like: Detector | None = None) -> Detector:
    """Return the detector of a version of the prompt files. May take seconds of CPU.

    Args:
        prompts: the version.
        cache: the folder where what was learned is kept; None: nowhere.
        like: a detector of the same examples and lexicons, whose judgement is taken over.

    Raises:
        ValueError: the examples hold only one of the two labels.
    """
    classifier = like.classifier if like else trained(prompts.examples, prompts.lexicons, cache)
    return Detector(Keywords(prompts.keywords), classifier)


def kept_in(data_dir: Path) -> Path:
    """Return the folder under ``DATA_DIR`` where what was learned is kept."""
    return data_dir / "cache"
