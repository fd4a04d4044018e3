"""The certificates that a peer showed in the handshake."""

import _ssl
import ssl
from collections import OrderedDict

from cryptography import x509

from kerege.exchange.tls._alerts import AlertingContext
from kerege.xroad.x509 import load_certificate

MAX_PEER_CHAIN = 10
"""Certificates of a peer that we look at; OpenSSL's own bound on a chain is higher."""
MAX_REMEMBERED_CHAINS = 1024
"""Chains of clients that may come back with a ticket; an instance has fewer servers."""
MAX_REMEMBERED_BYTES = 16 * 1024
"""Longest chain remembered, real ones have 6 KB: strangers may show 100 KB each."""


class JudgingContext(AlertingContext):
    """A server context that remembers the chains of clients that resume sessions.

    A session ticket carries the client's own certificate and not its chain, so on a
    resumed session OpenSSL shows the certificate alone. The chain is that of the last
    full handshake with the same certificate.
    """

    chains: OrderedDict[bytes, tuple[bytes, ...]]
    """DER of the client's certificate to DER of the whole chain, oldest use first."""

    def remember(self, chain: tuple[bytes, ...]) -> None:
        """Note the chain of a full handshake, unless it is oversized."""
        if sum(map(len, chain)) > MAX_REMEMBERED_BYTES:
            self.chains.pop(chain[0], None)
            return
        self.chains[chain[0]] = chain
        self.chains.move_to_end(chain[0])
        if len(self.chains) > MAX_REMEMBERED_CHAINS:
            self.chains.popitem(last=False)


def peer_certificates(
    ssl_object: ssl.SSLObject | ssl.SSLSocket,
) -> list[x509.Certificate]:
    """Return the certificate that the peer proved to hold, then its chain as sent.

    The first one is proved: its key signed the handshake (or that of the session that
    this one resumes). Everything else about it, and all about the others, is only
    said: judge it. The list is empty if the peer showed none.

    Raises:
        XRoadError: ``incorrect_certificate``; OpenSSL lets more through than we read.
    """
    chain = _sent_chain(ssl_object)
    return [load_certificate(der) for der in chain[:MAX_PEER_CHAIN]]


def _sent_chain(ssl_object: ssl.SSLObject | ssl.SSLSocket) -> tuple[bytes, ...]:
    leaf = ssl_object.getpeercert(binary_form=True)
    if leaf is None:
        return ()
    context = ssl_object.context
    if not isinstance(context, JudgingContext):
        return _unverified_chain(ssl_object) or (leaf,)
    if ssl_object.session_reused:
        return context.chains.get(leaf, (leaf,))
    chain = _unverified_chain(ssl_object) or (leaf,)
    context.remember(chain)
    return chain


def _unverified_chain(ssl_object: ssl.SSLObject | ssl.SSLSocket) -> tuple[bytes, ...]:
    public = getattr(ssl_object, "get_unverified_chain", None)
    if public is not None:  # Python 3.13 and later
        return tuple(public())
    inner = getattr(ssl_object, "_sslobj")  # noqa: B009  no public way on 3.11, 3.12
    certificates = inner.get_unverified_chain() or ()
    return tuple(c.public_bytes(_ssl.ENCODING_DER) for c in certificates)
