"""Which connections are those of one's own Security Server.

Two rules, of which the service's operator chooses one:

* `LoopbackListener`: Security Server and service are on one machine, and the service
  listens for it on loopback only. Nobody outside can connect. What can go wrong is a
  proxy on the same machine that passes requests of the public on: so the listener
  should have a port that no proxy knows, and requests that a proxy has marked are
  refused.
* `MutualTLS`: the Security Server shows the certificate that it has for information
  systems (``internal.crt``), and it is that one, byte for byte.
"""

import re
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Protocol

MAX_CERTIFICATE_CHARACTERS = 64 * 1024
"""Of a PEM file or value; a certificate has about two thousand."""
PROXY_HEADERS = frozenset(
    ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
)
"""What proxies add."""
_PEM = re.compile(
    r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----"
)


class NotBelievedError(Exception):
    """The request does not come from one's own Security Server, as far as can be told."""

    def __init__(self, reason: str, advice: str) -> None:
        """Make an error from what happened and what to do about it."""
        super().__init__(f"{reason}. {advice}")
        self.reason = reason
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Connection:
    """What is known of the connection that a request came by."""

    peer: str = ""
    """Address of who connected; empty if it is not known."""
    listener: str = ""
    """Address that was connected to; empty if it is not known."""
    port: int | None = None
    """Port that was connected to."""
    certificate: bytes | None = field(default=None, repr=False)
    """DER of the certificate that the peer showed in TLS."""
    headers: frozenset[str] = frozenset()
    """Names of the request's headers, in lower case."""


class Trust(Protocol):
    """A rule by which connections are judged."""

    def judge(self, connection: Connection) -> None:
        """Raise `NotBelievedError` if the request is not to be believed."""
        ...


@dataclass(frozen=True, slots=True)
class LoopbackListener:
    """Believe connections from this machine to a loopback address."""

    port: int | None = None
    """The port that only the Security Server knows; None: any."""
    accept_forwarded: bool = False
    """Believe also requests with headers that proxies add. The consumer's side may have
    added them: then no proxy of one's own may know the port."""

    def judge(self, connection: Connection) -> None:
        """Raise `NotBelievedError` for connections of anybody else."""
        if not is_loopback(connection.peer):
            msg = (
                f"The connection is from {connection.peer or 'an unknown address'}, "
                "not from this machine"
            )
            raise NotBelievedError(
                msg,
                "X-Road headers are believed only from the service's own Security "
                "Server: let it connect to a loopback address, or use mutual TLS.",
            )
        if connection.listener and not is_loopback(connection.listener):
            msg = (
                f"The service was reached at {connection.listener}, which others reach "
                "too"
            )
            raise NotBelievedError(
                msg,
                "Let the Security Server connect to a loopback address: 127.0.0.1.",
            )
        if self.port is not None and connection.port != self.port:
            msg = (
                f"The service was reached at port {connection.port}, and its Security "
                f"Server connects to {self.port}"
            )
            raise NotBelievedError(
                msg,
                "Set the service's address in the Security Server to that port.",
            )
        forwarded = sorted(PROXY_HEADERS & connection.headers)
        if forwarded and not self.accept_forwarded:
            msg = f"A proxy has passed the request on (header {forwarded[0]})"
            raise NotBelievedError(
                msg,
                "Let the Security Server connect to the service itself. If the "
                "header is from the consumer's side and no proxy of yours knows this "
                "port: LoopbackListener(port=..., accept_forwarded=True).",
            )


class MutualTLS:
    """Believe connections that show one of these certificates."""

    def __init__(self, certificates: Iterable[Path | str]) -> None:
        """Read PEM files: the Security Server's ``internal.crt``; two while it changes.

        Raises:
            OSError: a file cannot be read.
            ValueError: a file has no certificate.
        """
        self._believed = frozenset(
            der for path in certificates for der in _read(Path(path))
        )
        if not self._believed:
            raise ValueError("Name the certificate of your own Security Server")

    def judge(self, connection: Connection) -> None:
        """Raise `NotBelievedError` for connections of anybody else."""
        if connection.certificate is None:
            raise NotBelievedError(
                "The connection shows no TLS certificate",
                "X-Road headers are believed only from the service's own Security "
                "Server: let it connect by HTTPS, and let the web server ask for the "
                "client's certificate and hand it on.",
            )
        if connection.certificate not in self._believed:
            raise NotBelievedError(
                "The certificate of the connection is not that of the service's own "
                "Security Server",
                "Copy the Security Server's internal.crt to the service again.",
            )


def is_loopback(address: str) -> bool:
    """Whether an address is one of this machine's own that nobody else reaches."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback


def der_of(pem: str) -> bytes | None:
    """Return the first certificate of a PEM text, or None if there is none."""
    found = certificates_of(pem)
    return found[0] if found else None


def certificates_of(pem: str) -> Sequence[bytes]:
    """Return the certificates of a PEM text as DER."""
    if len(pem) > MAX_CERTIFICATE_CHARACTERS:
        return ()
    try:
        return [ssl.PEM_cert_to_DER_cert(text) for text in _PEM.findall(pem)]
    except ValueError:
        return ()


def _read(path: Path) -> Sequence[bytes]:
    with path.open("rb") as file:
        text = file.read(MAX_CERTIFICATE_CHARACTERS).decode("ascii", errors="replace")
    found = certificates_of(text)
    if not found:
        msg = f"{path} has no certificate: -----BEGIN CERTIFICATE----- is missing"
        raise ValueError(msg)
    return found
