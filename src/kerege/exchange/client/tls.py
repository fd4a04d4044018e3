"""How to talk HTTPS to one's own Security Server."""

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TLS:
    """Whom to trust, and what to show. All files are PEM.

    Security Servers show a self-signed certificate on port 8443: copy it from the
    server and name it as ``pinned``. With neither ``pinned`` nor ``ca`` the system's
    CAs are trusted.
    """

    pinned: Path | str | None = None
    """The server's own certificate; the host name does not matter then."""
    ca: Path | str | None = None
    """CAs that may have issued the server's certificate; the host name is checked."""
    certificate: Path | str | None = None
    """Our certificate (and its chain), registered for the client at the server."""
    key: Path | str | None = None
    """Its private key, if it is not in the same file."""
    password: str | None = None
    """Of the private key, if it is encrypted."""

    def __repr__(self) -> str:
        return f"TLS(pinned={self.pinned!r}, ca={self.ca!r})"

    def context(self) -> ssl.SSLContext:
        """Return an SSL context.

        Raises:
            ValueError: both ``pinned`` and ``ca``.
            OSError: a file cannot be read, or is not PEM (`ssl.SSLError`).
        """
        if self.pinned and self.ca:
            raise ValueError("Trust a pinned certificate or a CA, not both")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.pinned:
            context.check_hostname = False
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            context.load_verify_locations(cafile=self.pinned)
        elif self.ca:
            context.load_verify_locations(cafile=self.ca)
        else:
            context.load_default_certs()
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key, self.password)
        return context
