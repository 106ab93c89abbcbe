"""Reads chat requests and writes chat answers in the form of OpenAI's API."""

from __future__ import annotations

import math
import re
import time
import zlib
from typing import TypeAlias

Json: TypeAlias = dict[str, object]

_DIMENSIONS = 64
_WORDS = re.compile(r"\s*\S+")


def last_user_text(body: Json) -> str:
    """Return the text of the last user message, or an empty text."""
    messages = body.get("messages")
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            return _text(message.get("content"))
    return ""


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def offers_tool(body: Json, name: str) -> bool:
    """Tell whether a request offers the function with this name."""
    tools = body.get("tools")
    functions = [
        tool.get("function") for tool in (tools if isinstance(tools, list) else []) if isinstance(tool, dict)
    ]
    return any(isinstance(function, dict) and function.get("name") == name for function in functions)


def response_schema(body: Json) -> Json | None:
    """Return the JSON schema that the answer must have, when the request names one."""
    wanted = body.get("response_format")
    outer = wanted.get("json_schema") if isinstance(wanted, dict) else None
    schema = outer.get("schema") if isinstance(outer, dict) else None
    return schema if isinstance(schema, dict) else None


def sample_of_schema(schema: Json, *, yes: bool, root: Json | None = None) -> object:
    """Return a plain value that a JSON schema allows.

    Args:
        schema: object, array, string, number, boolean, enum, const, anyOf and local `$ref` are understood.
        yes: the value of every boolean; a number becomes 1 or 0 accordingly.
        root: the whole schema, where `$defs` are looked up; None for the schema itself.
    """
    root = schema if root is None else root
    reference, options, fixed = schema.get("$ref"), schema.get("anyOf"), schema.get("enum")
    if isinstance(reference, str):
        return sample_of_schema(_definition(root, reference), yes=yes, root=root)
    if "const" in schema:
        return schema["const"]
    if isinstance(fixed, list) and fixed:
        return fixed[0]
    if isinstance(options, list) and options and isinstance(options[0], dict):
        return sample_of_schema(options[0], yes=yes, root=root)
    properties = schema.get("properties")
    if isinstance(properties, dict):
        return {
            name: sample_of_schema(part, yes=yes, root=root)
            for name, part in properties.items()
            if isinstance(part, dict)
        }
    plain: dict[object, object] = {"boolean": yes, "integer": int(yes), "number": float(yes), "array": []}
    plain |= {"string": "", "object": {}}
    return plain.get(schema.get("type"))


def _definition(root: Json, reference: str) -> Json:
    found: object = root
    for part in reference.removeprefix("#/").split("/"):
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def completion(body: Json, answer: Json, seq: int) -> Json:
    """Return a whole chat completion.

    Args:
        body: the request.
        answer: the assistant's message.
        seq: the number of the request, for the id.
    """
    choice = {"index": 0, "message": answer, "logprobs": None, "finish_reason": _finish(answer)}
    return _head(body, seq, "chat.completion") | {"choices": [choice], "usage": _usage(body, answer)}


def transcription(body: Json, text: str) -> Json:
    """Return a transcription in the form that the request's model and format have.

    Args:
        body: the request's fields.
        text: what was said.
    """
    if body.get("response_format") == "verbose_json":
        segment = {
            "id": 0,
            "start": 0.0,
            "end": 2.0,
            "text": text,
            "avg_logprob": -0.2,
            "no_speech_prob": 0.01,
        }
        head = {"task": "transcribe", "language": "portuguese", "duration": 2.0}
        return head | {"text": text, "segments": [segment]}
    if "include[]" in body:
        return {"text": text, "logprobs": [{"token": word, "logprob": -0.1} for word in text.split()]}
    return {"text": text, "languages": [{"code": "pt"}]}


def embeddings(body: Json) -> Json:
    """Return the vectors of the request's texts: alike for texts that share groups of three letters."""
    given = body.get("input")
    texts = [str(one) for one in given] if isinstance(given, list) else [str(given)]
    data = [
        {"object": "embedding", "index": index, "embedding": _letters(text)}
        for index, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return {"object": "list", "data": data, "model": body.get("model", ""), "usage": usage}


def _letters(text: str) -> list[float]:
    counts = [0.0] * _DIMENSIONS
    plain = f" {text.casefold()} "
    for at in range(len(plain) - 2):
        counts[zlib.crc32(plain[at : at + 3].encode("utf-8", "replace")) % _DIMENSIONS] += 1
    length = math.hypot(*counts) or 1.0
    return [count / length for count in counts]


def completion_chunks(body: Json, answer: Json, seq: int) -> list[Json]:
    """Return a chat completion as the chunks of a stream, a word each.

    Arguments are those of `completion`.
    """
    head = _head(body, seq, "chat.completion.chunk")
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    content, refusal, calls = answer.get("content"), answer.get("refusal"), answer.get("tool_calls")
    if isinstance(content, str):
        deltas += [{"content": word} for word in _WORDS.findall(content)]
    if isinstance(refusal, str):
        deltas.append({"refusal": refusal})
    if isinstance(calls, list):
        deltas.append({"tool_calls": [{"index": index} | call for index, call in enumerate(calls)]})
    chunks = [
        head | {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]}
        for delta in deltas
    ]
    last = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": _finish(answer)}
    chunks.append(head | {"choices": [last]})
    options = body.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage"):
        chunks.append(head | {"choices": [], "usage": _usage(body, answer)})
    return chunks


def _head(body: Json, seq: int, kind: str) -> Json:
    return {
        "id": f"chatcmpl-{seq:029d}",
        "object": kind,
        "created": int(time.time()),
        "model": body.get("model", "gpt-stub"),
        "system_fingerprint": "fp_stub",
    }


def _finish(answer: Json) -> str:
    return "tool_calls" if answer.get("tool_calls") else "stop"


def _usage(body: Json, answer: Json) -> Json:
    messages = body.get("messages")
    asked = sum(
        len(_text(message.get("content")).split()) + 4
        for message in (messages if isinstance(messages, list) else [])
        if isinstance(message, dict)
    )
    said = max(1, len(_text(answer.get("content")).split()))
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
