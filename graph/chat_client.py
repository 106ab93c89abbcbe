"""One ``ChatOpenAI`` for all, without what would make a long conversation slow."""

from __future__ import annotations

from typing import cast

import httpx2
from langchain_core.language_models import LanguageModelInput
from langchain_openai import ChatOpenAI
from pydantic import SecretStr


class LeanChatOpenAI(ChatOpenAI):
    """``ChatOpenAI`` whose messages reach the wire as they are.

    The SDK walks every message against its type hints to rename keys that LangChain has already named
    right: 7 ms of CPU for 40 messages, three quarters of a call. ``extra_body`` is its documented way to
    send JSON untouched (https://github.com/openai/openai-python#undocumented-request-params).
    """

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: object
    ) -> dict[str, object]:
        payload = cast("dict[str, object]", super()._get_request_payload(input_, stop=stop, **kwargs))
        # Structured output goes through the SDK's parser, which needs to see the whole request.
        if "messages" in payload and "response_format" not in payload:
            body: dict[str, object] = {}
            for key in {"messages", "tools"} & payload.keys():
                body[key] = payload.pop(key)
            body.update(cast("dict[str, object]", payload.get("extra_body") or {}))
            payload["messages"], payload["extra_body"] = [], body
        return payload


def open_chat(
    *, client: httpx2.AsyncClient, model: str, api_key: str, base_url: str, timeout_ms: int
) -> LeanChatOpenAI:
    """Return a client for chat completions, its own retries off.

    Args:
        client: carries the requests; the caller closes it.
        model: used where a prompt file names none.
        api_key: may be empty for a server that wants none.
        base_url: any OpenAI-compatible server; empty: OpenAI's.
        timeout_ms: for one read or write; ``graph.model`` bounds the whole try.
    """
    return LeanChatOpenAI(
        model=model,
        # A server of one's own often wants no key, but the SDK insists on one.
        api_key=SecretStr(api_key or "none"),
        base_url=base_url or None,
        timeout=timeout_ms / 1000,
        max_retries=0,
        use_responses_api=False,
        http_async_client=client,
    )
