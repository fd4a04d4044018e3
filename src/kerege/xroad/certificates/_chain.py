"""Chains: a certificate path, and a good OCSP response for every step of it.

Rules (`CertChainVerifier.java`, `CertHelper.java`):

* There is a path to an approved top CA (`_path`), else
  ``cannot_create_cert_path.internal_error``.
* For every certificate of it except the top, one of the responses handed in is about
  this certificate, is believable and says good (`kerege.xroad.ocsp`), else
  ``invalid_cert_path.incorrect_validation_info`` or
  ``invalid_cert_path.cert_validation``.
* Stricter than the reference for approved intermediates: it stops at the direct issuer
  if that is approved, we ask for the status of the intermediates too. Its own servers
  send these responses.

A chain that was verified stays verified until something can change: a certificate
expires, or an OCSP response grows too old. `ChainVerifier` remembers until then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeAlias

from cryptography import x509

from kerege.xroad.certificates._path import MAX_EXTRA, Path, paths
from kerege.xroad.certificates._trust import ApprovedCA, Trust
from kerege.xroad.certificates._usage import require_authentication_certificate
from kerege.xroad.faults import XRoadError
from kerege.xroad.ocsp import (
    OcspResponse,
    OcspStatus,
    find_ocsp_response,
    read_ocsp_response,
    verify_ocsp_response,
)
from kerege.xroad.x509 import (
    certificate_der,
    certificate_sha256,
    load_certificate,
    require_strong_key,
    subject_text,
)

MAX_OCSP_RESPONSES = 16
"""Responses read for one chain: one for each step of the longest path, twice over."""
MAX_PATHS = 4
"""Paths for which responses are looked up, where cross-signed CAs allow several."""
MAX_REMEMBERED = 1024
"""Chains that a `ChainVerifier` remembers, some 10 KB each."""
MAX_REMEMBERED_BYTES = 48 * 1024
"""Largest chain with its responses that is remembered: what a stranger packs into one
must not cost us a thousand times that."""

_Key: TypeAlias = tuple[bytes, tuple[bytes, ...], tuple[bytes, ...]]
"""SHA-256 of a certificate and of those that came with it, and OCSP responses: a
certificate itself as a key would be hashed whole for every message."""


@dataclass(frozen=True, slots=True)
class VerifiedChain:
    """A certificate that can be trusted between two points of time."""

    certificates: tuple[x509.Certificate, ...]
    """The certificate, its issuers in order, the top CA last."""
    authority: ApprovedCA
    """The approved CA in whose top the path ends."""
    statuses: tuple[OcspStatus, ...]
    """One for each certificate except the top."""
    valid_from: datetime
    valid_until: datetime
    """Last instant at which the same input would verify again."""


def verify_chain(
    certificate: x509.Certificate,
    *,
    extra: Sequence[x509.Certificate],
    trust: Trust,
    ocsp_responses: Sequence[bytes],
    at: datetime,
) -> VerifiedChain:
    """Check that ``certificate`` was issued under an approved CA and is not revoked.

    Args:
        certificate: The certificate in question; what it is used for is not checked.
        extra: Intermediates that came along; they need not be approved.
        trust: The instance that must have approved the top CA.
        ocsp_responses: Responses in DER form, in any order.
        at: The time for which all of this must hold, aware.

    Raises:
        XRoadError: ``incorrect_certificate`` (one cannot be read),
            ``cannot_create_cert_path.internal_error``,
            ``invalid_cert_path.cert_validation`` (revoked, or no response) or
            ``invalid_cert_path.incorrect_validation_info`` (a bad response).
    """
    certificate, *extra = [
        load_certificate(certificate_der(each))
        for each in (certificate, *extra[: MAX_EXTRA + 1])
    ]
    responses: tuple[OcspResponse, ...] | None = None
    refusals: list[XRoadError] = []
    for path in islice(paths(certificate, extra, trust, at), MAX_PATHS):
        try:
            if responses is None:
                responses = _read(ocsp_responses)
            return _verified(path, responses, trust, at)
        except XRoadError as error:
            refusals.append(error.with_prefix("invalid_cert_path"))
    raise refusals[0]


class ChainVerifier:
    """`verify_chain` for one instance, remembering what it verified.

    A hit compares bytes and two points of time. Failures are not remembered, nor is
    what is larger than `MAX_REMEMBERED_BYTES`. The
    oldest of `MAX_REMEMBERED` chains is forgotten first. A new global configuration
    means a new `Trust`, and that a new verifier.
    """

    def __init__(self, trust: Trust) -> None:
        self.trust = trust
        self._remembered: dict[_Key, VerifiedChain] = {}

    def verify(
        self,
        certificate: x509.Certificate,
        *,
        extra: Sequence[x509.Certificate],
        ocsp_responses: Sequence[bytes],
        at: datetime,
    ) -> VerifiedChain:
        """Check a chain; arguments, result and errors are those of `verify_chain`."""
        key = (
            certificate_sha256(certificate),
            tuple([certificate_sha256(each) for each in extra]),
            tuple(ocsp_responses),
        )
        known = self._remembered.get(key)
        if known is not None and known.valid_from <= at <= known.valid_until:
            return known
        chain = verify_chain(
            certificate,
            extra=extra,
            trust=self.trust,
            ocsp_responses=ocsp_responses,
            at=at,
        )
        if _size((certificate, *extra), ocsp_responses) <= MAX_REMEMBERED_BYTES:
            self._remember(key, chain)
        return chain

    def verify_peer(
        self,
        certificates: Sequence[x509.Certificate],
        *,
        ocsp_responses: Sequence[bytes],
        at: datetime,
    ) -> VerifiedChain:
        """Check what a TLS peer showed, its own certificate first.

        That the certificate is registered to a security server is for the caller to
        check: the global configuration knows.

        Raises:
            XRoadError: the codes of `verify_chain`, and ``unsupported_algorithm`` for
                a short key, below ``ssl_authentication_failed``; that code alone if the peer showed
                nothing, or no authentication certificate.
        """
        if not certificates:
            raise XRoadError(
                "ssl_authentication_failed", "The peer showed no TLS certificate"
            )
        certificate, *extra = certificates
        require_authentication_certificate(certificate)
        try:
            require_strong_key(certificate, self.trust.algorithms)
            return self.verify(
                certificate, extra=extra, ocsp_responses=ocsp_responses, at=at
            )
        except XRoadError as error:
            raise error.with_prefix("ssl_authentication_failed") from error

    def _remember(self, key: _Key, chain: VerifiedChain) -> None:
        self._remembered.pop(key, None)
        while len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.pop(next(iter(self._remembered)), None)
        self._remembered[key] = chain


def _size(
    certificates: Sequence[x509.Certificate], ocsp_responses: Sequence[bytes]
) -> int:
    """Return how many bytes stand behind a remembered chain."""
    return sum(len(certificate_der(each)) for each in certificates) + sum(
        len(response) for response in ocsp_responses
    )


def _read(ocsp_responses: Sequence[bytes]) -> tuple[OcspResponse, ...]:
    if len(ocsp_responses) > MAX_OCSP_RESPONSES:
        raise XRoadError(
            "incorrect_validation_info",
            f"More than {MAX_OCSP_RESPONSES} OCSP responses came with a certificate",
        )
    return tuple(read_ocsp_response(response) for response in ocsp_responses)


def _verified(
    path: Path, responses: Sequence[OcspResponse], trust: Trust, at: datetime
) -> VerifiedChain:
    statuses = tuple(
        _status(certificate, issuer, responses, trust, at)
        for certificate, issuer in zip(
            path.certificates[:-1], path.certificates[1:], strict=True
        )
    )
    return VerifiedChain(
        path.certificates,
        path.authority,
        statuses,
        path.valid_from,
        min(path.valid_until, *(status.valid_until for status in statuses)),
    )


def _status(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    responses: Sequence[OcspResponse],
    trust: Trust,
    at: datetime,
) -> OcspStatus:
    response = find_ocsp_response(responses, certificate, issuer)
    if response is None:
        raise XRoadError(
            "cert_validation",
            f"There is no OCSP response for certificate {subject_text(certificate)}",
        )
    return verify_ocsp_response(
        response, certificate=certificate, issuer=issuer, trust=trust, at=at
    )
