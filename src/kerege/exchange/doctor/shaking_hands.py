"""A TLS handshake with a security server, to see which certificate it shows.

The doctor has no PIN and so not the server's own key: it comes with a certificate made
for the moment, as any stranger could, and sends nothing.
"""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from kerege.exchange.doctor.asking import NotAnsweredError, why
from kerege.exchange.tls import load_identity, peer_certificates, peer_client_context
from kerege.xroad.faults import XRoadError


class NoTlsError(Exception):
    """Something answers there, and not as a security server does."""


def stranger() -> ssl.SSLContext:
    """Return a context with a certificate made for the moment."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kerege doctor")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return peer_client_context(load_identity([certificate], key))


async def require_connection(host: str, port: int, seconds: float) -> None:
    """Open a connection and close it. Raises `NotAnsweredError`."""
    _, writer = await _opened(host, port, seconds, None)
    writer.close()


async def shown_certificates(
    host: str, port: int, seconds: float, context: ssl.SSLContext
) -> list[x509.Certificate]:
    """Return the certificate that a server shows, then its chain.

    Raises `NotAnsweredError`, and `NoTlsError` if the handshake fails.
    """
    _, writer = await _opened(host, port, seconds, context)
    try:
        ssl_object = writer.get_extra_info("ssl_object")
        return peer_certificates(ssl_object)
    except XRoadError as error:
        raise NoTlsError(error.message) from error
    finally:
        writer.transport.abort()


async def _opened(
    host: str, port: int, seconds: float, context: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.open_connection(host, port, ssl=context)
    except TimeoutError:
        msg = f"no answer within {seconds:g} seconds"
        raise NotAnsweredError(msg) from None
    except (ssl.SSLError, ConnectionResetError) as error:
        if context is None:
            raise NotAnsweredError(why(error)) from error
        raise NoTlsError(why(error)) from error
    except (OSError, ValueError) as error:
        raise NotAnsweredError(why(error)) from error
