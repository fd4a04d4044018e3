"""Limits for clients that have none of their own: two sections of the settings file."""

from dataclasses import dataclass

from kerege.exchange.security_server.setting_options import option


@dataclass(frozen=True, slots=True)
class ClientDefaults:
    """What each client may do that has no limits of its own."""

    request_bytes: int = option(
        0,
        "Largest request: a REST body, or a SOAP envelope with its attachments; 0 sets "
        "no bound. `limits.body_bytes` holds for everybody besides.",
    )
    answer_bytes: int = option(0, "Largest answer, counted likewise; 0 sets no bound.")
    messages_per_second: float = option(
        0.0,
        "Messages that a client may send in a second, on average and over all workers "
        "together; 0 sets no bound.",
    )
    burst: int = option(
        0,
        "Messages that it may send at once after a pause; 0 stands for those of one "
        "second.",
    )
    messages_at_once: int = option(
        0,
        "Messages that it may have under way at one time; 0 sets no bound. Each of "
        "several `workers` allows its part, rounded up.",
    )


@dataclass(frozen=True, slots=True)
class OwnClients(ClientDefaults):
    """Limits of each client of this server that has none of its own (`limits set`)."""


@dataclass(frozen=True, slots=True)
class OtherClients(ClientDefaults):
    """Limits of each client whose messages come from other servers, likewise."""
