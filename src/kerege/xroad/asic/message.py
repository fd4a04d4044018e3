"""Who speaks in ``message.xml``.

Rules (`AsicContainerVerifier.getSigner`): the text is a SOAP envelope, else a REST
block. A request was signed by the client's member, a response by the provider's.
"""

from collections.abc import Callable
from dataclasses import dataclass

from kerege.xroad import soap
from kerege.xroad.asic.names import Direction
from kerege.xroad.faults import RelayedFaultError, XRoadError
from kerege.xroad.identifiers import ClientId, ServiceId
from kerege.xroad.rest import RestRequest, RestResponse

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_INVALID = "invalid_message"


@dataclass(frozen=True, slots=True)
class MessageInfo:
    """What a message says of itself."""

    protocol: str
    """``SOAP`` or ``REST``."""
    direction: Direction
    query_id: str
    client: ClientId
    service: ServiceId
    user_id: str | None
    issue: str | None
    represented_party: str | None

    @property
    def signer(self) -> ClientId:
        """Who must have signed it."""
        is_request = self.direction is Direction.REQUEST
        return self.client if is_request else self.service.client_id


def read_message(message: bytes) -> MessageInfo:
    """Read the identifiers of a message.

    Raises:
        XRoadError: ``invalid_message``, if it is neither SOAP nor REST of X-Road.
    """
    is_xml = message.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"<")
    reader: Callable[[bytes], MessageInfo] = _soap if is_xml else _rest
    try:
        return reader(message)
    except XRoadError as error:
        raise XRoadError(
            _INVALID, f"message.xml is no X-Road message: {error.message}"
        ) from error


def _soap(data: bytes) -> MessageInfo:
    read = soap.read(data, "text/xml")
    if isinstance(read, RelayedFaultError):
        raise XRoadError(_INVALID, "it is a SOAP fault, which nobody signs")
    party = read.represented_party
    return MessageInfo(
        protocol="SOAP",
        direction=Direction.RESPONSE if read.is_response else Direction.REQUEST,
        query_id=read.query_id,
        client=read.client_id,
        service=read.service_id,
        user_id=read.user_id,
        issue=read.issue,
        represented_party=party.short if party else None,
    )


def _rest(data: bytes) -> MessageInfo:
    if data[:1].isdigit():
        response = RestResponse.parse(data)
        if response.client_id is None or response.service_id is None:
            raise XRoadError(_INVALID, "it names no client or no service")
        return MessageInfo(
            *("REST", Direction.RESPONSE, response.query_id),
            *(response.client_id, response.service_id),
            *(None, None, None),
        )
    request = RestRequest.parse(data)
    party = request.represented_party
    return MessageInfo(
        protocol="REST",
        direction=Direction.REQUEST,
        query_id=request.query_id,
        client=request.client_id,
        service=request.service_id,
        user_id=request.user_id,
        issue=request.issue,
        represented_party=party.short if party else None,
    )
