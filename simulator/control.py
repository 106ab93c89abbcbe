"""The control API under `/sim`: what a test, or the phone page, does to the network."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Annotated, TypedDict

from fastapi import APIRouter, HTTPException, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

# FastAPI reads the annotations of its handlers and models when it is started.
from simulator.faults import FaultKind, FaultView, Scope
from simulator.kinds import MediaIn, SayIn, body_of, fields_of, vcard
from simulator.network import InboundMedia, NetworkError
from simulator.records import CustomerView, Direction, MessageView, is_wa_id
from simulator.webhooks import MediaFetchError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from simulator.network import Network

WaId = Annotated[str, Path(description="Digits of the customer's number, or a user name such as BR.abc.")]
Limit = Annotated[int, Query(ge=1, le=10_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CustomerIn(_Strict):
    """A customer to add or rename."""

    wa_id: str
    name: Annotated[str, Field(max_length=120)] = ""


class FaultIn(_Strict):
    """A fault to switch on; without `count` and `duration_ms` it stays until it is removed."""

    kind: FaultKind
    probability: Annotated[float, Field(gt=0, le=1)] = 1.0
    count: Annotated[int, Field(ge=1)] | None = None
    duration_ms: Annotated[int, Field(ge=1)] | None = None
    delay_ms: Annotated[int, Field(ge=1, le=600_000)] | None = None
    wa_id: str | None = None
    scope: Scope = "messages"


class WebhookIn(_Strict):
    """Where inbound messages are posted from now on."""

    url: str


class ClockIn(_Strict):
    """How far to move the network's clock forward."""

    advance_ms: Annotated[int, Field(ge=0)]


class SayOut(TypedDict):
    """How a customer's message fared; `accepted` is null while its webhook is under way."""

    sid: str
    seq: int
    accepted: bool | None
    attempts: int
    outcomes: list[str]


class StateOut(TypedDict):
    """The simulator at this moment; `now` in epoch milliseconds, UTC."""

    now: int
    seed: int
    pending: int
    business_number: str
    webhook_url: str | None


class MessagesOut(TypedDict):
    """Messages, oldest first; `next` is the `after` of the following request."""

    items: list[MessageView]
    next: int


def control_router(network: Network) -> APIRouter:
    """Return the routes under `/sim`."""
    router = APIRouter(prefix="/sim")
    _add_customer_routes(router, network)
    _add_fault_routes(router, network)
    _add_state_routes(router, network)
    return router


def _check_wa_id(wa_id: str) -> str:
    if not is_wa_id(wa_id):
        raise HTTPException(422, "The wa_id is neither the digits of a phone number nor a name like BR.abc.")
    return wa_id


def _page(network: Network, after: int, limit: int, wa_id: str | None, way: Direction | None) -> MessagesOut:
    found = network.ledger.after(after, wa_id=wa_id)
    items = [message.view() for message in found if way is None or message.direction == way][:limit]
    return {"items": items, "next": items[-1]["seq"] if items else after}


def _add_customer_routes(router: APIRouter, network: Network) -> None:
    @router.get("/customers")
    async def list_customers() -> list[CustomerView]:
        """List the customers, in the order they appeared."""
        return [network.ledger.customer_view(customer) for customer in network.ledger.customers()]

    @router.post("/customers", status_code=201)
    async def add_customer(data: CustomerIn) -> CustomerView:
        """Add a customer, or change the name of a known one."""
        customer = network.ledger.customer(_check_wa_id(data.wa_id), data.name or None)
        network.show_customer(customer)
        return network.ledger.customer_view(customer)

    @router.post("/customers/{wa_id}/messages", status_code=201)
    async def say(wa_id: WaId, data: SayIn) -> SayOut:
        """Let a customer write."""
        _check_wa_id(wa_id)
        media = await _read_media(network, data)
        try:
            message, task = network.receive(
                wa_id,
                body_of(data),
                profile_name=data.profile_name,
                media=media,
                fields=fields_of(data, network.ledger.message(data.reply_to or "")),
            )
        except NetworkError as error:
            raise HTTPException(409, str(error)) from error
        if data.wait:
            await network.settle(task)
        return {
            "sid": message.sid,
            "seq": message.seq,
            "accepted": message.accepted,
            "attempts": len(message.outcomes),
            "outcomes": list(message.outcomes),
        }

    @router.get("/customers/{wa_id}/messages")
    async def conversation(wa_id: WaId, after: int = 0, limit: Limit = 1000) -> MessagesOut:
        """Return a customer's conversation as their phone shows it."""
        return _page(network, after, limit, wa_id, None)

    @router.post("/customers/{wa_id}/read")
    async def read(wa_id: WaId) -> dict[str, int]:
        """Let a customer read what was delivered."""
        return {"read": network.customer_reads(wa_id)}

    @router.get("/messages")
    async def messages(
        after: int = 0, limit: Limit = 1000, direction: Direction | None = None
    ) -> MessagesOut:
        """Return everybody's messages."""
        return _page(network, after, limit, None, direction)


