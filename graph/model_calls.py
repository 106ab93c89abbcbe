"""Calls of a model's server: how long they may take, which failures another try may help, and how many.

Retries are here and nowhere else: the SDK's are off, since it would wait as long as a server asks, and
LangGraph's are off, since they would repeat the whole node.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import openai

from graph.context import Limits, ModelFailed

T = TypeVar("T")

_TRANSIENT_STATUS = frozenset({408, 409, 429})
_SERVER_ERROR = 500


async def trying(call: Callable[[], Awaitable[T]], limits: Limits, timeout_ms: int | None = None) -> T:
    """Call until it works or a failure that stays, as far as the tries go.

    Args:
        call: makes the request; the client's own retries must be off.
        limits: tries and waits.
        timeout_ms: for one try; None: ``limits.model_timeout_ms``.

    Raises:
        ModelFailed: it did not work.
    """
    for tries_left in reversed(range(limits.model_tries)):
        try:
            return await once(call, timeout_ms or limits.model_timeout_ms)
        except _Transient as failure:
            asked = failure.retry_after_ms
            if not tries_left or (asked is not None and asked > limits.retry_after_ms):
                raise
            wait = asked if asked is not None else limits.model_backoff_ms * random.uniform(0.25, 1)  # noqa: S311 - spreads retries, guards nothing
            await asyncio.sleep(wait / 1000)
    raise ModelFailed("no try allowed; set Limits.model_tries to 1 or more")


async def once(call: Callable[[], Awaitable[T]], timeout_ms: int) -> T:
    """Call once. Raises ModelFailed, as ``_Transient`` where another try may help.

    Messages of the client's errors may quote the conversation; only their kind is passed on.
    """
    try:
        async with asyncio.timeout(timeout_ms / 1000):
            return await call()
    except ModelFailed:
        raise
    except TimeoutError:
        raise _Transient(f"no answer within {timeout_ms} ms") from None
    except openai.APIStatusError as error:
        kind = f"{type(error).__name__}, status {error.status_code}, code {error.code}"
        out_of_credit = error.code == "insufficient_quota"
        if (
            error.status_code in _TRANSIENT_STATUS or error.status_code >= _SERVER_ERROR
        ) and not out_of_credit:
            raise _Transient(kind, _retry_after(error)) from None
        raise ModelFailed(kind) from None
    except openai.APIConnectionError as error:  # timeouts of the client are of this kind, too
        raise _Transient(f"no connection ({type(error.__cause__ or error).__name__})") from None
    except Exception as error:
        # A server that answers something else than chat completions breaks the client in many ways;
        # whichever it is, the customer must still be answered. The node logs the failure.
        raise ModelFailed(f"an answer that cannot be read ({type(error).__name__})") from error


class _Transient(ModelFailed):
    """Another try may help."""

    def __init__(self, message: str, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms


def _retry_after(error: openai.APIStatusError) -> int | None:
    """Return the delay in ms that the server asked for, in seconds or ms; dates are not understood."""
    headers = error.response.headers
    for name, factor in (("retry-after-ms", 1), ("retry-after", 1000)):
        try:
            return max(0, int(float(headers[name]) * factor))
        except (KeyError, ValueError, OverflowError):
            continue
    return None
