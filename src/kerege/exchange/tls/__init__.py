"""TLS of the exchange: every context that a Security Server listens or calls with.

Rules (X-Road 7.8, `SSLContextUtil.java`, `AuthTrustManager.java`, `ClientProxy.java`,
`ServerProxy.java`, `CustomSSLSocketFactory.java`):

* Between servers both sides present the authentication certificate with its chain
  **without the root**: a chain with the root makes a peer ask for the root's OCSP
  response, and fail.
* The server asks for a client certificate and the handshake fails without one. Which
  one it is, is judged after the handshake, so that the peer gets a fault that says
  what is wrong and not a broken connection.
* The client takes any server certificate in the handshake and judges it before a byte
  is sent. Neither side looks at host names.
* TLS 1.2 with the reference's suites, the newer GCM suites, and TLS 1.3 between
  servers that both have it. Nothing older.
* On the client side's HTTPS port a client certificate may be given; any is taken, and
  compared afterwards with the registered ones. Towards a service, the same mirrored.

Python's `ssl` cannot ask for a certificate and accept any. `_hook` adds that, and
`prove_any_certificate_arrives` proves it on this build of OpenSSL before a server
starts.
"""

from kerege.exchange.tls._contexts import (
    client_side_context,
    peer_client_context,
    peer_server_context,
    service_context,
)
from kerege.exchange.tls._errors import UnsuitableOpenSSLError
from kerege.exchange.tls._identity import Identity, load_identity
from kerege.exchange.tls._peers import peer_certificates
from kerege.exchange.tls._proof import prove_any_certificate_arrives
from kerege.exchange.tls._resumption import ResumingContext

__all__ = [
    "Identity",
    "ResumingContext",
    "UnsuitableOpenSSLError",
    "client_side_context",
    "load_identity",
    "peer_certificates",
    "peer_client_context",
    "peer_server_context",
    "prove_any_certificate_arrives",
    "service_context",
]