async def _read_media(network: Network, data: SayIn) -> list[InboundMedia]:
    files: list[SayIn | MediaIn] = [data, *data.media]
    found = [item for one in files for item in await _read_file(network, one)]
    return [*found, InboundMedia("text/vcard", vcard(data.contact).encode())] if data.contact else found


async def _read_file(network: Network, data: SayIn | MediaIn) -> list[InboundMedia]:
    if data.media_url is not None:
        try:
            content_type, content = await network.client.fetch(data.media_url)
        except MediaFetchError as error:
            raise HTTPException(422, str(error)) from error
        return [InboundMedia(data.content_type or content_type, content)]
    if data.media_base64 is None:
        return []
    if data.content_type is None:
        raise HTTPException(422, "A file needs its content_type, such as audio/ogg.")
    try:
        content = base64.b64decode(data.media_base64, validate=True)
    except binascii.Error as error:
        raise HTTPException(422, "The media_base64 is not base64.") from error
    return [InboundMedia(data.content_type, content)]


def _add_fault_routes(router: APIRouter, network: Network) -> None:
    @router.get("/faults")
    async def list_faults() -> list[FaultView]:
        """List the faults that are on."""
        return network.faults.views()

    @router.post("/faults", status_code=201)
    async def add_fault(data: FaultIn) -> FaultView:
        """Switch a fault on."""
        fault = network.faults.add(
            data.kind,
            probability=data.probability,
            count=data.count,
            duration_ms=data.duration_ms,
            delay_ms=data.delay_ms,
            wa_id=data.wa_id,
            scope=data.scope,
        )
        return network.faults.view(fault)

    @router.delete("/faults")
    async def clear_faults() -> dict[str, int]:
        """Switch every fault off."""
        return {"removed": network.faults.clear()}

    @router.delete("/faults/{fault_id}")
    async def remove_fault(fault_id: int) -> dict[str, int]:
        """Switch one fault off."""
        if not network.faults.remove(fault_id):
            raise HTTPException(404, "No fault with this id is on.")
        return {"removed": 1}


def _add_state_routes(router: APIRouter, network: Network) -> None:
    def current() -> StateOut:
        return {
            "now": network.now_ms,
            "seed": network.seed,
            "pending": network.pending,
            "business_number": network.config.business_number,
            "webhook_url": network.webhook_url,
        }

    @router.get("/state")
    async def state() -> StateOut:
        """Tell the simulator's time, seed and work under way."""
        return current()

    @router.put("/webhook")
    async def set_webhook(data: WebhookIn) -> StateOut:
        """Set where inbound messages are posted."""
        try:
            network.set_webhook(data.url)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        return current()

    @router.post("/clock")
    async def advance(data: ClockIn) -> StateOut:
        """Move the network's clock forward, for instance past the 24-hour window."""
        network.advance(data.advance_ms)
        return current()

    @router.get("/events")
    async def events() -> StreamingResponse:
        """Stream the events `message`, `customer`, `faults` and `resync` to the page."""
        return StreamingResponse(
            _frames(network), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )


async def _frames(network: Network) -> AsyncIterator[str]:
    with network.events.listen() as queue:
        yield "event: hello\ndata: {}\n\n"
        while (frame := await queue.get()) is not None:
            yield frame
