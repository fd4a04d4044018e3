"""What a passed message leaves for operators: one event, and a warning if it failed.

No personal data: identifiers that are known (`known_names`) and codes, never what stands
behind the service code. A peer's own words, whether texts, codes or ids, go to the
client only, for they may quote a path.
"""

import time

import structlog

from kerege.exchange.security_server.asked import Asked
from kerege.exchange.security_server.known_names import (
    NOT_TOLD,
    told_code,
    told_id,
)
from kerege.exchange.security_server.runtime import Exchange, Runtime
from kerege.exchange.security_server.trace import Trace
from kerege.xroad.faults import RelayedFaultError, XRoadError

_log = structlog.get_logger(__name__)


class Report:
    """One message on one side, from its beginning."""

    def __init__(self, runtime: Runtime, side: str) -> None:
        """Start the clock; ``side`` is ``client`` or ``server``."""
        self._runtime = runtime
        self._side = side
        self._started = time.perf_counter()
        self.trace = Trace()
        """What is noted on the way, for operational monitoring."""

    def ended(
        self,
        request: Asked | None,
        status: int,
        fault: XRoadError | None,
        sizes: tuple[int, int] = (0, 0),
    ) -> None:
        """Say how the message went.

        Args:
            request: What was asked, if that could be read.
            status: The answer's, if there was no fault.
            fault: Why it failed.
            sizes: Bytes of the request's body and of the answer's.
        """
        self.trace.release()
        if self._runtime.operational is not None:
            self._runtime.operational.note(
                self._side, request, status, fault, sizes, self.trace
            )
        names = self._runtime.names
        has_passed = fault is None
        self._runtime.on_exchange(
            Exchange(
                side=self._side,
                client=names.client(request.client_id) if request else "",
                service=names.service(request.service_id, has_passed=has_passed)
                if request
                else "",
                verdict=told_code(fault) if fault else str(status),
                milliseconds=(time.perf_counter() - self._started) * 1000,
                request_id=told_id(request.request_id or "") if request else "",
                fault_detail=told_id(fault.detail) if fault else "",
                request_bytes=sizes[0],
                response_bytes=sizes[1],
            )
        )
        if fault is not None:
            self._failed(request, fault)

    def _failed(self, request: Asked | None, fault: XRoadError) -> None:
        is_relayed = isinstance(fault, RelayedFaultError)
        tell = self._runtime.names.told
        advice = tell(fault.advice, fault.code, request)
        _log.warning(
            "message failed",
            side=self._side,
            code=told_code(fault),
            detail=told_id(fault.detail),
            reason=None if is_relayed else tell(fault.unquoted, fault.code, request),
            advice=None if advice in ("", NOT_TOLD) else advice,
        )
