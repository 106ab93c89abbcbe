"""When a turn's texts are spoken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from graph.prompt_schema import VoicePolicy
from ponte.domain.message import Media
from ponte.ports import Voice


@dataclass(frozen=True, slots=True)
class VoiceAnswers:
    """The policy over what speaks.

    Args:
        voice: speaks, within its own limit of time.
        policy: when.
    """

    voice: Voice
    policy: VoicePolicy

    async def speak(self, texts: Sequence[str], language: str, *, heard: bool) -> tuple[Media | None, ...]:
        """Return a voice note for each text, or None where it goes out in writing.

        All are spoken at once: the turn waits for the slowest, ``wait_ms`` at most.

        Args:
            texts: what the turn says.
            language: the customer's.
            heard: whether the customer spoke in this turn.
        """
        mode = self.policy.mode
        if mode == "never" or (mode == "mirror" and not heard):
            return (None,) * len(texts)
        return tuple(await asyncio.gather(*(self.voice.speak(text, language) for text in texts)))
