"""What can go wrong with a call, by who has to act.

    XRoadCallError                   any of these
     +- SecurityServerUnreachable    no connection to our own server: nothing was sent
     +- NoAnswer                     sent, but the connection broke: it may be done
         +- AnswerTimedOut           sent, but no answer came in time: likewise
     +- AnswerTooLarge               longer than we were ready to take
     +- NotAnXRoadAnswer             from something that is no Security Server
     +- ServiceStatusError           `Response.raise_for_status`: the service said no
     +- ServiceSoapFault             `SoapResponse.raise_for_status`: likewise
     +- XRoadFault                   a server on the way refused or failed
         +- ClientRequestFault       our request is wrong (``client.``)
         +- OwnServerFault           our own server (``server.clientproxy.``)
         +- TransportFault           our server could not reach the provider's
         +- ProviderServerFault      the provider's server (``server.serverproxy.``)
         +- ServiceFault             the provider's server could not use its service

No error holds a path, a query or a body. Each has the query id, with which both sides
find the message in their message logs; a fault has the detail too, with which the
operator of the server that noticed finds the reason in its system log.

Source: facts on faults; ``ErrorCodes.java`` of X-Road 7.8.
"""

from kerege.exchange.client.advice import advice_for, modern_parts


class XRoadCallError(Exception):
    """A call did not bring an answer of the service."""

    def __init__(self, message: str, *, query_id: str = "", advice: str = "") -> None:
        """Make an error.

        Args:
            message: What happened.
            query_id: The call's ``X-Road-Id``.
            advice: What to do about it.
        """
        super().__init__(message)
        self.message = message
        self.query_id = query_id
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message}. {self.advice}" if self.advice else self.message


class SecurityServerUnreachable(XRoadCallError):  # noqa: N818 - said in words of operators
    """There is no connection to our own Security Server; nothing was sent."""


class NoAnswer(XRoadCallError):  # noqa: N818 - said in words of operators
    """The connection to our own server broke before the whole answer was here.

    Whether the service has done what was asked is not known: look with a read before
    sending a change a second time.
    """


class AnswerTimedOut(NoAnswer):
    """The answer did not come in time."""


class AnswerTooLarge(XRoadCallError):  # noqa: N818 - said in words of operators
    """The answer is longer than ``max_answer_bytes``."""


class NotAnXRoadAnswer(XRoadCallError):  # noqa: N818 - said in words of operators
    """What answered is no Security Server, or took the request for something else.

    Answers that passed Security Servers have the request's hash; this one has not, so
    nobody has signed or checked it.
    """


class ServiceStatusError(XRoadCallError):
    """The service itself answered with a status of 400 or more."""

    def __init__(self, status: int, reason: str, *, query_id: str) -> None:
        """Make an error from the answer's status line."""
        super().__init__(
            f"The service answered {status} {reason}".rstrip(), query_id=query_id
        )
        self.status = status


class ServiceSoapFault(XRoadCallError):  # noqa: N818 - a fault, in SOAP's words
    """The service itself answered with a SOAP fault."""

    def __init__(self, code: str, text: str, *, detail: str, query_id: str) -> None:
        """Make an error from the fault's code, string and detail."""
        super().__init__(
            f"The service answered with the fault {code}: {text}", query_id=query_id
        )
        self.code = code
        self.text = text
        self.detail = detail


class XRoadFault(XRoadCallError):  # noqa: N818 - a fault, in X-Road's words
    """A server on the way refused the message or failed.

    The base is raised itself only for codes that X-Road's table does not have.
    """

    def __init__(self, code: str, text: str, *, detail: str, query_id: str) -> None:
        """Make a fault.

        Args:
            code: As the server spelt it, e.g. ``server.serverproxy.access_denied``.
            text: The server's own words.
            detail: The id of the occurrence, in the log of the server that noticed.
            query_id: The call's ``X-Road-Id``.
        """
        super().__init__(
            f"{code}: {text}" if text else code,
            query_id=query_id,
            advice=advice_for(code),
        )
        self.code = code
        self.text = text
        self.detail = detail

    @property
    def cause(self) -> str:
        """The last part of the code in the 7.8 spelling, e.g. ``access_denied``."""
        return modern_parts(self.code)[-1]


class ClientRequestFault(XRoadFault):
    """Our request is wrong: correct the application."""


class OwnServerFault(XRoadFault):
    """Our own Security Server refused or failed: ask its operator."""


class TransportFault(XRoadFault):
    """Our server could not reach the provider's server: ask our operator, or wait."""


class ProviderServerFault(XRoadFault):
    """The provider's Security Server refused or failed, or its answer was wrong."""


class ServiceFault(XRoadFault):
    """The provider's Security Server could not use the service behind it."""


_REACHING = frozenset(("network_error", "unknown_host", "io_error"))
"""Causes that mean: the next one on the way could not be reached."""
_NOTICED_BY: tuple[tuple[tuple[str, ...], type[XRoadFault], type[XRoadFault]], ...] = (
    (("client",), ClientRequestFault, ClientRequestFault),
    (("server", "clientproxy", "service_failed"), ProviderServerFault, TransportFault),
    (("server", "clientproxy"), OwnServerFault, TransportFault),
    (("server", "serverproxy", "service_failed"), ServiceFault, ServiceFault),
    (("server", "serverproxy"), ProviderServerFault, ServiceFault),
)
"""Prefix of the code, whose fault it is, and whose if the next could not be reached."""


def fault_of(code: str, text: str, *, detail: str, query_id: str) -> XRoadFault:
    """Return the fault for a code, as the class that says who has to act."""
    parts = modern_parts(code)
    for prefix, kind, reaching in _NOTICED_BY:
        if parts[: len(prefix)] == prefix:
            chosen = reaching if parts[-1] in _REACHING else kind
            return chosen(code, text, detail=detail, query_id=query_id)
    return XRoadFault(code, text, detail=detail, query_id=query_id)
