"""A time-stamp token read into plain values; the only place that sees asn1crypto.

Rules (RFC 3161 section 2.4.2, RFC 5652 section 5, RFC 5816): the token is a CMS
SignedData over a TSTInfo, with exactly one signer. The signed attributes are there and
hold the content type, the digest of the TSTInfo and the hash of the TSA certificate,
each once. What the attributes say is checked in `_verify`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeAlias

from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding

from kerege.xroad.algorithms import SHA1, SHA224, SHA256, SHA384, SHA512, Digest
from kerege.xroad.faults import XRoadError
from kerege.xroad.x509 import NameKey, SignatureScheme, certificate_der, comparable

MAX_TOKEN_BYTES = 256 * 1024
"""Longest token or response read: 1 to 6 KB are usual, a TSA may add revocation lists."""
REMEMBERED_TOKENS = 8
"""All records of a batch have one token, and reading it takes 8 ms, more than all else
that verifying a container does."""
_SET = b"\x31"
"""Tag of a SET OF: signed attributes are signed under it, but stand under [0]."""
_DIGESTS = {d.hashlib_name: d for d in (SHA1, SHA224, SHA256, SHA384, SHA512)}

ASN1_ERRORS = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
)
"""What asn1crypto raises for bytes that it does not like."""

CertificateHash: TypeAlias = tuple[Digest, bytes]


@dataclass(frozen=True, slots=True)
class IssuerAndSerial:
    """Which certificate signed, by issuer and serial number."""

    issuer: NameKey
    serial_number: int


@dataclass(frozen=True, slots=True)
class Token:
    """A time-stamp token; nothing in it was verified."""

    imprint_digest: Digest
    imprint: bytes
    """The digest of the stamped data, as the TSA saw it."""
    time: datetime
    content: bytes
    """The TSTInfo, over which `message_digest` is made."""
    signer: IssuerAndSerial | bytes
    """Or the certificate's subject key identifier."""
    digest: Digest
    """Of the message digest and, but for PSS and ECDSA, of the signature."""
    signature_digest: Digest
    scheme: SignatureScheme
    content_type: str
    message_digest: bytes
    certificate_hashes: tuple[CertificateHash, ...]
    """First entry of each signingCertificate attribute: the TSA's own certificate."""
    signed_attributes: bytes
    """The SET OF attributes in DER form, over which the signature is made."""
    signature: bytes


@lru_cache(maxsize=REMEMBERED_TOKENS)
def read_token(token: bytes, *, code: str) -> Token:
    """Read a token in DER or BER form. Raises ``code`` if it is not one."""
    if len(token) > MAX_TOKEN_BYTES:
        raise XRoadError(code, f"A time-stamp token has over {MAX_TOKEN_BYTES} bytes")
    try:
        return _read(cms.ContentInfo.load(token, strict=True))
    except ASN1_ERRORS as error:
        raise XRoadError(code, f"Cannot read a time-stamp token: {error}") from error


def with_certificate(token: bytes, certificate: x509.Certificate) -> bytes:
    """Return the token with a certificate added, in definite-length form.

    What is signed stays as it is. Raises
    ``mlog.adding_signature_to_ts_token_failed``, the reference's name for it.
    """
    try:
        content = cms.ContentInfo.load(token, strict=True)
        signed = content["content"]
        present = [choice.dump() for choice in signed["certificates"]]
        wanted = dict.fromkeys((certificate_der(certificate), *present))
        signed["certificates"] = cms.CertificateSet(
            [cms.CertificateChoices.load(der) for der in wanted]
        )
        return bytes(content.dump())
    except ASN1_ERRORS as error:
        raise XRoadError(
            "mlog.adding_signature_to_ts_token_failed",
            f"Cannot add the TSA certificate to a time-stamp token: {error}",
        ) from error


