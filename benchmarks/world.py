"""What is around Ponte: customers, Twilio and the model, all in the measuring process, as cheap as possible.

Every message carries a mark, the model repeats the marks it was asked with, and so each answer that reaches
Twilio tells which messages it answers.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import re
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

import aiohttp
from aiohttp import web
from yarl import URL

ACCOUNT = "AC" + "0" * 32
TOKEN = "benchmark-token-of-nobody"  # noqa: S105 - of a server that is not there
BUSINESS = "whatsapp:+14155238886"

_MARK = re.compile(r"\bm(\d{6})\b")
# Asked in turn; none of them asks for a human.
QUESTIONS = (
    "Bom dia! Qual o horário de funcionamento no sábado?",
    "Quanto custa a aula avulsa para iniciantes?",
    "Vocês têm estacionamento para visitantes?",
    "A partir de que idade as crianças podem montar?",
    "Preciso levar capacete ou vocês emprestam?",
    "Tem aula quando chove?",
)


@dataclass(slots=True)
class Sent:
    """One customer's message, in seconds of ``time.perf_counter``.

    Args:
        due: when it had to be sent by the plan; latencies count from here.
        begun: when it was.
        acknowledged: when the webhook's 200 was here.
        answered: when the first answer reached Twilio.
        model_s: how long the model held the question.
        answers: answers that reached Twilio.
    """

    due: float
    begun: float = 0.0
    acknowledged: float = 0.0
    answered: float = 0.0
    model_s: float = 0.0
    answers: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def path_s(self) -> float:
        """From the plan's moment to the answer, less the model's time."""
        return self.answered - self.due - self.model_s


class World:
    """Customers, Twilio and the model.

    Args:
        model_ms: how long the model thinks.
        statuses: the status callbacks of a message that was sent: each name and its delay in ms.
    """

    def __init__(self, *, model_ms: int, statuses: Iterable[tuple[str, int]]) -> None:
        self.sent: dict[int, Sent] = {}
        self.errors: dict[str, int] = {}
        self.callbacks = 0
        self.url = ""
        self.api_url = ""
        self._model_s = model_ms / 1000
        self._statuses = tuple(statuses)
        self._sids = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession

    async def write(self, customer: int, due: float | None = None) -> Sent:
        """Send a customer's message as a signed webhook, and wait for its acknowledgement."""
        number = len(self.sent)
        record = Sent(time.perf_counter() if due is None else due)
        self.sent[number] = record
        form = {
            "AccountSid": ACCOUNT,
            "ApiVersion": "2010-04-01",
            "Body": f"{QUESTIONS[number % len(QUESTIONS)]} m{number:06d}",
            "From": f"whatsapp:+1555{customer:07d}",
            "MessageSid": f"SM{number:032x}",
            "MessageType": "text",
            "NumMedia": "0",
            "NumSegments": "1",
            "ProfileName": f"Customer {customer}",
            "SmsMessageSid": f"SM{number:032x}",
            "SmsSid": f"SM{number:032x}",
            "SmsStatus": "received",
            "To": BUSINESS,
            "WaId": f"1555{customer:07d}",
        }
        record.begun = time.perf_counter()
        if await self._post(f"{self.api_url}/webhook", form):
            record.acknowledged = time.perf_counter()
        return record

    @property
    def unanswered(self) -> int:
        """Acknowledged messages that no answer has come to yet."""
        return sum(1 for record in self.sent.values() if record.acknowledged and not record.answers)

    async def at_rest(self, patience_s: float) -> None:
        """Wait until every acknowledged message is answered and every callback is out, for a bounded time."""
        deadline = time.monotonic() + patience_s
        while (self.unanswered or self._tasks) and time.monotonic() < deadline:  # noqa: ASYNC110 - bounded
            await asyncio.sleep(0.05)

    async def _post(self, url: str, form: Mapping[str, str]) -> bool:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": sign(url, form)}
        try:
            async with self._session.post(
                URL(url, encoded=True), data=urlencode(form).encode(), headers=headers
            ) as answer:
                await answer.read()
                if answer.ok:
                    return True
                self._count(f"webhook {answer.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            self._count(f"webhook {type(error).__name__}")
        return False

    def _count(self, what: str) -> None:
        self.errors[what] = self.errors.get(what, 0) + 1

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path.endswith("/chat/completions"):
            return await self._think(request)
        if path.endswith("/Messages.json"):
            return await self._messages(request)
        if path.endswith("/Typing.json"):
            return _json({"success": True})
        self._count(f"unexpected {request.method} {path}")
        return _json({}, 404)

    async def _think(self, request: web.BaseRequest) -> web.Response:
        begun = time.perf_counter()
        body = json.loads(await request.read())
        question = body["messages"][-1]["content"]
        if self._model_s:
            await asyncio.sleep(self._model_s)
        content = f"Sim, é assim mesmo. {question}" if body.get("tools") else "0"
        answer = {
            "id": "chatcmpl-0",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": content, "refusal": None},
                }
            ],
            "usage": {"prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 940},
        }
        held = time.perf_counter() - begun
        for number in _MARK.findall(question):
            self.sent[int(number)].model_s += held
        return _json(answer)

    async def _messages(self, request: web.BaseRequest) -> web.Response:
        if request.method == "GET":
            return _json({"messages": [], "next_page_uri": None, "page": 0, "page_size": 500})
        arrived = time.perf_counter()
        form = dict(parse_qsl((await request.read()).decode()))
        self._sids += 1
        sid = f"SM{self._sids:032x}".replace("SM0", "SMf", 1)
        for number in set(_MARK.findall(form["Body"])):
            record = self.sent[int(number)]
            record.answers += 1
            record.answered = record.answered or arrived
            record.done.set()
        task = asyncio.create_task(self._call_back(sid, form))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return _json(
            {
                "sid": sid,
                "account_sid": ACCOUNT,
                "from": form["From"],
                "to": form["To"],
                "body": form["Body"],
                "status": "queued",
                "direction": "outbound-api",
                "num_media": "0",
                "num_segments": "1",
                "price_unit": "USD",
                "date_created": "Sun, 22 Nov 2026 12:00:00 +0000",
                "date_updated": "Sun, 22 Nov 2026 12:00:00 +0000",
                "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json",
            },
            201,
        )

    async def _call_back(self, sid: str, form: Mapping[str, str]) -> None:
        for status, delay_ms in self._statuses:
            await asyncio.sleep(delay_ms / 1000)
            self.callbacks += await self._post(
                form["StatusCallback"],
                {
                    "AccountSid": ACCOUNT,
                    "From": BUSINESS,
                    "MessageSid": sid,
                    "MessageStatus": status,
                    "SmsSid": sid,
                    "SmsStatus": status,
                    "To": form["To"],
                },
            )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[World]:
        """Serve Twilio and the model, and open the customers' connections, for the length of the block."""
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=20)
        timeout = aiohttp.ClientTimeout(total=15)  # Twilio's own for a webhook
        runner = web.ServerRunner(web.Server(self._handle, access_log=None))
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
        ) as self._session:
            await runner.setup()
            try:
                site = web.TCPSite(runner, "127.0.0.1", 0, backlog=2048)
                await site.start()
                self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
                yield self
            finally:
                await runner.cleanup()


def sign(url: str, form: Mapping[str, str]) -> str:
    """Return Twilio's signature of a form: https://www.twilio.com/docs/usage/security#validating-requests."""
    text = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return base64.b64encode(hmac.digest(TOKEN.encode(), text.encode(), "sha1")).decode()


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=json.dumps(value).encode(), status=status, content_type="application/json")
