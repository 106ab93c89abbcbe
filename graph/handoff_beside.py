"""What would bring a human in beside the wish for one: topics, and languages that the bot does not speak.

An evaluation tells of them and does not count them: its labels say whether the customer wants a human, and
topics are a company's policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graph.foreign import find_foreign
from graph.handoff_evaluation import Prediction
from graph.prompt_schema import HandoffPolicy
from graph.topics import find_topic


async def with_triggers(predictions: Sequence[Prediction], policy: HandoffPolicy) -> list[Prediction]:
    """Return the predictions with the topic and the foreign language of each message, if it has one.

    Args:
        predictions: what was decided on the wish.
        policy: topics, and when a language counts as foreign.
    """
    language = policy.triggers.language
    found: list[Prediction] = []
    for one in predictions:
        text = one.row.text
        topic = find_topic(text, policy.topics)
        foreign = None
        if language.enabled:
            foreign = await find_foreign(text, words=language.words, sure=language.sure)
        found.append(
            replace(
                one,
                topic=None if topic is None else topic.name,
                foreign=None if foreign is None else foreign.code,
            )
        )
    return found
