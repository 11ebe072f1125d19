"""The gateway's counters, as `GET /metrics` gives them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

webhooks = Counter(
    "throughline_webhooks", "Requests from platforms by outcome", ["channel", "outcome"], registry=REGISTRY
)
webhook_seconds = Histogram(
    "throughline_webhook_seconds",
    "Time until a platform had its answer",
    ["channel"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
accepted = Counter(
    "throughline_messages_accepted", "Inbound messages on disk", ["channel", "repeated"], registry=REGISTRY
)
unread = Counter(
    "throughline_unread",
    "Parts of webhooks kept for inspection because they could not be read",
    ["channel"],
    registry=REGISTRY,
)
sends = Counter("throughline_sends", "Attempts to send by outcome", ["channel", "outcome"], registry=REGISTRY)
send_seconds = Histogram("throughline_send_seconds", "Time of one attempt", ["channel"], registry=REGISTRY)
waits = Counter(
    "throughline_waits", "Customers who were told that it takes longer, by word", ["channel", "word"], registry=REGISTRY
)
media = Counter(
    "throughline_media", "Attempts to fetch a customer's file by outcome", ["channel", "outcome"], registry=REGISTRY
)
links = Counter("throughline_links_minted", "Link codes made", ["to_channel"], registry=REGISTRY)
codes = Counter(
    "throughline_codes_typed", "Codes that customers typed, by what came of it", ["outcome"], registry=REGISTRY
)
sockets = Counter("throughline_webchat_sockets", "Web chat sockets opened", registry=REGISTRY)
sockets_open = Gauge("throughline_sockets_open", "Sockets open at this gateway", ["of"], registry=REGISTRY)
