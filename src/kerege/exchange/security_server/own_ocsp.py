"""OCSP responses of this server's own certificates, for every message that it sends."""

from collections.abc import Callable, Sequence

from cryptography import x509

from kerege.xroad.certificates import certificate_sha256

ResponseByHash = Callable[[bytes], bytes | None]
"""SHA-256 of one of our certificates to its newest valid OCSP response."""


class OwnOCSP:
    """Gives the responses of chains of ours."""

    def __init__(self, response_by_hash: ResponseByHash) -> None:
        """Look responses up with ``response_by_hash``."""
        self._response_by_hash = response_by_hash

    def responses(self, chain: Sequence[x509.Certificate]) -> tuple[bytes, ...] | None:
        """Return one response for each certificate, or None if one is missing."""
        found: list[bytes] = []
        for certificate in chain:
            response = self._response_by_hash(certificate_sha256(certificate))
            if response is None:
                return None
            found.append(response)
        return tuple(found)
