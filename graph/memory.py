"""What a thread keeps of what was said: the window, the summary, the brief and the contact's memory.

All of it is cut from the texts themselves. A model would write better summaries, but would cost a call
and up to seconds; the window holds what an answer usually needs, and these lines the thread of it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from graph.context import GraphContext, Limits
from graph.customer_text import WORDLESS
from graph.state import ResumeAnswer, State, TurnRecord, clean
from ponte.domain.message import Author

_LINE = 160
_MEMORY_LINES = 3
_MEMORY_LINE = 240
_SPEAKERS = {Author.CUSTOMER: "customer", Author.AGENT: "agent", Author.BOT: "bot", Author.SYSTEM: "system"}


def shorten(text: str, limit: int) -> str:
    """Return ``text`` as one line of at most ``limit`` characters, cut at a word where possible."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    cut = line[: limit - 1]
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > limit // 2 else cut) + "…"


def with_turn(state: State, bot: str, limits: Limits) -> State:
    """Return the change that closes a turn: its texts go into the window, its working values go away.

    The same turn recorded again replaces its first record, so a turn that ran twice counts once.
    """
    record: TurnRecord = {
        "id": state["turn_id"],
        "customer": _said(state, limits.text_chars),
        "bot": bot[: limits.text_chars],
    }
    window = [*(t for t in state.get("window", []) if t["id"] != record["id"]), record]
    dropped, window = window[: -limits.window_turns], window[-limits.window_turns :]
    change: State = {"window": window, "inbound": [], "text": "", "attachments": [], "unsure": False}
    if dropped:
        change["summary"] = _summary(state.get("summary", ""), dropped, limits.summary_chars)
    return change


def _said(state: State, limit: int) -> str:
    """Return the turn as the window keeps it: the customer's words, and what came with them, cut."""
    lines = [state.get("text", ""), *state.get("attachments", [])]
    return "\n".join(line for line in lines if line.strip())[:limit]


def _summary(summary: str, dropped: list[TurnRecord], limit: int) -> str:
    """Fold turns into the summary: a line each, the first line (how it began) and the newest stay."""
    lines = summary.splitlines()
    lines += [f"customer: {shorten(t['customer'], _LINE)} | bot: {shorten(t['bot'], _LINE)}" for t in dropped]
    first, rest = lines[0], lines[1:]
    room = limit - len(first)
    kept: list[str] = []
    for line in reversed(rest):
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join([first, *reversed(kept)])


def account_of(answer: ResumeAnswer, limit: int) -> str:
    """Return the agent's brief and a compact account of the stretch: the newest lines that fit."""
    head = f"agent's note for the bot: {shorten(clean(answer.brief), limit // 2)}" if answer.brief else ""
    room = limit - len(head)
    kept: list[str] = []
    for line in reversed(answer.stretch):
        text = f"{_SPEAKERS[line.author]}: {shorten(clean(line.text), 2 * _LINE)}"
        room -= len(text) + 1
        if room < 0:
            break
        kept.append(text)
    return "\n".join(filter(None, [head, *reversed(kept)]))


def summary_for_agent(state: State, limits: Limits) -> str:
    """Return what the customer wrote last and what the bot last answered, for the agent."""
    lines = [t["customer"] for t in state.get("window", [])[-2:]]
    lines += [state.get("text", "")]
    said = [shorten(line, _LINE) for line in lines if line.strip()]
    answers = [t["bot"] for t in state.get("window", [])[-1:] if t["bot"]]
    parts = ["“" + "” · “".join(said) + "”"] if said else []
    parts += [f"Bot: “{shorten(answers[0], _LINE)}”"] if answers else []
    return "\n".join(parts)[: limits.summary_chars]


def remembered(state: State, answer: ResumeAnswer, context: GraphContext) -> str:
    """Return the contact's memory with a line on the matter just resolved; the newest lines stay."""
    day = datetime.fromtimestamp(context.clock.now() / 1000, tz=UTC).date().isoformat()
    asked = next((t["customer"] for t in reversed(state.get("window", [])) if t["customer"]), "")
    by_agent = (line.text for line in reversed(answer.stretch) if line.author is Author.AGENT)
    told = next((text for text in by_agent if text not in WORDLESS.values()), "")
    parts = [f"customer: {shorten(clean(asked), 90)}"] if asked else []
    parts += [f"agent: {shorten(clean(told), 110)}"] if told else []
    line = shorten(f"{day} " + (" | ".join(parts) or "resolved by an agent"), _MEMORY_LINE)
    old = [shorten(clean(text), _MEMORY_LINE) for text in answer.memory.splitlines() if text.strip()]
    return "\n".join([*old, line][-_MEMORY_LINES:])
