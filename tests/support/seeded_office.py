"""A riding school's office with a day's conversations, for pictures and for looking at pages.

All of it happened as it is shown: under a clock of its own, what agents did was done by them, each at its
time. Times are relative to now, so that clocks and reports have something to show.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Final

from PIL import Image, ImageDraw

from graph.memory import shorten
from graph.prompt_source import read_folder, version_of
from ponte.bootstrap import open_ponte
from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Conversation, Handoff, Trigger, hand_over
from ponte.domain.decision import HandoffDecision, HandoffMark, Mark, Outcome, decision_id, mark_id
from ponte.domain.message import Author, Kind, Media, Message, MessageStatus
from ponte.domain.office import CannedReply, Label
from ponte.domain.presence import Presence
from ponte.eval_reports import keep_report
from ponte.ports import Commit
from ponte.testing import ManualClock
from tests.fixtures.console_office import PASSWORD, Office
from tests.support.seeded_talks import SCRIPTS, Line, Script, Talk
from tests.support.sounds import recording

_SECOND: Final = 1_000
_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_WEEK_DAYS: Final = 6
_PER_DAY: Final = 9
_BRUNO_FROM: Final = 3
_CHANGED_ON: Final = 3
_VOICE_MS: Final = 6_200
# From taking a conversation to the first answer.
_TYPED_MS: Final = 20_000
TEAM: Final = (
    ("Ana Souza", Role.AGENT),
    ("Bruno Teixeira", Role.AGENT),
    ("Davi Moura", Role.AGENT),
    ("Sônia Prado", Role.SUPERVISOR),
    ("Rita Campos", Role.ADMIN),
    ("Paulo Dias", Role.PROMPT_ENGINEER),
)


class Seeded:
    """What was put into the store.

    Args:
        script: what is said.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.team: dict[str, Agent] = {}
        # The conversation that is open in the pictures, and the one whose WhatsApp window is closed.
        self.opened = ""
        self.asleep = ""

    async def show_up(self, office: Office) -> None:
        """Let Ana and Bruno be at their desks now; who does not show themselves is soon taken for absent."""
        now = office.ponte.clock.now()
        for name, where, since in (("Ana Souza", self.opened, 95), ("Bruno Teixeira", None, 42)):
            agent = self.team[name]
            here = Presence(agent.id, "seeded", name, where, 0, now, now - since * _MINUTE)
            await office.ponte.store.show_presence(here)


@dataclass(frozen=True, slots=True)
class _Day:
    """The office under a clock of its own.

    Args:
        office: there.
        clock: moved to where something happens.
        version: the prompt files that serve.
    """

    office: Office
    clock: ManualClock
    version: str

    def at(self, moment: int) -> None:
        """Move the clock there."""
        self.clock.advance(moment - self.clock.now())


async def seed(office: Office, locale: str = "pt-BR") -> Seeded:
    """Fill an empty store; see ``Seeded``."""
    ponte, script = office.ponte, SCRIPTS[locale]
    seeded, now = Seeded(script), ponte.clock.now()
    clock = ManualClock(now - (_WEEK_DAYS + 1) * _DAY)
    async with open_ponte(ponte.settings, clock=clock) as then:
        past = Office(then, sids=1_000_000)
        for name, role in TEAM:
            email = f"{name.split()[0].lower().replace('ô', 'o')}@hipica.example"
            seeded.team[name] = await then.accounts.add(email, name, role, PASSWORD)
        ana, bruno = seeded.team["Ana Souza"], seeded.team["Bruno Teixeira"]
        await _settings(past, seeded.team["Rita Campos"], script)
        old, new = await _prompts(past, clock, now)
        day = _Day(past, clock, new)
        await _week(day, script, (ana, bruno), old, now)
        seeded.asleep = (await _talk(day, script.asleep, now, ana)).id
        for n, done in enumerate(script.done):
            await _done(day, script, done, now - (n + 1) * 37 * _MINUTE, bruno if n >= _BRUNO_FROM else ana)
        for number, name, said, answer in script.bot:
            bot = Talk(number, name, script.locale, 6, None, "", (("c", said), ("b", answer)))
            await _talk(day, bot, now)
        for talk in script.waiting:
            await _talk(day, talk, now)
        seeded.opened = (await _talk(day, script.mine, now, ana)).id
    return seeded


