"""A time-stamping authority (RFC 3161) for the sandbox. NOT FOR PRODUCTION.

Rules:

* The imprint is of SHA-256, SHA-384 or SHA-512 and has that digest's length.
* The policy asked for, if any, must be this TSA's own.
* Extensions are not understood: refused (section 2.4.1).
* ``certReq`` decides whether the TSA's certificates are in the token; the signed
  attribute signingCertificateV2 names the TSA's certificate in every case (RFC 5816).
* A nonce comes back as it was sent.
* A refusal is a response with PKIStatus rejection and no token, over HTTP with 200.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from aiohttp import web
from asn1crypto import algos, cms, core, parser, tsp, x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kerege.trust import NOT_FOR_PRODUCTION
from kerege.trust.asn1 import UNREADABLE, sign, signature_algorithm, to_asn1
from kerege.trust.ca import SandboxCA, ServiceKey

MAX_REQUEST_BYTES = 4096
"""A request with a SHA-512 imprint and a nonce has about 100 bytes."""
MAX_NONCE_BITS = 512
"""Clients send 64; more is nobody's need."""
POLICY = "2.999.3161.1"
"""Below the arc that ISO keeps for examples: nobody's real policy."""
SERIAL_BITS = 127

REQUEST_TYPE = "application/timestamp-query"
RESPONSE_TYPE = "application/timestamp-reply"
_DIGESTS = frozenset({"sha256", "sha384", "sha512"})

_log = structlog.get_logger(__name__)


class TimeStampRefusedError(Exception):
    """Why no time-stamp is given; the failure's name is asn1crypto's."""

    def __init__(self, failure: str, text: str) -> None:
        super().__init__(failure, text)
        self.failure = failure
        self.text = text


@dataclass(frozen=True, slots=True)
class TimeStampingUnit:
    """A TSA's key, its certificates and its policy."""

    service: ServiceKey
    chain: tuple[x509.Certificate, ...] = ()
    """Certificates above its own, added where ``certReq`` asks."""
    policy: str = POLICY


def time_stamping_unit(ca: SandboxCA) -> TimeStampingUnit:
    """Return the TSA of a sandbox."""
    return TimeStampingUnit(ca.tsa, ca.chain)


def timestamp_response(
    request: bytes, unit: TimeStampingUnit, *, at: datetime, serial: int
) -> bytes:
    """Answer a time-stamp request.

    Args:
        request: DER of a TimeStampReq, or anything else.
        unit: who stamps.
        at: the time to stamp, cut to seconds.
        serial: number of the token, never used before by this TSA.

    Returns:
        DER of a TimeStampResp: a token, or a rejection. Never raises on hostile input.
    """
    try:
        asked = _read_request(request)
        _require_acceptable(asked, unit)
    except TimeStampRefusedError as refusal:
        return _rejection(refusal)
    except UNREADABLE:
        text = "The request cannot be read"
        return _rejection(TimeStampRefusedError("bad_data_format", text))
    info = _info(asked, unit, at.replace(microsecond=0), serial)
    certificates = (unit.service.certificate, *unit.chain)
    included = certificates if asked["cert_req"].native else ()
    token = _token(info, unit.service, included)
    response = tsp.TimeStampResp(
        {"status": {"status": "granted"}, "time_stamp_token": token}
    )
    return bytes(response.dump())


def tsa_application(
    unit: TimeStampingUnit, *, clock: Callable[[], datetime]
) -> web.Application:
    """Return an application that serves the TSA by POST, under any path."""

    async def post(request: web.Request) -> web.Response:
        if request.content_type != REQUEST_TYPE:
            raise web.HTTPUnsupportedMediaType(text=f"POST {REQUEST_TYPE} here")
        serial = secrets.randbits(SERIAL_BITS) | 1
        body = timestamp_response(await request.read(), unit, at=clock(), serial=serial)
        return web.Response(body=body, content_type=RESPONSE_TYPE)

    application = web.Application(client_max_size=MAX_REQUEST_BYTES)
    application.router.add_post("/{path:.*}", post)
    _log.warning("sandbox_tsa", warning=NOT_FOR_PRODUCTION)
    return application


