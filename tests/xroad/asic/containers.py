"""Containers for tests: made by a sandbox instance, and taken apart and changed."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import pytest

from kerege.trust.tsa import time_stamping_unit, timestamp_response
from kerege.xroad.algorithms import SHA512
from kerege.xroad.asic import (
    BatchTimestamp,
    CheckName,
    ContainerParts,
    ContainerReport,
    Verdict,
    examine_container,
    read_container,
    verify_container,
    write_container,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.hashchain import (
    TIMESTAMP_CHAIN_NAME,
    HashChainInput,
    build_hash_chains,
)
from kerege.xroad.rest import RestRequest, RestResponse, request_hash
from kerege.xroad.signature import (
    Part,
    SignatureData,
    SignatureTemplate,
    Signer,
    attachment_name,
    parse_signature,
    sign_messages,
    with_signature_timestamp,
)
from kerege.xroad.timestamp import read_timestamp_response, timestamp_request
from tests.instances import NOON, Instance, sandbox_instance

SIGNED = NOON + timedelta(minutes=5)
STAMPED = NOON + timedelta(minutes=6)
BODY = b'{"pin": "10101199000017"}'
QUERY_ID = "TEST-5c3f"


@cache
def instance() -> Instance:
    return sandbox_instance()


@cache
def configuration() -> GlobalConf:
    return instance().global_conf()


def request_block() -> bytes:
    return _request().block


def response_block() -> bytes:
    digest = request_hash(_request().digest, None)
    response = RestResponse.from_service(
        200, "OK", [], request=_request(), request_hash=digest
    )
    return response.block


def signed(
    message: bytes, *bodies: bytes, by: Signer | None = None, companions: int = 0
) -> SignatureData:
    """Sign a message, maybe in one batch with others; the consumer does, if not told."""
    signer = by or instance().consumer.signer
    digest = signer.algorithm.digest
    parts = [Part.of("/message.xml", message, digest)]
    parts += [Part.of(attachment_name(n), b, digest) for n, b in enumerate(bodies, 1)]
    others = [[Part.of("/message.xml", b"%d" % n, digest)] for n in range(companions)]
    return sign_messages(template(signer), signer, [parts, *others], SIGNED)[0]


def single_stamped(message: bytes, signature: SignatureData) -> ContainerParts:
    """Stamp a signature by itself."""
    value = parse_signature(signature.signature).signature_value
    stamped = with_signature_timestamp(signature.signature, token(value))
    return _parts(message, replace(signature, signature=stamped))


def batch_stamped(message: bytes, signature: SignatureData) -> ContainerParts:
    """Stamp a signature together with two others."""
    digests = [SHA512.of(signature.signature), SHA512.of(b"two"), SHA512.of(b"three")]
    chains = build_hash_chains(
        [HashChainInput((("/META-INF/signatures.xml", d),)) for d in digests],
        chain_name=TIMESTAMP_CHAIN_NAME,
    )
    stamp = BatchTimestamp(token(chains.result), chains.result, chains.chains[0])
    return replace(_parts(message, signature), timestamp=stamp)


def token(data: bytes) -> bytes:
    """Return a time-stamp of the sandbox's authority."""
    response = timestamp_response(
        timestamp_request(SHA512.of(data), SHA512),
        time_stamping_unit(instance().ca),
        at=STAMPED,
        serial=1,
    )
    return read_timestamp_response(response, configuration().tsa_certificates())


@cache
def with_body(*, in_batch: bool = True) -> bytes:
    """Return a container of a request with a body."""
    message = request_block()
    stamp = batch_stamped if in_batch else single_stamped
    parts = stamp(message, signed(message, BODY))
    return write_container(replace(parts, attachments=(BODY,)), time=STAMPED)


@cache
def without_body(*, in_batch: bool = True) -> bytes:
    """Return a container of a request without a body."""
    message = request_block()
    stamp = batch_stamped if in_batch else single_stamped
    return write_container(stamp(message, signed(message)), time=STAMPED)


def entries_of(container: bytes) -> dict[str, bytes]:
    """Take a container apart with the standard library."""
    with zipfile.ZipFile(io.BytesIO(container)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(entries: Mapping[str, bytes], comment: bytes = b"") -> bytes:
    """Put a container together with the standard library."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = comment
        for name, data in entries.items():
            archive.writestr(name, data)
    return file.getvalue()


def without(container: bytes, *names: str) -> bytes:
    """Return the container with entries removed."""
    entries = entries_of(container)
    return packed({n: data for n, data in entries.items() if n not in names})


def with_entries(container: bytes, entries: Mapping[str, bytes]) -> bytes:
    """Return the container with entries added or replaced."""
    return packed(entries_of(container) | dict(entries))


def edited(entry: str, old: str, new: str, container: bytes | None = None) -> bytes:
    source = container or with_body()
    text = entries_of(source)[entry].decode()
    assert old in text
    return with_entries(source, {entry: text.replace(old, new, 1).encode()})


def examine(data: bytes) -> ContainerReport:
    return examine_container(data, configuration())


def failure(data: bytes) -> tuple[str, CheckName]:
    """The code of the first failure, and the check that found it."""
    report = examine(data)
    assert report.error is not None
    failed = next(c for c in report.checks if c.verdict is Verdict.FAILED)
    assert failed.code == report.error.code
    with pytest.raises(XRoadError) as refused:
        verify_container(read_container(data), configuration())
    assert refused.value.code == failed.code
    return failed.code, failed.name


def _parts(message: bytes, signature: SignatureData) -> ContainerParts:
    return ContainerParts(
        message,
        signature.signature,
        signature.hash_chain_result,
        signature.hash_chain,
    )


def _request() -> RestRequest:
    here = instance()
    client, provider = here.consumer.clients[0], here.provider.clients[0]
    return RestRequest.from_client(
        "POST",
        f"/r1/{provider.path}/persons".encode(),
        None,
        [("X-Road-Client", client.path), ("Content-Type", "application/json")],
        request_id="2f6b8e0e-3a0b-4f2a-8f6e-0d2a9a1c7b11",
        query_id=QUERY_ID,
    )


@cache
def template(signer: Signer, at: datetime = NOON) -> SignatureTemplate:
    """Return a template with OCSP responses of this time."""
    here, certificate = instance(), signer.certificate
    chain = (here.ca.intermediate.certificate,)
    return SignatureTemplate(
        certificate,
        signer.algorithm,
        chain=chain,
        ocsp_responses=[here.ocsp_response(c, at) for c in (certificate, *chain)],
    )
