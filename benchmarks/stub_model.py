"""A language model in one function, for benchmarks without sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine

import httpx2


def always_answers(text: str) -> Callable[[httpx2.Request], Coroutine[None, None, httpx2.Response]]:
    """Return a handler for ``httpx2.MockTransport`` that answers every chat completion with ``text``."""
    message = {"role": "assistant", "content": text, "refusal": None}
    body = json.dumps(
        {
            "id": "chatcmpl-0",
            "object": "chat.completion",
            "created": 1,
            "model": "benchmark",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 940},
        }
    )

    async def answer(request: httpx2.Request) -> httpx2.Response:
        del request
        return httpx2.Response(200, content=body, headers={"Content-Type": "application/json"})

    return answer
