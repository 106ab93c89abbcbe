"""One ``ChatOpenAI`` for all, without what would make a long conversation slow."""

from __future__ import annotations

from typing import Final, cast

import httpx2
import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

# What only the SDK's typed calls understand.
_TYPED: Final = frozenset({"response_format", "extra_body", "extra_headers", "extra_query", "timeout"})


class LeanChatOpenAI(ChatOpenAI):
    """``ChatOpenAI`` without the SDK's typed layer between its request and the wire.

    The SDK walks every message against its type hints to rename keys that LangChain has already named
    right, and builds typed objects of the answer that LangChain takes apart again: three quarters of a
    call's CPU. The SDK's documented way to post plain JSON keeps its connections, keys and errors
    (https://github.com/openai/openai-python#undocumented-endpoints). Structured output and streams take
    ``ChatOpenAI``'s own way.
    """

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: object,
    ) -> ChatResult:
        payload = cast("dict[str, object]", self._get_request_payload(messages, stop=stop, **kwargs))
        if payload.get("stream") or not _TYPED.isdisjoint(payload):
            return await super()._agenerate(messages, stop, run_manager, **kwargs)
        client = cast("openai.AsyncOpenAI", self.root_async_client)
        answer = await client.post("/chat/completions", cast_to=httpx2.Response, body=payload)
        completion = answer.json()
        result = self._create_chat_result(completion)
        for generation, choice in zip(result.generations, completion["choices"], strict=True):
            if refusal := choice["message"].get("refusal"):
                generation.message.additional_kwargs["refusal"] = refusal
        return result


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
