"""From what went wrong to an X-Road fault, as the reference translates exceptions.

Towards a service: unknown host `unknown_host`, refused, unreachable or reset
`network_error`, everything else on a connection `io_error`. Towards another security
server (`FastestConnectionSelectingSSLSocketFactory.java`): no connection, whyever,
`network_error`, no handshake `ssl_authentication_failed`, a reset in its middle too: who
does not accept a certificate may say no more than that. The advice tells the cases
apart. A bug of ours is `internal_error` with an id and no details.
"""

import ssl

import structlog

from kerege.exchange.http import ConnectFailed, HttpError
from kerege.xroad.faults import RelayedFaultError, XRoadError

_log = structlog.get_logger(__name__)

_CODE_OF_FAILURE = {
    "unknown_host": "unknown_host",
    "tls": "io_error",
    "exhausted": "internal_error",
}
_CODE_OF_PEER_FAILURE = {
    "tls": "ssl_authentication_failed",
    "exhausted": "internal_error",
}


_CUT_IN_HANDSHAKE = (
    "The connection was cut while TLS was being agreed on. Nothing says that a "
    "certificate is wrong: look at firewalls and balancers between the servers first. "
    "If only this one cannot connect, ask the other side whether it refuses this "
    "server's certificate: kerege doctor."
)
_NO_HANDSHAKE = (
    "The other side speaks another TLS than X-Road's, or none. Is it a security server "
    "that listens at this address and port?"
)


def as_fault(error: BaseException) -> XRoadError:
    """Return the fault that stands for ``error``, without prefix."""
    if isinstance(error, XRoadError):
        return error
    if isinstance(error, ConnectFailed):
        code = _CODE_OF_FAILURE.get(error.why, "network_error")
        return XRoadError(code, str(error))
    if isinstance(error, HttpError):
        is_reset = isinstance(error.__cause__, ConnectionError)
        return XRoadError("network_error" if is_reset else "io_error", str(error))
    if isinstance(error, OSError):
        return XRoadError("io_error", f"{type(error).__name__}: {error.strerror}")
    _log.error("unexpected failure", exc_info=error)
    return XRoadError(
        "internal_error",
        "An unexpected failure; the operator finds it in the log",
        advice="This is a bug in Kerege: please report the logged traceback.",
    )


def as_peer_fault(error: BaseException) -> XRoadError:
    """Return the fault for what went wrong on the way to another security server."""
    if isinstance(error, ConnectFailed):
        code = _CODE_OF_PEER_FAILURE.get(error.why, "network_error")
        if error.why != "tls":
            return XRoadError(code, str(error))
        was_cut = not isinstance(error.__cause__, ssl.SSLError)
        advice = _CUT_IN_HANDSHAKE if was_cut else _NO_HANDSHAKE
        return XRoadError(code, f"TLS handshake failed. {error}", advice=advice)
    return as_fault(error)


def identified(fault: XRoadError, new_id: str) -> XRoadError:
    """Return the fault with a detail: the id under which operators find it."""
    if fault.detail or isinstance(fault, RelayedFaultError):
        return fault
    identified_fault = XRoadError(
        fault.code, fault.message, detail=new_id, advice=fault.advice
    )
    identified_fault.__cause__ = fault
    return identified_fault
