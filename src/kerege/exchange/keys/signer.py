"""Signs with a key of a token; the `Signer` of the signature module."""

from collections.abc import Mapping

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from kerege.exchange.keys.algorithms import PrivateKey
from kerege.exchange.keys.pin import GIVE_PIN
from kerege.xroad.algorithms import (
    SHA512,
    SignatureAlgorithm,
    signature_algorithm_for,
)
from kerege.xroad.faults import XRoadError


class SoftwareSigner:
    """Makes signature values with one signing certificate's key.

    It holds no key but asks the token's unlocked keys for it each time: after a logout
    it cannot sign any more.
    """

    __slots__ = ("_digest", "_key_id", "_keys", "_padding", "algorithm", "certificate")

    def __init__(
        self,
        certificate: x509.Certificate,
        key_id: str,
        keys: Mapping[str, PrivateKey],
        algorithm: SignatureAlgorithm | None = None,
    ) -> None:
        """Take the certificate, and the unlocked keys among which its key is.

        Raises ``unsupported_sign_algorithm`` if the key cannot do ``algorithm``.
        """
        public_key = certificate.public_key()
        self.certificate = certificate
        self.algorithm = algorithm or signature_algorithm_for(public_key, SHA512)
        is_ec = isinstance(public_key, ec.EllipticCurvePublicKey)
        if is_ec != (self.algorithm.kind == "ECDSA"):
            raise XRoadError(
                "unsupported_sign_algorithm",
                f"The key of this certificate cannot sign with {self.algorithm.name}",
            )
        self._key_id = key_id
        self._keys = keys
        self._digest = self.algorithm.digest.primitive
        self._padding = _padding(self.algorithm)

    def sign(self, data: bytes) -> bytes:
        """Return the signature value of ``data``; ECDSA in ASN.1 DER form.

        Raises:
            XRoadError: ``token_not_active`` after a logout, ``cannot_sign`` if the key
                refuses.
        """
        key = self._keys.get(self._key_id)
        if key is None:
            raise XRoadError(
                "token_not_active",
                "The token of the signing key is not logged in",
                advice=GIVE_PIN,
            )
        try:
            if isinstance(key, rsa.RSAPrivateKey):
                return key.sign(data, self._padding, self._digest)
            return key.sign(data, ec.ECDSA(self._digest))
        except ValueError as error:
            raise XRoadError("cannot_sign", f"The key cannot sign: {error}") from error


def _padding(algorithm: SignatureAlgorithm) -> padding.PKCS1v15 | padding.PSS:
    if algorithm.kind != "RSA-PSS":
        return padding.PKCS1v15()
    digest = algorithm.digest.primitive
    return padding.PSS(padding.MGF1(digest), digest.digest_size)