def _read_request(request: bytes) -> tsp.TimeStampReq:
    if len(request) > MAX_REQUEST_BYTES:
        raise TimeStampRefusedError("bad_data_format", "The request is too long")
    asked = tsp.TimeStampReq.load(request, strict=True)
    _ = asked.native  # reads all of it: what is damaged shows here
    return asked


def _require_acceptable(asked: tsp.TimeStampReq, unit: TimeStampingUnit) -> None:
    if asked["version"].native != "v1":
        raise TimeStampRefusedError("bad_request", "Only version 1 is known")
    imprint = asked["message_imprint"]
    algorithm = imprint["hash_algorithm"]["algorithm"].native
    if algorithm not in _DIGESTS:
        text = "The imprint must be of SHA-256, SHA-384 or SHA-512"
        raise TimeStampRefusedError("bad_alg", text)
    if len(imprint["hashed_message"].native) != hashlib.new(algorithm).digest_size:
        text = "The imprint has another length than its algorithm"
        raise TimeStampRefusedError("bad_data_format", text)
    if asked["req_policy"].native not in (None, unit.policy):
        text = f"Only policy {unit.policy} is known"
        raise TimeStampRefusedError("unaccepted_policy", text)
    if asked["extensions"].native:
        raise TimeStampRefusedError("unaccepted_extensions", "No extension is known")
    nonce = asked["nonce"].native
    if nonce is not None and nonce.bit_length() > MAX_NONCE_BITS:
        raise TimeStampRefusedError("bad_request", "The nonce is too long")


def _info(
    asked: tsp.TimeStampReq, unit: TimeStampingUnit, at: datetime, serial: int
) -> bytes:
    fields = {
        "version": "v1",
        "policy": unit.policy,
        "message_imprint": asked["message_imprint"].copy(),
        "serial_number": serial,
        "gen_time": at,
        "accuracy": {"seconds": 1},
    }
    if asked["nonce"].native is not None:
        fields["nonce"] = asked["nonce"].native
    return bytes(tsp.TSTInfo(fields).dump())


def _token(
    info: bytes, service: ServiceKey, included: tuple[x509.Certificate, ...]
) -> cms.ContentInfo:
    certificate = to_asn1(service.certificate)
    attributes = _signed_attributes(info, service.certificate)
    signer = cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                "issuer_and_serial_number",
                {
                    "issuer": certificate.issuer,
                    "serial_number": certificate.serial_number,
                },
            ),
            "digest_algorithm": {"algorithm": "sha256"},
            "signed_attrs": attributes,
            "signature_algorithm": signature_algorithm(service.key),
            "signature": sign(service.key, attributes.dump()),
        }
    )
    signed = {
        "version": "v3",
        "digest_algorithms": [algos.DigestAlgorithm({"algorithm": "sha256"})],
        "encap_content_info": {
            "content_type": "tst_info",
            "content": core.ParsableOctetString(info),
        },
        "signer_infos": [signer],
    }
    if included:
        signed["certificates"] = [to_asn1(one) for one in included]
    return cms.ContentInfo({"content_type": "signed_data", "content": signed})


def _signed_attributes(info: bytes, certificate: x509.Certificate) -> cms.CMSAttributes:
    own = to_asn1(certificate)
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    identity = tsp.ESSCertIDv2(
        {
            "cert_hash": digest,  # SHA-256 is the default algorithm of RFC 5035
            "issuer_serial": {
                "issuer": [asn1_x509.GeneralName("directory_name", own.issuer)],
                "serial_number": own.serial_number,
            },
        }
    )
    attributes: list[dict[str, object]] = [
        {"type": "content_type", "values": ["tst_info"]},
        {"type": "message_digest", "values": [hashlib.sha256(info).digest()]},
        {
            "type": "signing_certificate_v2",
            "values": [tsp.SigningCertificateV2({"certs": [identity]})],
        },
    ]
    return cms.CMSAttributes(attributes)


def _rejection(refusal: TimeStampRefusedError) -> bytes:
    status = tsp.PKIStatusInfo(
        {
            "status": "rejection",
            "status_string": [refusal.text],
            "fail_info": {refusal.failure},
        }
    )
    # asn1crypto's TimeStampResp cannot be without a token; RFC 3161 wants it so here.
    return bytes(parser.emit(0, 1, core.Sequence.tag, status.dump()))
