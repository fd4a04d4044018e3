"""The group for DHE suites: ffdhe2048 of RFC 7919, appendix A.1.

The modulus is computed from its definition,
p = 2^2048 - 2^1984 + ([2^1918 * e] + 560316) * 2^64 - 1, rather than copied.
"""

import functools
import math
import ssl
import tempfile
from fractions import Fraction

_BITS = 2048
_RFC7919_OFFSET = 560316
"""The constant that makes ffdhe2048 a safe prime (RFC 7919, appendix A.1)."""
_TERMS_OF_E = 400
"""1/400! is far below 2^-1918, the precision that the formula needs."""


def install_ffdhe2048(context: ssl.SSLContext) -> None:
    """Let a server ``context`` use DHE suites. The group is public: a file is fine."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(_ffdhe2048_pem())
        file.flush()
        context.load_dh_params(file.name)


@functools.cache
def _ffdhe2048_pem() -> str:
    """Return the group as `DHParameter` of PKCS #3: SEQUENCE { prime, base 2 }."""
    prime = b"\x02\x82\x01\x01\x00" + ffdhe2048_prime().to_bytes(_BITS // 8, "big")
    fields = prime + b"\x02\x01\x02"
    der = b"\x30\x82" + len(fields).to_bytes(2, "big") + fields
    return ssl.DER_cert_to_PEM_cert(der).replace("CERTIFICATE", "DH PARAMETERS")


def ffdhe2048_prime() -> int:
    """Return the modulus of ffdhe2048."""
    e = sum((Fraction(1, math.factorial(n)) for n in range(_TERMS_OF_E)), Fraction())
    middle = int((1 << (_BITS - 130)) * e) + _RFC7919_OFFSET
    return (1 << _BITS) - (1 << (_BITS - 64)) + (middle << 64) - 1
