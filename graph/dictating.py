"""Customers' words that look like a dictated judgement.

The judge reads what the customer wrote, so a text, say of a forwarded message, could talk it into "no human
is wanted". Beside such a text its "no" does not count; its "yes" does.
"""

from __future__ import annotations

import re
from typing import Final

from graph.text import fold

_DICTATED: Final = re.compile(
    r"""
      wants_human | \bconfidence\W{0,4}\d
    | ^\W*(?:system|sistema|judge|juiz|juez|assistant|assistente|asistente)\s*[:\]>]
    | \bclass?ifi(?:que|car|ca|quem|y|es)\b
    | \b(?:respond[ae]?|answer|reply|devuelve|retorne|return|output)\b .{0,30}
      \b(?:false|falso|true|zero|cero|0)\b
    | \b(?:o|el|the|este|this)\ (?:cliente|customer|usuario|user)\b .{0,30}
      \b(?:nao|no|not|does\ ?n[o']t|nunca|never)\b
    """,
    re.VERBOSE | re.MULTILINE,
)


def dictates(text: str) -> bool:
    """Tell whether a text speaks to a judge rather than to the company."""
    return _DICTATED.search(fold(text)) is not None


def outweighs(judged: float, threshold: float, text: str) -> bool:
    """Tell whether a judgement decides, rather than what this machine found.

    Args:
        judged: how sure the judge is that a human is wanted, 0 to 1.
        threshold: at which a human is brought in.
        text: what the judge read.
    """
    return judged >= threshold or not dictates(text)
