"""The four contexts: between servers both ways, for clients, and towards services."""

import ssl
from collections import OrderedDict
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kerege.exchange.tls._dh import install_ffdhe2048
from kerege.exchange.tls._hook import accept_any_certificate, bound_session_cache
from kerege.exchange.tls._identity import Identity
from kerege.exchange.tls._peers import JudgingContext
from kerege.exchange.tls._proof import prove_any_certificate_arrives

PEER_SUITES = (
    # X-Road after 7.8 (upstream PR #3338), and what we prefer ourselves.
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    # Up to 7.8 (`proxy.xroad-tls-ciphers`), in its order.
    "ECDHE-RSA-AES256-SHA384",
    "DHE-RSA-AES256-SHA256",
    "ECDHE-ECDSA-AES256-SHA384",
)
"""Suites of TLS 1.2 between servers, best first. TLS 1.3 has its own three."""

CLIENT_SIDE_SUITES = (
    # The eight of `proxy.client-tls-ciphers`, and their two EC siblings.
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-SHA384",
    "DHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES128-SHA256",
    "DHE-RSA-AES256-SHA256",
    "DHE-RSA-AES256-GCM-SHA384",
)
"""Suites of TLS 1.2 towards information systems, both ways, in the reference's order."""

MAX_CACHED_SESSIONS = 1024
"""Sessions of clients without tickets, about 10 KB each. OpenSSL's default of 20,480
would let strangers fill 200 MB with certificates of their own making."""


def peer_server_context(
    identity: Identity, *, suites: Sequence[str] = PEER_SUITES
) -> ssl.SSLContext:
    """Return the context of the message port (5500).

    A client certificate is required, any is accepted; judge `peer_certificates` before
    the message is believed.

    Raises:
        UnsuitableOpenSSLError: this build cannot accept any client certificate.
    """
    context = _judging_context(ssl.CERT_REQUIRED)
    _set_suites(context, suites)
    identity.install(context)
    return context


def client_side_context(
    identity: Identity, *, suites: Sequence[str] = CLIENT_SIDE_SUITES
) -> ssl.SSLContext:
    """Return the context of the information systems' HTTPS port (8443).

    A client certificate may be given, any is accepted; compare `peer_certificates` with
    those registered for the client that the message names.

    Raises:
        UnsuitableOpenSSLError: this build cannot accept any client certificate.
    """
    context = _judging_context(ssl.CERT_OPTIONAL)
    _set_suites(context, suites)
    identity.install(context)
    return context


def peer_client_context(
    identity: Identity, *, suites: Sequence[str] = PEER_SUITES
) -> ssl.SSLContext:
    """Return the context for calling another Security Server.

    Any server certificate passes the handshake and no host name is checked; judge
    `peer_certificates` before anything is sent.
    """
    context = _unverified_client_context()
    _set_suites(context, suites)
    identity.install(context)
    return context


def service_context(
    identity: Identity | None = None,
    *,
    verify: bool,
    trusted: Sequence[x509.Certificate] = (),
    suites: Sequence[str] = CLIENT_SIDE_SUITES,
) -> ssl.SSLContext:
    """Return the context for calling a service over HTTPS.

    Args:
        identity: our certificate, if the service asks for one.
        verify: whether the handshake fails for a certificate we do not trust. The
            reference never does; it compares `peer_certificates` with the registered
            ones after the handshake, for services set to verify.
        trusted: certificates of services (or their CAs) that are trusted whatever
            their host name is. Empty: the system's CAs, with a check of the host name.
        suites: suites of TLS 1.2.
    """
    context = _unverified_client_context()
    if verify:
        context.verify_mode = ssl.CERT_REQUIRED
        if trusted:
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            der = b"".join(c.public_bytes(Encoding.DER) for c in trusted)
            context.load_verify_locations(cadata=der)
        else:
            context.check_hostname = True
            context.load_default_certs()
    _set_suites(context, suites)
    if identity is not None:
        identity.install(context)
    return context


def _judging_context(mode: ssl.VerifyMode) -> JudgingContext:
    """Return a server context that asks for a certificate and accepts any."""
    prove_any_certificate_arrives()
    context = JudgingContext(ssl.PROTOCOL_TLS_SERVER)
    context.chains = OrderedDict()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= (
        ssl.OP_CIPHER_SERVER_PREFERENCE
        | ssl.OP_NO_RENEGOTIATION  # a peer is judged once per connection
        | ssl.OP_SINGLE_DH_USE
        | ssl.OP_SINGLE_ECDH_USE
    )
    context.verify_mode = mode
    accept_any_certificate(context)
    bound_session_cache(context, MAX_CACHED_SESSIONS)
    install_ffdhe2048(context)
    return context


def _unverified_client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


def _set_suites(context: ssl.SSLContext, suites: Sequence[str]) -> None:
    context.set_ciphers(":".join(suites))
