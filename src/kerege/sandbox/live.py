"""The live view as lines: one for each message that passed. No personal data.

Who asked whom for what service, the verdict, and how long it took. Paths after the
service code are never shown: they carry PINs.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

from kerege.sandbox.events import Event
from kerege.sandbox.live_state import is_good, number_of, short_name, text_of

WAITING = 1000
"""Provider sides remembered until their consumer's line comes."""


class LiveView:
    """Writes lines."""

    def __init__(
        self,
        write: Callable[[str], None],
        clock: Callable[[], datetime],
        *,
        joined: bool = True,
    ) -> None:
        """Write nothing yet.

        Args:
            write: Gets each line.
            clock: Tells the time.
            joined: The events are those of both sides of all messages: each message
                is one line, with the time at the provider's side behind it.
        """
        self._write = write
        self._clock = clock
        self._joined = joined
        self._provider_ms: OrderedDict[str, float] = OrderedDict()
        self.messages = 0
        """Messages shown so far."""

    def hear(self, event: Event) -> None:
        """Take one log event of a server."""
        if event.get("event") != "message":
            return
        request_id = text_of(event.get("request_id"))
        took = number_of(event.get("milliseconds"))
        if self._joined and event.get("side") == "server":
            self._provider_ms[request_id] = took
            while len(self._provider_ms) > WAITING:
                self._provider_ms.popitem(last=False)
            return
        self.messages += 1
        provider = self._provider_ms.pop(request_id, None)
        self._write(self._line(event, took, provider))

    def _line(self, event: Event, took: float, provider: float | None) -> str:
        verdict = text_of(event.get("verdict"))
        mark = "ok " if is_good(verdict) else "no "
        behind = f", provider {provider:.0f} ms" if provider is not None else ""
        way = ""
        if not self._joined:
            way = "in  " if event.get("side") == "server" else "out "
        return (
            f"{self._clock():%H:%M:%S} {way}{mark} {short_name(event.get('client'))} → "
            f"{short_name(event.get('service'))}  {verdict}  {took:.0f} ms{behind}"
        )
