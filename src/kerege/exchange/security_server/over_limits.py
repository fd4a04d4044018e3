"""Tells operators of clients that exceed their limits: counted, and logged now and then.

A client that floods must not flood the log as well: one event a minute says for how
many messages it stands. (`message failed` says it of each, as of everything refused.)
"""

import time
from collections.abc import Callable

import structlog

from kerege.exchange.security_server.limiting import Exceeded
from kerege.xroad.identifiers import ClientId

QUIET_SECONDS = 60.0
"""Between two events of one client and bound."""
MAX_REMEMBERED = 1024
"""Of those that were told of lately."""

_log = structlog.get_logger(__name__)


class OverLimits:
    """Hears of everything that was refused. Used by one thread."""

    def __init__(
        self,
        name: Callable[[ClientId], str],
        count: Callable[[str, str, str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Tell nobody yet.

        Args:
            name: What of a client may be told.
            count: Counts side, client and bound for Prometheus.
            clock: Seconds that never go back.
        """
        self._name = name
        self._count = count
        self._clock = clock
        self._told: dict[Exceeded, tuple[float, int]] = {}
        """When it was told last, and how many messages were refused since."""

    def __call__(self, exceeded: Exceeded) -> None:
        """Note one message."""
        side, bound = exceeded.side.value, exceeded.bound.value
        client = self._name(exceeded.client)
        self._count(side, client, bound)
        now = self._clock()
        at, refused = self._told.get(exceeded, (now - QUIET_SECONDS, 0))
        if now - at < QUIET_SECONDS:
            self._told[exceeded] = (at, refused + 1)
            return
        if len(self._told) >= MAX_REMEMBERED:
            self._told.clear()
        self._told[exceeded] = (now, 0)
        _log.warning(
            "client over limit",
            side=side,
            client=client,
            limit=bound,
            refused=refused + 1,
            advice="What holds: kerege security-server limits show",
        )