async def _settings(office: Office, rita: Agent, script: Script) -> None:
    desk = office.ponte.office
    for name, colour in script.labels:
        await desk.put_label(rita, Label(name, colour))
    for shortcut, title, body in script.canned:
        await desk.put_canned(rita, CannedReply("", shortcut, title, body, script.locale))


async def _prompts(office: Office, clock: ManualClock, now: int) -> tuple[str, str]:
    """Serve the repository's prompt files after a version with another assistant; returns both versions."""
    ponte = office.ponte
    files = dict(read_folder(ponte.settings.prompts_dir).files)
    assistant = files["assistant.md"].replace(b"Never", b"Do not", 3) + b"\nBe brief.\n"
    versions = []
    for held in ({**files, "assistant.md": assistant}, files):
        await ponte.prompts.keep(version_of(held), held)
        await ponte.prompts.follow_files(version_of(held))
        clock.advance((_WEEK_DAYS - _CHANGED_ON + 1) * _DAY)
        versions.append(version_of(held))
    keep_report(ponte.settings.data_dir, _report(versions[1], now - _HOUR))
    return versions[0], versions[1]


def _report(version: str, at: int) -> dict[str, object]:
    turn = {
        "customer": ["Vocês têm estacionamento?"],
        "bot": ["Temos, sim! São 40 vagas ao lado do picadeiro."],
        "handed_over": False,
        "checks": [{"kind": "never", "wanted": "40 vagas", "passed": False, "found": "São 40 vagas ao lado"}],
    }
    case = {
        "id": "estacionamento",
        "name": "Não inventa o que os arquivos não dizem",
        "file": "evals/invencao.yaml",
        "line": 12,
        "status": "failed",
        "runs": [{"passed": False, "error": None, "turns": [turn], "checks": []}],
    }
    return {
        "format": 1,
        "at": at,
        "model": "gpt-4.1-mini",
        "new": {"label": "files", "version": version},
        "totals": {"cases": 58, "passed": 57, "failed": 1},
        "comparison": {"worse": False},
        "cases": [case],
    }


async def _week(day: _Day, script: Script, agents: tuple[Agent, Agent], before: str, now: int) -> None:
    """Let the days before today happen, the first served by the version ``before``."""
    question, answer = script.past
    office, clock, after = day.office, day.clock, day.version
    for ago in range(_WEEK_DAYS, 0, -1):
        day = replace(day, version=after if ago <= _CHANGED_ON else before)
        for n in range(_PER_DAY + ago % 3):
            language = (script.locale, script.locale, "es", "pt-BR", "en")[(ago + n) % 5]
            handed = n % 3 == 1
            trigger = (Trigger.KEYWORD, Trigger.CLASSIFIER, Trigger.NO_ANSWER, Trigger.TOPIC)[n % 4]
            lines: tuple[Line, ...] = (("c", question),) if handed else (("c", question), ("b", answer))
            number, name = f"+55119{ago}{n:02d}00000", f"Cliente {ago}{n}"
            talk = Talk(number, name, language, 0, trigger if handed else None, "", lines)
            begun = now - ago * _DAY - (_PER_DAY - n) * _HOUR + n * 11 * _MINUTE
            current = await _talk(day, talk, begun)
            if handed:
                agent = agents[(ago + n) % 2]
                clock.advance((1 + (ago * 5 + n * 3) % 7) * _MINUTE)
                await office.ponte.desk.claim(agent, current.id)
                current = await office.ponte.store.conversation(current.id)
                clock.advance((1 + (ago + n) % 3) * _MINUTE)
                await _answered(day, current, agent, answer)
                clock.advance((9 + ago * n % 17) * _MINUTE)
                await office.ponte.desk.resolve(agent, current.id, "solved")
                await _rated(day, current.id, 3 + (ago + n) % 3, again=(ago, n) == (4, 1), agent=agent)


