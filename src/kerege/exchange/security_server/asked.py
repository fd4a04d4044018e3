"""What a request asks, as far as REST and SOAP have it in common.

Finding the provider's server, admitting the client, logging and reporting need no more.
"""

from typing import Protocol

from kerege.xroad.identifiers import ClientId, SecurityServerId, ServiceId
from kerege.xroad.rest import RepresentedParty


class Asked(Protocol):
    """A `RestRequest`, or a `SoapRequest`."""

    @property
    def client_id(self) -> ClientId:
        """Who asks."""
        ...

    @property
    def service_id(self) -> ServiceId:
        """What for."""
        ...

    @property
    def query_id(self) -> str:
        """The client's id of the exchange."""
        ...

    @property
    def request_id(self) -> str | None:
        """The consumer server's id of the exchange; only old peers send none."""
        ...

    @property
    def target_security_server(self) -> SecurityServerId | None:
        """The provider's server that must be asked, if the client chose one."""
        ...

    @property
    def represented_party(self) -> RepresentedParty | None:
        """On whose behalf the client acts."""
        ...

    @property
    def user_id(self) -> str | None:
        """Who acts for the client."""
        ...

    @property
    def issue(self) -> str | None:
        """What case the request belongs to."""
        ...
