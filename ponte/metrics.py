"""What an operator can count and graph. Prometheus names its units in seconds by custom."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_TURN = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0)


class Metrics:
    """All metrics of a process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.inbound = Counter(
            "ponte_inbound_messages", "Customers' messages", ["source", "outcome"], registry=self.registry
        )
        self.acknowledge = Histogram(
            "ponte_webhook_seconds",
            "From a webhook's arrival to its 200",
            buckets=_FAST,
            registry=self.registry,
        )
        self.rejected = Counter(
            "ponte_webhook_rejected", "Webhooks refused", ["reason"], registry=self.registry
        )
        self.turns = Counter("ponte_turns", "Turns committed", ["kind"], registry=self.registry)
        self.turn_seconds = Histogram(
            "ponte_turn_seconds", "From a turn's begin to its commit", buckets=_TURN, registry=self.registry
        )
        self.turn_failures = Counter(
            "ponte_turn_failures", "Turns that raised", ["error"], registry=self.registry
        )
        self.handoffs = Counter("ponte_handoffs", "Handoffs to a human", ["trigger"], registry=self.registry)
        self.withheld = Counter(
            "ponte_replies_withheld",
            "Answers of the model that were not sent",
            ["reason"],
            registry=self.registry,
        )
        self.sends = Counter("ponte_sends", "Sends tried at Twilio", ["outcome"], registry=self.registry)
        self.statuses = Counter(
            "ponte_message_statuses", "Status callbacks", ["status"], registry=self.registry
        )
        self.reply_seconds = Histogram(
            "ponte_reply_seconds",
            "From a message's acceptance to its answer at Twilio",
            buckets=_TURN,
            registry=self.registry,
        )
        self.caught_up = Counter(
            "ponte_caught_up",
            "Messages that the webhook missed and the catch-up found",
            registry=self.registry,
        )
        self.speech = Counter(
            "ponte_speech", "Texts that were to be spoken", ["outcome"], registry=self.registry
        )
        self.csat = Counter("ponte_csat", "How content customers were", ["score"], registry=self.registry)
        self.conversations = Gauge(
            "ponte_conversations", "Open conversations", ["status"], registry=self.registry
        )
        self.outbox = Gauge("ponte_outbox", "Messages that Twilio does not have yet", registry=self.registry)
        self.dead = Gauge("ponte_inbox_dead", "Inbox rows given up", registry=self.registry)
