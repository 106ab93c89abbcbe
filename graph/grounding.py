"""What an answer without a source may be: a courtesy, talk about the talk itself, or a question back.

Everything else that a model says to a question which no section answers would be invented.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from graph.citing import Cited
from graph.context import GraphContext
from graph.knowledge import Hit
from graph.state import State
from graph.text import fold, words

# Words that ask or wish, in the three languages; people leave the question mark out.
_ASKING: Final = frozenset(
    """
    quanto quanta quantos quantas qto qnto qual quais onde aonde quando quem como tem vende vendem aceita
    aceitam faz fazem pode podem posso quero queria gostaria preciso cuanto cuanta cuantos cuantas cual cuales
    donde cuando quien tienen tienes hay venden aceptan hacen puedo puede pueden quiero quisiera necesito how
    what which where when who do does can could sell want need
    """.split()  # noqa: SIM905 - reads best so
)
# Questions about the bot and about what was said need no file.
_ABOUT_THE_TALK: Final = re.compile(
    r"\b(?:robos?|robots?|bot|chatbot|ia|ai|maquina|machine|virtual)\b"
    r"|\b(?:seu|teu|tu|your) (?:nome|nombre|name)\b|\b(?:te llamas|se chama)\b"
    r"|\b(?:quem|quien|who) (?:e|eh|eres|es|sou|soy|are|am) (?:voce|vc|tu|vos|eu|yo|you|i)\b"
    r"|\b(?:voce|vc) (?:e|eh) quem\b"
    r"|\b(?:repet|repit)\w+|\brepeat\b|\b(?:entend\w+|understand)\b"
    r"|\b(?:eu|yo|i) (?:disse|falei|perguntei|dije|pregunte|said|asked)\b"
    r"|\b(?:me|pode|puedes?|can you) (?:ajud|ayud|help)\w*\b"
)
_SENTENCE: Final = re.compile(r"[^.!?\u2026\n]+[.!?\u2026]*")
_OFFER: Final = re.compile(
    r"(?:^|(?<=[.!?\u2026\n]))[^.!?\u2026\n]*\b(?:atend\w+|human\w+|pessoa|equipe|algu[e\u00e9]m|agentes?|asesor\w*|persona|"
    r"equipo|alguien|someone|somebody|person|team|agents?|representative)\b[^.!?\u2026\n]*\?\s*$",
    re.IGNORECASE,
)
# "Olá, João!" before a question says nothing of the company.
_GREETS: Final = 4


def unfounded(state: State, context: GraphContext, answer: Cited, excerpts: Sequence[Hit]) -> bool:
    """Tell whether an answer to a question rests on nothing.

    The files held nothing that fits, the model names no source, and neither the customer's files nor an agent
    told anything that the answer could come from.

    Args:
        state: the turn.
        context: the run's context.
        answer: the model's.
        excerpts: what it was given.
    """
    if excerpts or answer.sources or state.get("attachments") or state.get("brief"):
        return False
    text = state.get("text", "")
    said = words(text)
    if not said or context.prompts.smalltalk.kind_of(said) is not None:
        return False
    asked = "?" in text or not _ASKING.isdisjoint(said)
    return asked and _ABOUT_THE_TALK.search(fold(text)) is None and _claims(answer.text)


def without_offer(text: str) -> str:
    """Return an answer without the question at its end whether to call a human."""
    return _OFFER.sub("", text).strip()


def _claims(answer: str) -> bool:
    """Tell whether an answer states anything, rather than asking back."""
    sentences = _SENTENCE.findall(answer)
    stated = [one for one in sentences if not one.rstrip().endswith("?")]
    return len(stated) == len(sentences) or sum(len(words(one)) for one in stated) > _GREETS