def _read(content: Any) -> Token:  # noqa: ANN401 - asn1crypto has no types
    _require(content["content_type"].native == "signed_data", "it is not signed")
    signed = content["content"]
    inner = signed["encap_content_info"]
    _require(inner["content_type"].native == "tst_info", "it holds no TSTInfo")
    _require(len(signed["signer_infos"]) == 1, "it does not have exactly one signer")
    info = signed["signer_infos"][0]
    body = bytes(inner["content"])
    stamp = tsp.TSTInfo.load(body, strict=True)
    imprint = stamp["message_imprint"]
    time = stamp["gen_time"].native
    _require(
        isinstance(time, datetime) and time.tzinfo is not None, "its time is not UTC"
    )
    attributes = _attributes(info["signed_attrs"])
    digest = _digest(info["digest_algorithm"]["algorithm"].native)
    signature_digest, scheme = _scheme(info["signature_algorithm"], digest)
    return Token(
        imprint_digest=_digest(imprint["hash_algorithm"]["algorithm"].native),
        imprint=bytes(imprint["hashed_message"]),
        time=time.astimezone(UTC),
        content=body,
        signer=_signer(info["sid"]),
        digest=digest,
        signature_digest=signature_digest,
        scheme=scheme,
        content_type=_one(attributes, "content_type").dotted,
        message_digest=bytes(_one(attributes, "message_digest")),
        certificate_hashes=tuple(_certificate_hashes(attributes)),
        signed_attributes=_SET + info["signed_attrs"].dump()[1:],
        signature=bytes(info["signature"]),
    )


def _attributes(signed_attributes: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the values by type; a type that stands twice is refused."""
    found: dict[str, Any] = {}
    for attribute in signed_attributes:
        kind = attribute["type"].native
        _require(kind not in found, f"its signed attribute {kind} stands twice")
        found[kind] = attribute["values"]
    return found


def _one(attributes: dict[str, Any], kind: str) -> Any:  # noqa: ANN401
    values = attributes.get(kind, ())
    _require(len(values) == 1, f"it does not have one signed attribute {kind}")
    return values[0]


def _certificate_hashes(attributes: dict[str, Any]) -> Iterator[CertificateHash]:
    """Yield the first entry of each attribute: RFC 5035, the signer's certificate."""
    if "signing_certificate" in attributes:
        first = _one(attributes, "signing_certificate")["certs"][0]
        yield SHA1, bytes(first["cert_hash"])
    if "signing_certificate_v2" in attributes:
        first = _one(attributes, "signing_certificate_v2")["certs"][0]
        digest = _digest(first["hash_algorithm"]["algorithm"].native)
        yield digest, bytes(first["cert_hash"])


def _signer(sid: Any) -> IssuerAndSerial | bytes:  # noqa: ANN401
    if sid.name == "subject_key_identifier":
        return bytes(sid.chosen)
    issuer = tuple(
        tuple(
            sorted(
                (item["type"].dotted, comparable(str(item["value"].native)))
                for item in rdn
            )
        )
        for rdn in sid.chosen["issuer"].chosen
    )
    return IssuerAndSerial(issuer, int(sid.chosen["serial_number"]))


def _scheme(algorithm: Any, digest: Digest) -> tuple[Digest, SignatureScheme]:  # noqa: ANN401
    """Return how the signature is made; plain RSA takes the digest of the attributes."""
    kind = algorithm.signature_algo
    if kind == "rsassa_pkcs1v15":
        plain = algorithm["algorithm"].native == "rsassa_pkcs1v15"
        own = digest if plain else _digest(algorithm.hash_algo)
        return own, padding.PKCS1v15()
    if kind == "ecdsa":
        own = _digest(algorithm.hash_algo)
        return own, ec.ECDSA(own.primitive)
    if kind == "rsassa_pss":
        parameters = algorithm["parameters"]
        own = _digest(parameters["hash_algorithm"]["algorithm"].native)
        mask = parameters["mask_gen_algorithm"]["parameters"]["algorithm"].native
        salt = int(parameters["salt_length"])
        return own, padding.PSS(padding.MGF1(_digest(mask).primitive), salt)
    message = f"it is signed with {kind}"
    raise ValueError(message)


def _digest(name: str) -> Digest:
    if name not in _DIGESTS:
        message = f"it has the digest algorithm {name}"
        raise ValueError(message)
    return _DIGESTS[name]


def _require(condition: bool, what: str) -> None:  # noqa: FBT001
    if not condition:
        raise ValueError(what)
