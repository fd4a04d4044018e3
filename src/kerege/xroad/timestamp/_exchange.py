"""Asking a time-stamping authority, and reading its answer.

Rules (RFC 3161 section 2.4; `TimestamperUtil.java`, `AbstractTimestampRequest.java`):

* The request has the digest and nothing else: no policy, no nonce, no certReq. Its
  AlgorithmIdentifier has no parameters.
* The answer's status is granted or grantedWithMods.
* Its token stamps what was asked for, and is signed by an approved authority.
* The authority's certificate is added to the token, so that a container proves itself.

HTTP is the caller's: POST, ``application/timestamp-query``, status 200.
"""

from collections.abc import Sequence
from typing import Any

from asn1crypto import algos, cms, core, tsp
from cryptography import x509

from kerege.xroad.algorithms import Digest
from kerege.xroad.faults import XRoadError
from kerege.xroad.timestamp._token import (
    ASN1_ERRORS,
    MAX_TOKEN_BYTES,
    Token,
    read_token,
    with_certificate,
)
from kerege.xroad.timestamp._verify import verify_signer
from kerege.xroad.x509 import STRONG, AlgorithmPolicy

_GRANTED = frozenset({0, 1})
"""PKIStatus granted and grantedWithMods."""
MAX_STATUS_CHARACTERS = 500
"""How much of the authority's explanation goes into an error message."""


class _Algorithm(core.Sequence):  # type: ignore[misc] # asn1crypto has no types
    _fields = [("algorithm", algos.DigestAlgorithmId)]  # noqa: RUF012


class _Imprint(core.Sequence):  # type: ignore[misc] # asn1crypto has no types
    _fields = [("algorithm", _Algorithm), ("digest", core.OctetString)]  # noqa: RUF012


class _Request(core.Sequence):  # type: ignore[misc] # asn1crypto has no types
    """TimeStampReq, as short as it can be; asn1crypto's own writes a NULL."""

    _fields = [("version", core.Integer), ("imprint", _Imprint)]  # noqa: RUF012


class _Response(core.Sequence):  # type: ignore[misc] # asn1crypto has no types
    """TimeStampResp; in asn1crypto's own the token is not optional."""

    _fields = [  # noqa: RUF012
        ("status", tsp.PKIStatusInfo),
        ("time_stamp_token", cms.ContentInfo, {"optional": True}),
    ]


def timestamp_request(digest: bytes, algorithm: Digest) -> bytes:
    """Build the request for a time-stamp of data with this digest, in DER form."""
    oid = algos.DigestAlgorithmId(algorithm.hashlib_name)
    imprint = _Imprint({"algorithm": _Algorithm({"algorithm": oid}), "digest": digest})
    return bytes(_Request({"version": 1, "imprint": imprint}).dump())


def read_timestamp_response(
    response: bytes,
    tsa_certificates: Sequence[x509.Certificate],
    *,
    imprint: bytes | None = None,
    policy: AlgorithmPolicy = STRONG,
) -> bytes:
    """Return the verified token of an answer, with the TSA certificate added.

    Args:
        response: The body of the HTTP answer.
        tsa_certificates: The approved authorities' certificates.
        imprint: The digest that was sent; None if the caller compares it later, with
            `verify_timestamp`.
        policy: Which keys and digests the authority may use.

    Raises:
        XRoadError: ``mlog.reading_timestamp_response_failed``,
            ``mlog.timestamp_non_granted_response``,
            ``mlog.timestamp_response_object_creation_failed`` (no token, or not one),
            ``mlog.timestamp_response_validation_failed`` (other data were stamped),
            the codes of `verify_timestamp` for the signer, or
            ``mlog.adding_signature_to_ts_token_failed``.
    """
    der = _granted_token(response)
    token = read_token(der, code="mlog.timestamp_response_object_creation_failed")
    _require_imprint(token, imprint)
    stamp = verify_signer(token, tsa_certificates, policy=policy)
    return with_certificate(der, stamp.certificate)


def _granted_token(response: bytes) -> bytes:
    if len(response) > MAX_TOKEN_BYTES:
        raise XRoadError(
            "mlog.reading_timestamp_response_failed",
            f"The time-stamp response has over {MAX_TOKEN_BYTES} bytes",
        )
    try:
        answer = _Response.load(response)
        status = int(answer["status"]["status"])
        explanation = _explanation(answer["status"])
        der = bytes(answer["time_stamp_token"].dump())
    except ASN1_ERRORS as error:
        raise XRoadError(
            "mlog.reading_timestamp_response_failed",
            f"Could not read time-stamp response: {error}",
        ) from error
    if status not in _GRANTED:
        raise XRoadError(
            "mlog.timestamp_non_granted_response",
            f"The time-stamping authority refused: status {status}{explanation}",
        )
    return der


def _explanation(status: Any) -> str:  # noqa: ANN401 - asn1crypto has no types
    texts = [str(text) for text in status["status_string"].native or ()]
    failure = status["fail_info"].native
    if failure:
        texts.append(", ".join(sorted(str(name) for name in failure)))
    return ": " + "; ".join(texts)[:MAX_STATUS_CHARACTERS] if texts else ""


def _require_imprint(token: Token, imprint: bytes | None) -> None:
    if imprint is not None and token.imprint != imprint:
        raise XRoadError(
            "mlog.timestamp_response_validation_failed",
            "The time-stamping authority stamped other data than it was asked to",
        )
