"""Certificates as configurations carry them: DER, or PEM by mistake."""

import base64
import binascii

from cryptography import x509

from kerege.xroad.certificates import load_certificate

_BEGIN = b"-----BEGIN CERTIFICATE-----"
_END = b"-----END CERTIFICATE-----"


def read_distributed_certificate(data: bytes) -> x509.Certificate:
    """Read a certificate that a configuration holds.

    Central servers have been seen to distribute PEM where the schema means DER, and
    the reference reads both. Raises ``incorrect_certificate``.
    """
    text = data.strip()
    if text.startswith(_BEGIN) and _END in text:
        body = text.removeprefix(_BEGIN).split(_END)[0]
        try:
            data = base64.b64decode(b"".join(body.split()), validate=True)
        except binascii.Error:
            data = b""
    return load_certificate(data)
