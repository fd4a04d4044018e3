"""Messages of one member that come to be signed together share a signature.

The signature is of the top of a hash tree over the messages; each message gets its own
path in that tree, and nothing of the others but digests (X-Road: batch signing).

* Nobody waits for company by the clock. Whoever comes to be signed while the event
  loop runs what is ready to run is in the same batch: on an idle server that is one
  message, on a busy one several.
* A full batch is signed at once: if all waited for all, this server would work while
  its peer is idle, and the other way round.
* A message alone in its batch is signed as it would be without batches.
* If a batch cannot be signed, each message is tried alone and hears its own error.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, TypeAlias

from kerege.xroad.signature import Part, SignatureData

MOST_MESSAGES = 8
"""In one batch. Twice as many would save another sixteenth of a signature's time for
each message, and leave two servers waiting for each other a tenth of the time."""

SignTogether: TypeAlias = Callable[
    [Sequence[Sequence[Part]], datetime], list[SignatureData]
]
"""Signs messages with one signature value, as of a time. Raises XRoadError."""


class _Waiting(NamedTuple):
    parts: Sequence[Part]
    signing_time: datetime
    future: "asyncio.Future[SignatureData]"


class Batch:
    """The messages of one member that wait to be signed; for one event loop."""

    def __init__(self, sign: SignTogether) -> None:
        """Sign with ``sign``, which does not wait for anything."""
        self._sign = sign
        self._waiting: list[_Waiting] = []

    def add(
        self, parts: Sequence[Part], signing_time: datetime
    ) -> "asyncio.Future[SignatureData]":
        """Have a message signed; the future raises what signing it raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[SignatureData] = loop.create_future()
        self._waiting.append(_Waiting(parts, signing_time, future))
        if len(self._waiting) == MOST_MESSAGES:
            self._sign_waiting()
        elif len(self._waiting) == 1:
            loop.call_soon(self._sign_waiting)
        return future

    def _sign_waiting(self) -> None:
        """Sign what waits, if the batch has not been full meanwhile."""
        waiting = [each for each in self._waiting if not each.future.done()]
        self._waiting = []
        if waiting:
            self._sign_some(waiting)

    def _sign_some(self, some: Sequence[_Waiting]) -> None:
        try:
            signed = self._sign([each.parts for each in some], some[-1].signing_time)
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it
            if len(some) == 1:
                some[0].future.set_exception(error)
                return
            for each in some:
                self._sign_some([each])
            return
        for each, signature in zip(some, signed, strict=True):
            each.future.set_result(signature)
