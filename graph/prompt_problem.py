"""What is wrong with a prompt file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a prompt file.

    Args:
        file: relative to the prompts' directory.
        line: where; None when it is not known.
        message: what is wrong, and the mend.
        advice: it works, and is likely not what was meant.
    """

    file: str
    line: int | None
    message: str
    advice: bool = False

    def __str__(self) -> str:
        kind = "advice: " if self.advice else ""
        return f"{self.file}{f', line {self.line}' if self.line else ''}: {kind}{self.message}"