async def _rated(day: _Day, conversation_id: str, score: int, *, again: bool, agent: Agent) -> None:
    """Let the customer say how content they were; ``again``: the agent had to come back to it."""
    ponte = day.office.ponte
    if again:
        await ponte.triage.reopen(agent, conversation_id)
        await ponte.desk.resolve(agent, conversation_id, "solved")
    current, now = await ponte.store.conversation(conversation_id), day.clock.now()
    rated = replace(current, csat=score, csat_at=now, csat_asked_at=now, version=current.version + 1)
    await ponte.store.commit(Commit(rated))


async def _done(
    day: _Day, script: Script, done: tuple[str, str, str, str, str, int], begun: int, agent: Agent
) -> None:
    """Let a conversation be handed over, answered and resolved."""
    number, name, disposition, said, reason, waited = done
    trigger = Trigger.KEYWORD if "“" in reason else Trigger.NO_ANSWER
    language = "pt-BR" if number.startswith("+55") else script.locale
    talk = Talk(number, name, language, 0, trigger, reason, (("c", said),))
    current = await _talk(day, talk, begun)
    day.clock.advance(waited * _MINUTE)
    first = name.partition(" ")[0]
    hello = {"en": f"Hi {first}! Let me see to that."}
    await _answered(day, current, agent, hello.get(language, f"Oi, {first}! Já vou ver isso para você."))
    if disposition == "no_reply":
        await _not_needed(day, current, agent)
    day.clock.advance(4 * _MINUTE)
    await day.office.ponte.desk.resolve(agent, current.id, disposition)


async def _not_needed(day: _Day, current: Conversation, agent: Agent) -> None:
    store = day.office.ponte.store
    handed = await store.last_handoff(current.id)
    if handed is None or handed.trigger is None:
        raise AssertionError("It was not handed over.")
    fresh = await store.conversation(current.id)
    mark = HandoffMark(
        id=mark_id(handed.id, agent.id),
        decision_id=handed.id,
        conversation_id=current.id,
        contact_id=current.contact_id,
        agent_id=agent.id,
        mark=Mark.NOT_NEEDED,
        at=day.clock.now(),
        trigger=handed.trigger,
        prompt_version=handed.prompt_version,
    )
    await store.commit(Commit(replace(fresh, version=fresh.version + 1), marks=(mark,)))


async def _talk(day: _Day, talk: Talk, now: int, holder: Agent | None = None) -> Conversation:
    """Let a conversation happen line by line; ``holder`` takes it when the first line of an agent comes."""
    day.at(now - (talk.ago + len(talk.lines) - 1) * _MINUTE)
    office, store = day.office, day.office.ponte.store
    opened = await office.conversation(talk.number, talk.name, talk.lines[0][1])
    current = replace(
        opened,
        version=opened.version + 1,
        language=talk.language,
        labels=talk.labels,
        priority=talk.priority,
        prompt_version=day.version,
    )
    await store.commit(Commit(current))
    for n, (who, body) in enumerate(talk.lines[1:], 1):
        day.clock.advance(_MINUTE)
        current = await store.conversation(current.id)
        if who == "c":
            await office.writes(current.id, talk.number, talk.name, body)
        elif who in "vi":
            await _sends(day, current, talk, body, n, voice=who == "v")
        elif who == "n" and holder is not None:
            await office.ponte.desk.note(holder, current.id, body)
        elif who == "a" and holder is not None:
            await _answered(day, current, holder, body)
        else:
            handed = who == "s"
            await _decided(day, current, talk, n, body, handed=handed)
    current = await store.conversation(current.id)
    if talk.trigger is not None and not current.handoff:
        await _decided(day, current, talk, len(talk.lines), "", handed=True)
    return await store.conversation(current.id)


async def _answered(day: _Day, current: Conversation, agent: Agent, body: str) -> None:
    """Let an agent answer, who takes the conversation first; the customer reads it at once."""
    ponte = day.office.ponte
    if current.agent_id is None:
        await ponte.desk.claim(agent, current.id)
        day.clock.advance(_TYPED_MS)
    (sent,) = await ponte.desk.reply(agent, current.id, body)
    now = day.clock.now() + 2 * _SECOND
    await ponte.store.settle(sent.id, MessageStatus.READ, now=now, sid=f"SM{sent.id}")


