"""An OCSP responder (RFC 6960) for the sandbox. NOT FOR PRODUCTION.

Rules:

* One signed answer for all certificates asked about; each CertID is echoed as asked, so
  any hash algorithm that the client chose for it works (section 4.1).
* Good: issued here and not revoked. Revoked: with the time. Unknown: any other.
* A nonce of 1 to 128 octets is echoed (RFC 9654); without one there is none.
* What cannot be read gets ``malformedRequest``, unsigned (section 4.2.1).
* Over HTTP: POST with the request as body, or GET with it base64-encoded in the path
  (appendix A).
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote

import structlog
from aiohttp import web
from asn1crypto import ocsp, x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kerege.trust import NOT_FOR_PRODUCTION
from kerege.trust.asn1 import UNREADABLE, sign, signature_algorithm, to_asn1
from kerege.trust.authority import Authority, Issued
from kerege.trust.ca import SandboxCA, ServiceKey

MAX_REQUEST_BYTES = 16 * 1024
"""A request for one certificate has about 100 bytes; with a chain in it a few KiB."""
MAX_CERTIFICATES = 50
"""Certificates asked about in one request."""
MAX_NONCE_BYTES = 128
"""RFC 9654, section 2.1."""
DEFAULT_VALIDITY = timedelta(hours=12)
"""From thisUpdate to nextUpdate; X-Road's own freshness (1 h) is shorter."""

REQUEST_TYPE = "application/ocsp-request"
RESPONSE_TYPE = "application/ocsp-response"
_CERT_ID_HASHES = frozenset({"sha1", "sha224", "sha256", "sha384", "sha512"})

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OcspAuthority:
    """An authority to answer for, and who signs the answers."""

    issuer: x509.Certificate
    register: Mapping[int, Issued]
    responder: ServiceKey


def ocsp_authorities(ca: SandboxCA) -> tuple[OcspAuthority, ...]:
    """Return what a responder for all certificates of a sandbox needs."""
    pairs = ((ca.intermediate, ca.ocsp), (ca.root, ca.root_ocsp))
    return tuple(_authority(authority, service) for authority, service in pairs)


def ocsp_response(
    request: bytes,
    authorities: Sequence[OcspAuthority],
    *,
    at: datetime,
    validity: timedelta | None = DEFAULT_VALIDITY,
) -> bytes:
    """Answer an OCSP request.

    Args:
        request: DER of an OCSPRequest, or anything else.
        authorities: the first one signs answers about strangers.
        at: producedAt and thisUpdate, cut to seconds.
        validity: until nextUpdate; None leaves nextUpdate out.

    Returns:
        DER of an OCSPResponse. Never raises on hostile input.
    """
    try:
        asked, nonce = _read_request(request)
    except UNREADABLE:
        return bytes(ocsp.OCSPResponse({"response_status": "malformed_request"}).dump())
    owners = [_owner(cert_id, authorities) for cert_id in asked]
    signer = next((owner for owner in owners if owner), authorities[0])
    moment = at.replace(microsecond=0)
    data = ocsp.ResponseData(
        {
            "responder_id": ocsp.ResponderId(
                "by_name", to_asn1(signer.responder.certificate).subject
            ),
            "produced_at": moment,
            "responses": [
                _single(cert_id, owner, moment, validity)
                for cert_id, owner in zip(asked, owners, strict=True)
            ],
        }
    )
    if nonce is not None:
        data["response_extensions"] = [{"extn_id": "nonce", "extn_value": nonce}]
    return _signed(data, signer.responder)


def ocsp_application(
    authorities: Sequence[OcspAuthority],
    *,
    clock: Callable[[], datetime],
    validity: timedelta | None = DEFAULT_VALIDITY,
) -> web.Application:
    """Return an application that serves the responder, under any prefix."""

    async def post(request: web.Request) -> web.Response:
        return answer(await request.read())

    async def get(request: web.Request) -> web.Response:
        return answer(_from_path(request.match_info["path"]))

    def answer(request: bytes) -> web.Response:
        body = ocsp_response(request, authorities, at=clock(), validity=validity)
        return web.Response(body=body, content_type=RESPONSE_TYPE)

    application = web.Application(client_max_size=MAX_REQUEST_BYTES)
    application.router.add_post("/{path:.*}", post)
    application.router.add_get("/{path:.*}", get)
    _log.warning("sandbox_ocsp_responder", warning=NOT_FOR_PRODUCTION)
    return application


