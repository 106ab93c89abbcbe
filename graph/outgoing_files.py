"""Files that follow an answer, on their way out: kept where Twilio fetches them, and written as messages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import structlog

from graph.customer_text import preview_of
from graph.prompts import PromptSet
from graph.transcript import PREVIEW, queued
from ponte.domain.contact import Contact
from ponte.domain.media_rules import rule_for
from ponte.domain.message import Author, Media
from ponte.ports import Clock, Commit, MediaStore

log = structlog.get_logger(__name__)


class OutgoingFiles:
    """Puts files of the knowledge base into the media store.

    Args:
        store: where Twilio's links lead.
        clock: the time.
    """

    def __init__(self, store: MediaStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def kept(self, files: Sequence[Media], prompts: PromptSet) -> list[Media]:
        """Return those of ``files`` that are in the store now.

        A turn that is run again may be older than the prompt files; what they do not hold any more, and the
        store does not either, is left out.

        Raises:
            StoreUnavailable: the turn is to be run again.
        """
        held = {one.media.key: one for section in prompts.knowledge for one in section.attached}
        found: list[Media] = []
        for media in files:
            if (one := held.get(media.key)) is not None:
                await self._store.put(_pieces(one.content), one.content_type, self._clock.now())
            elif media.key is None or await self._store.stat(media.key) is None:
                log.warning("attachment_gone", name=media.name)
                continue
            found.append(media)
        return found


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


def with_files(
    commit: Commit, contact: Contact, turn_id: str, files: Sequence[Media], *, version: str, now: int
) -> Commit:
    """Append the bot's files to a commit, each as a message of its own.

    Args:
        commit: what is committed so far.
        contact: whom they go to.
        turn_id: what causes them; the messages' ids follow from it, so that a replay writes the same ones.
        files: in the media store.
        version: of the prompt files that they belong to.
        now: ms UTC.
    """
    current = commit.conversation
    rows = tuple(
        replace(
            queued(current, contact, f"{turn_id}:file:{n}", n, now),
            author=Author.BOT,
            kind=rule_for(media).kind,
            media=(media,),
            prompt_version=version,
        )
        for n, media in enumerate(files)
    )
    if not rows:
        return commit
    last = rows[-1]
    preview = preview_of(last.kind, last.body, last.details, last.media)[:PREVIEW]
    changed = replace(current, last_seq=last.seq, preview=preview)
    return replace(commit, conversation=changed, messages=(*commit.messages, *rows))
