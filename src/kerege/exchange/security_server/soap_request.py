"""A SOAP request: its bytes, and what they say."""

import hashlib
from base64 import b64encode
from dataclasses import dataclass, field

from kerege.xroad.identifiers import ClientId, SecurityServerId, ServiceId
from kerege.xroad.rest import RepresentedParty
from kerege.xroad.soap import SoapMessage


@dataclass(frozen=True, slots=True)
class SoapRequest:
    """A request that is signed and logged as `content`; it is `Asked`."""

    content: bytes = field(repr=False)
    """The envelope as received, a byte-order mark included."""
    digest: bytes = field(repr=False)
    """SHA-512 of the envelope: signature and request hash are over it."""
    header: SoapMessage
    request_id: str | None
    """The consumer server's id of this exchange; only old peers send none."""

    @classmethod
    def of(
        cls,
        content: bytes,
        header: SoapMessage,
        request_id: str | None,
        digest: bytes | None = None,
    ) -> "SoapRequest":
        """Return the request with these bytes; ``digest`` if it is known already."""
        known = digest or hashlib.sha512(content).digest()
        return cls(content, known, header, request_id)

    @property
    def hash(self) -> str:
        """The request hash that the answer must have."""
        return b64encode(self.digest).decode("ascii")

    @property
    def client_id(self) -> ClientId:
        """Who asks."""
        return self.header.client_id

    @property
    def service_id(self) -> ServiceId:
        """What for."""
        return self.header.service_id

    @property
    def query_id(self) -> str:
        """The client's id of the exchange."""
        return self.header.query_id

    @property
    def target_security_server(self) -> SecurityServerId | None:
        """The provider's server that must be asked, if the client chose one."""
        return self.header.security_server

    @property
    def represented_party(self) -> RepresentedParty | None:
        """On whose behalf the client acts."""
        return self.header.represented_party

    @property
    def user_id(self) -> str | None:
        """Who acts for the client."""
        return self.header.user_id

    @property
    def issue(self) -> str | None:
        """What case the request belongs to."""
        return self.header.issue
