"""The live view: one line per message that passed. No personal data.

Who asked whom for what service, the verdict, and how long it took at the consumer and
at the provider. Paths after the service code are never shown: they carry PINs.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

from kerege.sandbox.processes import Event

WAITING = 1000
"""Provider sides remembered until their consumer's line comes."""


class LiveView:
    """Joins both sides of a message into one line."""

    def __init__(
        self, write: Callable[[str], None], clock: Callable[[], datetime]
    ) -> None:
        """Give each line to ``write``."""
        self._write = write
        self._clock = clock
        self._provider_ms: OrderedDict[str, float] = OrderedDict()
        self.messages = 0
        """Messages shown so far."""

    def hear(self, event: Event) -> None:
        """Take one log event of a server."""
        if event.get("event") != "message":
            return
        request_id = str(event.get("request_id", ""))
        milliseconds = event.get("milliseconds")
        took = float(milliseconds) if isinstance(milliseconds, int | float) else 0.0
        if event.get("side") == "server":
            self._provider_ms[request_id] = took
            while len(self._provider_ms) > WAITING:
                self._provider_ms.popitem(last=False)
            return
        self.messages += 1
        provider = self._provider_ms.pop(request_id, None)
        self._write(self._line(event, took, provider))

    def _line(self, event: Event, took: float, provider: float | None) -> str:
        verdict = str(event.get("verdict", ""))
        mark = "ok " if verdict.isdigit() and int(verdict) < 400 else "no "
        behind = f", provider {provider:.0f} ms" if provider is not None else ""
        return (
            f"{self._clock():%H:%M:%S} {mark} {_short(event.get('client'))} → "
            f"{_short(event.get('service'))}  {verdict}  {took:.0f} ms{behind}"
        )


def _short(identifier: object) -> str:
    """Leave out the type and the instance: ``GOV/70000001/portal``."""
    text = str(identifier or "?")
    return text.partition(":")[2].partition("/")[2] or text
