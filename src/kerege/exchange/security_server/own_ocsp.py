"""OCSP responses of this server's own certificates, for every message that it sends."""

from collections.abc import Callable, Sequence

from cryptography import x509

from kerege.xroad.certificates import certificate_sha256

ResponseByHash = Callable[[bytes], bytes | None]
"""SHA-256 of one of our certificates to its newest valid OCSP response."""


class OwnOCSP:
    """Gives the responses of chains of ours; their hashes are computed once."""

    def __init__(self, response_by_hash: ResponseByHash) -> None:
        """Look responses up with ``response_by_hash``."""
        self._response_by_hash = response_by_hash
        self._hashes: dict[tuple[x509.Certificate, ...], tuple[bytes, ...]] = {}

    def responses(self, chain: Sequence[x509.Certificate]) -> tuple[bytes, ...] | None:
        """Return one response for each certificate, or None if one is missing."""
        key = tuple(chain)
        hashes = self._hashes.get(key)
        if hashes is None:
            hashes = self._hashes[key] = tuple(certificate_sha256(c) for c in key)
        found: list[bytes] = []
        for digest in hashes:
            response = self._response_by_hash(digest)
            if response is None:
                return None
            found.append(response)
        return tuple(found)
