"""Topics that are a human's: accidents, refunds, threats, health, as ``handoff/policy.yaml`` lists them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from graph.keywords import Keywords, KeywordSpec
from graph.trigger_policy import Topic, TopicWords


@dataclass(frozen=True, slots=True)
class TopicFound:
    """A topic in a text: its name, and the words that gave it away."""

    name: str
    phrase: str


def find_topic(text: str, topics: tuple[Topic, ...]) -> TopicFound | None:
    """Return the first topic, in the file's order, that the text is about; None when it is about none.

    All languages' words are tried, whatever the conversation's language.
    """
    for name, keywords in _compiled(topics):
        phrase = keywords.find(text)
        if phrase is not None:
            return TopicFound(name, phrase)
    return None


# Two versions of the prompt files may be served at once, and a third be tried.
@lru_cache(maxsize=4)
def _compiled(topics: tuple[Topic, ...]) -> tuple[tuple[str, Keywords], ...]:
    return tuple(
        (topic.name, Keywords({"pt-BR": _spec(topic.pt_br), "es": _spec(topic.es), "en": _spec(topic.en)}))
        for topic in topics
        if topic.enabled
    )


def _spec(words: TopicWords) -> KeywordSpec:
    return KeywordSpec(
        words.phrases, negations=words.negations, other_senses=words.other_senses, unless=words.unless
    )
