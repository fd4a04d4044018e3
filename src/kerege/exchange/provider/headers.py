"""The X-Road headers of a request to a service, as one frozen value.

Source: PR-REST sections 4.3 and 4.4; what a Security Server passes to a service.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from kerege.exchange.provider.trust import NotBelievedError
from kerege.xroad import soap
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, SecurityServerId
from kerege.xroad.rest import (
    RepresentedParty,
    read_client_id,
    read_represented_party,
    read_server_id,
)

MAX_VALUE_CHARACTERS = 4096
"""Of one header; identifiers are shorter, and a user or an issue is a few words."""
PREFIX = "x-road-"
_ADVICE = "Requests to this address come through a Security Server, in REST."


class NoXRoadHeadersError(LookupError):
    """There are none: the request did not come through `XRoadWSGI` or `XRoadASGI`."""


@dataclass(frozen=True, slots=True)
class XRoadHeaders:
    """Who asks, for whom, why, and how to find the message again."""

    client: ClientId
    """The subsystem that calls; its Security Server has signed for it."""
    query_id: str
    """``X-Road-Id``: the message's id in the logs of both Security Servers."""
    request_id: str
    """``X-Road-Request-Id``: of this one message; empty from old servers."""
    user_id: str | None = field(default=None, repr=False)
    """Who asks, in the client's words: signed by the client, checked by nobody else."""
    issue: str | None = field(default=None, repr=False)
    """The case or purpose that it is asked for."""
    represented_party: RepresentedParty | None = field(default=None, repr=False)
    """For whom the client acts."""
    security_server: SecurityServerId | None = None
    """The one server that the client wanted to answer."""

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> Self:
        """Read the headers; names are in lower case.

        Raises `NotBelievedError` if they are not those of a Security Server.
        """
        too_long = [name for name, v in fields.items() if len(v) > MAX_VALUE_CHARACTERS]
        if too_long:
            msg = f"The header {too_long[0][:80]} is too long"
            raise _wrong(msg)
        if "x-road-client" not in fields:
            raise _wrong("The request has no X-Road-Client header")
        if not fields.get("x-road-id"):
            raise _wrong("The request has no X-Road-Id header")
        server = fields.get("x-road-security-server")
        try:
            return cls(
                read_client_id(fields["x-road-client"], "X-Road-Client"),
                fields["x-road-id"],
                fields.get("x-road-request-id", ""),
                fields.get("x-road-userid"),
                fields.get("x-road-issue"),
                read_represented_party(fields.get("x-road-represented-party")),
                read_server_id(server) if server else None,
            )
        except XRoadError as error:
            raise _wrong(error.message) from error

    @classmethod
    def of_envelope(cls, envelope: bytes, content_type: str = "text/xml") -> Self:
        """Read the header of a SOAP request; the connection was judged before.

        SOAP has no id of the single message: ``request_id`` is empty.

        Raises:
            XRoadError: it is no envelope of X-Road, or a fault; see
                `kerege.xroad.soap.read`.
        """
        message = soap.read(envelope, content_type)
        if isinstance(message, XRoadError):
            raise message
        return cls(
            message.client_id,
            message.query_id,
            "",
            message.user_id,
            message.issue,
            message.represented_party,
            message.security_server,
        )


def single_fields(headers: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the X-Road headers by name in lower case.

    Raises `NotBelievedError` if one is there twice with two values: a Security Server
    refuses that, so it was added on the way.
    """
    fields: dict[str, str] = {}
    for name, value in headers:
        small = name.lower()
        if small.startswith(PREFIX) and fields.setdefault(small, value) != value:
            msg = f"The header {name[:80]} is there twice"
            raise _wrong(msg)
    return fields


def readable(value: bytes) -> str:
    """Return a header's value as text: UTF-8, as Security Servers write, or Latin-1."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _wrong(reason: str) -> NotBelievedError:
    return NotBelievedError(reason, _ADVICE)
