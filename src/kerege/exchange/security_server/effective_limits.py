"""Which limits hold for a client: its own, its member's, or those of the settings.

Each bound is looked for by itself; a rate and its burst go together. 0 is a bound that
is lifted, and ends the search.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from kerege.exchange.security_server.settings import Settings
from kerege.exchange.security_server.settings_client_limits import ClientDefaults
from kerege.exchange.storage.server_configuration import ClientLimits, Side
from kerege.xroad.identifiers import ClientId

Given = Mapping[tuple[Side, ClientId], ClientLimits]
"""What the operator has set."""


class Whole(NamedTuple):
    """A bound that is a whole number; 0 is none."""

    value: int
    given_to: ClientId | None
    """The client or member that it was set for; None: the settings say it."""


class PerSecond(NamedTuple):
    """A bound on messages in time; 0 is none."""

    value: float
    burst: int
    given_to: ClientId | None


class EffectiveLimits(NamedTuple):
    """What holds for one client on one side."""

    request_bytes: Whole
    answer_bytes: Whole
    rate: PerSecond
    messages_at_once: Whole

    @property
    def are_any(self) -> bool:
        """Whether anything is bounded."""
        return any(bound.value for bound in self)


def effective(
    given: Given, side: Side, client_id: ClientId, defaults: ClientDefaults
) -> EffectiveLimits:
    """Return what holds for a client."""
    rows = [
        (who, given[side, who])
        for who in dict.fromkeys((client_id, client_id.member))
        if (side, who) in given
    ]
    return EffectiveLimits(
        _whole(rows, "request_bytes", defaults),
        _whole(rows, "answer_bytes", defaults),
        _rate(rows, defaults),
        _whole(rows, "messages_at_once", defaults),
    )


def defaults_of(settings: Settings) -> Mapping[Side, ClientDefaults]:
    """Return what the settings say for each side."""
    return {Side.CLIENT: settings.own_clients, Side.SERVER: settings.other_clients}


def are_any(defaults: ClientDefaults) -> bool:
    """Whether the settings bound anything."""
    return bool(
        defaults.request_bytes
        or defaults.answer_bytes
        or defaults.messages_per_second
        or defaults.messages_at_once
    )


def _whole(
    rows: list[tuple[ClientId, ClientLimits]], name: str, defaults: ClientDefaults
) -> Whole:
    for who, limits in rows:
        value = getattr(limits, name)
        if value is not None:
            return Whole(value, who)
    return Whole(getattr(defaults, name), None)


def _rate(
    rows: list[tuple[ClientId, ClientLimits]], defaults: ClientDefaults
) -> PerSecond:
    for who, limits in rows:
        per_second = limits.messages_per_second
        if per_second is not None:
            return PerSecond(per_second, _burst(per_second, limits.burst), who)
    per_second = defaults.messages_per_second
    return PerSecond(per_second, _burst(per_second, defaults.burst), None)


def _burst(per_second: float, burst: int | None) -> int:
    return burst or max(1, math.ceil(per_second))