def _authority(authority: Authority, service: ServiceKey) -> OcspAuthority:
    return OcspAuthority(authority.certificate, authority.register, service)


def _from_path(encoded: str) -> bytes:
    try:
        return base64.b64decode(unquote(encoded), validate=True)
    except (ValueError, binascii.Error):
        return b""


def _read_request(request: bytes) -> tuple[list[ocsp.CertId], bytes | None]:
    if len(request) > MAX_REQUEST_BYTES:
        raise ValueError("The request is too long")
    parsed = ocsp.OCSPRequest.load(request, strict=True)
    asked = [one["req_cert"] for one in parsed["tbs_request"]["request_list"]]
    if not 0 < len(asked) <= MAX_CERTIFICATES:
        raise ValueError("The request asks for no or too many certificates")
    for cert_id in asked:
        _ = cert_id.native  # reads all of it: what is damaged shows here
    nonce = _nonce(parsed)
    return asked, nonce


def _nonce(request: ocsp.OCSPRequest) -> bytes | None:
    value = request.nonce_value
    if value is None:
        return None
    nonce = bytes(value.native)
    if not 0 < len(nonce) <= MAX_NONCE_BYTES:
        raise ValueError("The nonce has a length that RFC 9654 forbids")
    return nonce


def _owner(
    cert_id: ocsp.CertId, authorities: Sequence[OcspAuthority]
) -> OcspAuthority | None:
    algorithm = cert_id["hash_algorithm"]["algorithm"].native
    if algorithm not in _CERT_ID_HASHES:
        return None
    wanted = (cert_id["issuer_name_hash"].native, cert_id["issuer_key_hash"].native)
    return next(
        (a for a in authorities if _hashes(a.issuer, algorithm) == wanted), None
    )


def _hashes(issuer: x509.Certificate, algorithm: str) -> tuple[bytes, bytes]:
    spki = issuer.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    key = _public_key_bits(spki)
    name = issuer.subject.public_bytes()
    return hashlib.new(algorithm, name).digest(), hashlib.new(algorithm, key).digest()


def _public_key_bits(spki: bytes) -> bytes:
    info = asn1_x509.PublicKeyInfo.load(spki)
    return bytes(info["public_key"].contents[1:])  # without the unused-bits octet


def _single(
    cert_id: ocsp.CertId,
    owner: OcspAuthority | None,
    moment: datetime,
    validity: timedelta | None,
) -> dict[str, object]:
    single: dict[str, object] = {
        "cert_id": cert_id.copy(),
        "cert_status": _status(cert_id["serial_number"].native, owner),
        "this_update": moment,
    }
    if validity is not None:
        single["next_update"] = moment + validity
    return single


def _status(serial: int, owner: OcspAuthority | None) -> ocsp.CertStatus:
    issued = owner.register.get(serial) if owner else None
    if issued is None:
        return ocsp.CertStatus("unknown", ocsp.StatusUnknown())
    if issued.revoked_at is None:
        return ocsp.CertStatus("good", ocsp.StatusGood())
    revoked_at = issued.revoked_at.replace(microsecond=0)
    return ocsp.CertStatus("revoked", {"revocation_time": revoked_at})


def _signed(data: ocsp.ResponseData, signer: ServiceKey) -> bytes:
    basic = ocsp.BasicOCSPResponse(
        {
            "tbs_response_data": data,
            "signature_algorithm": signature_algorithm(signer.key),
            "signature": sign(signer.key, data.dump()),
            "certs": [to_asn1(signer.certificate)],
        }
    )
    response = ocsp.OCSPResponse(
        {
            "response_status": "successful",
            "response_bytes": {
                "response_type": "basic_ocsp_response",
                "response": basic,
            },
        }
    )
    return bytes(response.dump())
