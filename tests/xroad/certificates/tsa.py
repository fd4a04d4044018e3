"""Time-stamp tokens and answers made for a test, right or wrong in one place."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asn1crypto import algos, cms, core, tsp, x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.x509.oid import ExtendedKeyUsageOID

from kerege.xroad.x509 import certificate_der
from tests.xroad.certificates.pki import NOW, Identity, Key, Template, issue, root

STAMPING = ExtendedKeyUsageOID.TIME_STAMPING
CA = root("CN=Stamp CA")


def authority(subject: str = "CN=TSA", key: Key | None = None, **says: Any) -> Identity:
    template = Template(
        **{"usages": ("digital_signature",), "extended": [STAMPING]} | says
    )
    return issue(subject, CA, template, key)


@dataclass
class Stamp:
    """What a token says; the default is right."""

    stamped: bytes = b"data"
    digest: str = "sha512"
    time: datetime = NOW
    signer_digest: str = "sha256"
    version: str = "v2"
    """Which signingCertificate attribute: v1, v2, both or neither."""
    hash_of: x509.Certificate | None = None
    content_type: str = "tst_info"
    inner_type: str = "tst_info"
    message_digest: bytes | None = None
    by_key_identifier: bool = False
    pss: bool = False
    algorithm: str | None = None
    twice: str = ""
    """An attribute that stands twice."""
    signers: int = 1
    include: Sequence[x509.Certificate] = ()


def token(signer: Identity, stamp: Stamp | None = None) -> bytes:
    """Make a token that ``signer`` signs."""
    stamp = stamp or Stamp()
    body = _tst_info(stamp)
    info = _signer_info(signer, stamp, body)
    signed: dict[str, Any] = {
        "version": "v3",
        "digest_algorithms": [{"algorithm": stamp.signer_digest}],
        "encap_content_info": {
            "content_type": stamp.inner_type,
            "content": core.ParsableOctetString(body),
        },
        "signer_infos": [info] * stamp.signers,
    }
    if stamp.include:
        signed["certificates"] = [
            cms.CertificateChoices.load(certificate_der(c)) for c in stamp.include
        ]
    content = cms.ContentInfo(
        {"content_type": "signed_data", "content": cms.SignedData(signed)}
    )
    return content.dump()


def answer(
    content: bytes | None, status: int = 0, texts: Sequence[str] = (), fail: str = ""
) -> bytes:
    """Make a TSA's answer around a token."""
    info: dict[str, Any] = {"status": status}
    if texts:
        info["status_string"] = list(texts)
    if fail:
        info["fail_info"] = {fail}
    inner = tsp.PKIStatusInfo(info).dump() + (content or b"")
    return core.Sequence(contents=inner).dump()


def _tst_info(stamp: Stamp) -> bytes:
    return tsp.TSTInfo(
        {
            "version": "v1",
            "policy": "1.2.3",
            "message_imprint": {
                "hash_algorithm": {"algorithm": stamp.digest},
                "hashed_message": hashlib.new(stamp.digest, stamp.stamped).digest(),
            },
            "serial_number": 7,
            "gen_time": stamp.time,
        }
    ).dump()


def _signer_info(signer: Identity, stamp: Stamp, body: bytes) -> cms.SignerInfo:
    attributes = cms.CMSAttributes(_attributes(signer, stamp, body))
    algorithm, value = _sign(signer.key, stamp, attributes.dump())
    return cms.SignerInfo(
        {
            "version": "v1",
            "sid": _sid(signer.certificate, stamp),
            "digest_algorithm": {"algorithm": stamp.signer_digest},
            "signed_attrs": attributes,
            "signature_algorithm": algorithm,
            "signature": value,
        }
    )


def _attributes(signer: Identity, stamp: Stamp, body: bytes) -> list[Any]:
    digest = stamp.message_digest
    if digest is None:
        digest = hashlib.new(stamp.signer_digest, body).digest()
    der = certificate_der(stamp.hash_of or signer.certificate)
    found = [("content_type", stamp.content_type), ("message_digest", digest)]
    if stamp.version in {"v1", "both"}:
        entry = {"cert_hash": hashlib.sha1(der, usedforsecurity=False).digest()}
        found.append(
            ("signing_certificate", tsp.SigningCertificate({"certs": [entry]}))
        )
    if stamp.version in {"v2", "both"}:
        entry = {"cert_hash": hashlib.sha256(der).digest()}
        found.append(
            ("signing_certificate_v2", tsp.SigningCertificateV2({"certs": [entry]}))
        )
    found += [(kind, value) for kind, value in found if kind == stamp.twice]
    return [
        cms.CMSAttribute({"type": kind, "values": [value]}) for kind, value in found
    ]


def _sid(certificate: x509.Certificate, stamp: Stamp) -> cms.SignerIdentifier:
    if stamp.by_key_identifier:
        identifier = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
        return cms.SignerIdentifier("subject_key_identifier", identifier.digest)
    issuer = asn1_x509.Certificate.load(certificate_der(certificate)).issuer
    both = {"issuer": issuer, "serial_number": certificate.serial_number}
    return cms.SignerIdentifier("issuer_and_serial_number", both)


def _sign(key: Key, stamp: Stamp, data: bytes) -> tuple[Any, bytes]:
    name = stamp.signer_digest
    digest = getattr(hashes, name.upper())()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        kind = {"algorithm": stamp.algorithm or f"{name}_ecdsa"}
        return kind, key.sign(data, ec.ECDSA(digest))
    if not stamp.pss:
        kind = {"algorithm": stamp.algorithm or "rsassa_pkcs1v15"}
        return kind, key.sign(data, padding.PKCS1v15(), digest)
    pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
    parameters = algos.RSASSAPSSParams(
        {
            "hash_algorithm": {"algorithm": name},
            "mask_gen_algorithm": {
                "algorithm": "mgf1",
                "parameters": {"algorithm": name},
            },
            "salt_length": digest.digest_size,
        }
    )
    kind = {"algorithm": "rsassa_pss", "parameters": parameters}
    return kind, key.sign(data, pss, digest)
