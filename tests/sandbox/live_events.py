"""Events for tests of the live view, as servers log them."""

from datetime import UTC, datetime

PORTAL = "SUBSYSTEM:central-server/GOV/70000001/portal"
BANK = "SUBSYSTEM:central-server/COM/60000001/banking"
FACT = "SERVICE:central-server/GOV/70000050/sanaripaymak-service/address-fact"
FAMILY = "SERVICE:central-server/GOV/70000050/sanaripaymak-service/family-members"
DENIED = "server.serverproxy.access_denied"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()


def message(side="client", verdict="200", *, client=PORTAL, service=FACT, **more):
    """Return the event of one message."""
    return {
        "event": "message",
        "side": side,
        "client": client,
        "service": service,
        "verdict": verdict,
        "milliseconds": 12.4,
        "request_id": "r1",
    } | more