async def _decided(day: _Day, current: Conversation, talk: Talk, n: int, body: str, *, handed: bool) -> None:
    """Let the bot's turn end: with an answer, or with a human being asked for."""
    turn, now, seq = f"turn-{current.id}-{n}", day.clock.now(), current.last_seq
    decision = HandoffDecision(
        id=decision_id(turn),
        conversation_id=current.id,
        contact_id=current.contact_id,
        at=now,
        first_seq=seq,
        seq=seq,
        outcome=Outcome.HUMAN if handed else Outcome.BOT,
        language=talk.language,
        prompt_version=day.version,
        trigger=talk.trigger if handed else None,
        scores=(
            ("classifier", 0.91 if handed else 0.12),
            ("keyword", 1.0 if handed and talk.trigger is Trigger.KEYWORD else 0.0),
        ),
        thresholds=(("classifier", 0.8),),
    )
    changed = replace(current, version=current.version + 1, updated_at=now)
    if handed and talk.trigger is not None:
        summary = f"“{shorten(current.preview, 160)}”"
        changed = hand_over(changed, Handoff(talk.reason, talk.trigger, 0.91, summary, now))
    rows: tuple[Message, ...] = ()
    if body:
        author = Author.SYSTEM if handed else Author.BOT
        rows = (_row(changed, f"{turn}:0", author, body, now),)
        if author is Author.BOT:
            rows = (replace(rows[0], prompt_version=day.version),)
        changed = replace(changed, last_seq=rows[0].seq, preview=body[:120])
    await day.office.ponte.store.commit(Commit(changed, messages=rows, decisions=(decision,)))


async def _sends(day: _Day, current: Conversation, talk: Talk, body: str, n: int, *, voice: bool) -> None:
    """Let the customer send a voice note in which ``body`` is said, or a picture beside it."""
    office, now = day.office, day.clock.now()
    content = recording("ogg", _VOICE_MS) if voice else _receipt()
    kind, content_type = (Kind.AUDIO, "audio/ogg") if voice else (Kind.IMAGE, "image/png")

    async def once() -> AsyncIterator[bytes]:
        yield content

    stored = await office.ponte.media.put(once(), content_type, now)
    media = Media("", content_type, stored.key, stored.size)
    if voice:
        media = replace(media, text=body, language=talk.language, confidence=0.93, duration_ms=_VOICE_MS)
    text = "" if voice else body
    row = _row(current, f"m-{current.id}-{n}", Author.CUSTOMER, text, now)
    row = replace(row, kind=kind, media=(media,))
    changed = replace(
        current,
        version=current.version + 1,
        last_seq=row.seq,
        preview=body[:120],
        unread=current.unread + 1,
        last_customer_at=now,
        unanswered_since=current.unanswered_since or now,
        updated_at=now,
    )
    await office.ponte.store.commit(Commit(changed, messages=(row,)))


def _row(current: Conversation, message_id: str, author: Author, body: str, now: int) -> Message:
    return Message(
        id=message_id,
        conversation_id=current.id,
        contact_id=current.contact_id,
        seq=current.last_seq + 1,
        author=author,
        kind=Kind.TEXT,
        body=body,
        status=MessageStatus.RECEIVED if author is Author.CUSTOMER else MessageStatus.READ,
        created_at=now,
    )


def _receipt() -> bytes:
    """Return a picture of a bank's receipt."""
    image = Image.new("RGB", (420, 180), "#f4f1ea")
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, 420, 44), fill="#0b7a6f")
    pen.text((20, 12), "PIX", fill="white", font_size=20)
    for n, line in enumerate(("R$ 420,00", "Hipica Campo Limpo", "14:02  ID 8F2A71C0")):
        pen.text((20, 58 + n * 38), line, fill="#1b2422", font_size=26 if n == 0 else 18)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
