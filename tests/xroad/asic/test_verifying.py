"""Verifying containers: the checks one by one, and what each finds."""

import base64
import re
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from kerege.exchange.keys.signer import SoftwareSigner
from kerege.trust.key_kinds import KeyKind, generate_key
from kerege.xroad.algorithms import signature_by_name
from kerege.xroad.asic import (
    CheckName,
    Direction,
    Verdict,
    examine_container,
    write_container,
)
from kerege.xroad.asic.message import read_message
from kerege.xroad.certificates import LEGACY
from kerege.xroad.faults import XRoadError
from kerege.xroad.signature import Part, Signer, sign_messages
from tests.instances import NOON, sandbox_instance
from tests.xroad.asic.containers import (
    BODY,
    QUERY_ID,
    SIGNED,
    STAMPED,
    batch_stamped,
    configuration,
    edited,
    entries_of,
    examine,
    failure,
    instance,
    request_block,
    response_block,
    signed,
    single_stamped,
    template,
    token,
    with_body,
    with_entries,
    without,
    without_body,
)


def written(stamp, message, data, *bodies) -> bytes:
    parts = replace(stamp(message, data), attachments=bodies)
    return write_container(parts, time=STAMPED)


GOOD = {
    "no body, stamped alone": lambda: without_body(in_batch=False),
    "no body, stamped in a batch": without_body,
    "body, stamped alone": lambda: with_body(in_batch=False),
    "body, stamped in a batch": with_body,
    "signed in a batch of four": lambda: written(
        batch_stamped,
        request_block(),
        signed(request_block(), BODY, companions=3),
        BODY,
    ),
    "no body, signed in a batch": lambda: written(
        single_stamped, request_block(), signed(request_block(), companions=1)
    ),
}


@pytest.mark.parametrize("kind", GOOD)
def test_what_a_server_writes_is_verified(kind):
    report = examine(GOOD[kind]())
    assert report.is_verified
    assert {c.verdict for c in report.checks} <= {Verdict.PASSED, Verdict.NOT_NEEDED}
    assert [c.name for c in report.checks] == list(CheckName)


def test_report_says_who_what_and_when():
    report = examine(with_body())
    assert report.message is not None
    assert report.message.query_id == QUERY_ID
    assert report.message.direction is Direction.REQUEST
    assert report.message.client == instance().consumer.clients[0]
    assert report.message.signer == report.message.client
    assert report.timestamp is not None
    assert report.timestamp.time == STAMPED
    assert report.signature is not None
    assert report.signature.signer == instance().consumer.server_id.owner
    assert "attachment1: verified" in report.check(CheckName.ATTACHMENTS).text


def test_response_is_signed_by_the_provider():
    message = response_block()
    data = signed(message, BODY, by=instance().provider.signer)
    report = examine(written(batch_stamped, message, data, BODY))
    assert report.is_verified
    assert report.message is not None
    assert report.message.signer == instance().provider.clients[0]


def test_signature_of_another_member_is_refused():
    message = response_block()
    container = written(batch_stamped, message, signed(message))
    assert failure(container) == ("incorrect_certificate", CheckName.SIGNER)


def test_body_that_was_not_logged_is_only_noted():
    message = request_block()
    report = examine(written(batch_stamped, message, signed(message, BODY)))
    assert report.is_verified
    assert report.missing == ("/attachment1",)
    check = report.check(CheckName.ATTACHMENTS)
    assert check.verdict is Verdict.NOTE
    assert "not in the container" in check.text


def test_body_that_was_removed_is_a_failure():
    code = failure(without(with_body(), "attachment1"))
    assert code == ("asic_invalid_container", CheckName.MANIFEST)


@pytest.mark.parametrize("in_batch", [True, False])
@pytest.mark.parametrize(
    ("entry", "content", "code", "check"),
    [
        (
            "message.xml",
            response_block(),
            "malformed_signature.invalid_hash_chain_ref",
            CheckName.HASH_CHAIN,
        ),
        (
            "message.xml",
            b"GET\r\n/somewhere\r\n",
            "invalid_message",
            CheckName.MESSAGE,
        ),
        ("message.xml", b"<not-soap/>", "invalid_message", CheckName.MESSAGE),
        ("message.xml", b"200\r\n\r\n", "invalid_message", CheckName.MESSAGE),
        (
            "attachment1",
            b"{}",
            "malformed_signature.invalid_hash_chain_ref",
            CheckName.HASH_CHAIN,
        ),
        (
            "attachment2",
            b"{}",
            "malformed_signature.hashchain_unused_inputs",
            CheckName.HASH_CHAIN,
        ),
        (
            "sig-hashchain.xml",
            b"<x/>",
            "malformed_signature.malformed_hash_chain",
            CheckName.HASH_CHAIN,
        ),
        (
            "META-INF/signatures.xml",
            b"<x/>",
            "malformed_signature",
            CheckName.REFERENCES,
        ),
        ("extra.txt", b"", "asic_invalid_container", CheckName.ENTRIES),
        ("hashchain.txt", b"x", "asic_invalid_container", CheckName.ENTRIES),
        (
            "META-INF/manifest.xml",
            b"<x/>",
            "asic_invalid_container",
            CheckName.MANIFEST,
        ),
    ],
)
def test_changes_are_found_where_they_are(in_batch, entry, content, code, check):
    container = with_entries(with_body(in_batch=in_batch), {entry: content})
    assert failure(container) == (code, check)


def test_container_without_time_stamp_is_not_verified():
    message = request_block()
    parts = single_stamped(message, signed(message))
    parts = replace(parts, signature=signed(message).signature)
    container = write_container(parts, time=STAMPED)
    assert failure(container) == ("asic_timestamp_not_found", CheckName.TIMESTAMP)
    assert "Download it again" in examine_advice(container)


def examine_advice(container: bytes) -> str:
    error = examine(container).error
    assert error is not None
    return error.advice


def test_time_stamp_of_other_data_is_refused():
    container = with_entries(with_body(), {"META-INF/timestamp.tst": token(b"other")})
    assert failure(container) == ("malformed_signature", CheckName.TIMESTAMP)


def test_batch_time_stamp_of_another_signature_is_refused():
    other = single_stamped(request_block(), signed(request_block(), b"another"))
    container = with_entries(with_body(), {"META-INF/signatures.xml": other.signature})
    assert failure(container) == ("malformed_signature", CheckName.TIMESTAMP_CHAIN)
    report = examine(container)
    assert "ts-hashchain.xml" in report.check(CheckName.TIMESTAMP_CHAIN).text
    later = report.check(CheckName.SIGNATURE)
    assert later.verdict is Verdict.NOT_REACHED
    assert later.text == "Needs the check of the time-stamp."


def test_signature_over_other_documents_is_refused():
    container = edited(
        "META-INF/signatures.xml", "/sig-hashchainresult.xml", "/other.xml"
    )
    assert failure(container) == ("malformed_signature", CheckName.REFERENCES)


def test_attachment_that_a_plain_signature_does_not_cover_is_refused():
    container = with_entries(without_body(), {"attachment1": b"smuggled"})
    assert failure(container) == ("malformed_signature", CheckName.REFERENCES)


def test_certificates_are_judged_at_the_time_of_the_time_stamp():
    message, signer = request_block(), instance().consumer.signer
    old = template(signer, NOON - timedelta(days=2))
    parts = [Part.of("/message.xml", message)]
    data = sign_messages(old, signer, [parts], SIGNED)[0]
    code, check = failure(written(single_stamped, message, data))
    assert code == "invalid_cert_path.incorrect_validation_info"
    assert check is CheckName.CERTIFICATE


@cache
def ec_signer() -> Signer:
    """A P-256 key of the consumer's member, signing over SHA-256."""
    here, key = instance(), generate_key(KeyKind.EC_P256)
    server = here.consumer.server_id
    certificate = here.ca.issue_signing(key.public_key(), server.owner, server)
    algorithm = signature_by_name("SHA256withECDSA")
    return SoftwareSigner(certificate, "key", {"key": key}, algorithm)


def test_an_ocsp_response_that_was_put_in_long_afterwards_is_refused():
    signer = instance().consumer.signer
    message = request_block()
    parts = [Part.of("/message.xml", message, signer.algorithm.digest)]
    for days, error in (
        (1, None),
        (400, "invalid_cert_path.incorrect_validation_info"),
    ):
        later = template(signer, STAMPED + timedelta(days=days))
        signature = sign_messages(later, signer, [parts], SIGNED)[0]
        container = write_container(single_stamped(message, signature), time=STAMPED)
        report = examine(container)
        assert (report.error.code if report.error else None) == error
        if error:
            assert failure(container) == (error, CheckName.CERTIFICATE)


@pytest.mark.parametrize("stamp", [single_stamped, batch_stamped])
def test_other_keys_and_digests_are_verified(stamp):
    message = request_block()
    data = signed(message, BODY, by=ec_signer())
    assert examine(written(stamp, message, data, BODY)).is_verified
    code = failure(written(stamp, message, data, b"another"))
    assert code == (
        "malformed_signature.invalid_hash_chain_ref",
        CheckName.HASH_CHAIN,
    )


def test_hash_chain_over_something_that_containers_do_not_have_is_refused():
    message, signer = request_block(), instance().consumer.signer
    parts = [Part.of("/message.xml", message), Part.of("/secret.xml", b"x")]
    data = sign_messages(template(signer), signer, [parts], SIGNED)[0]
    container = written(single_stamped, message, data)
    assert failure(container) == ("invalid_reference", CheckName.ATTACHMENTS)


def test_large_unexpected_file_is_refused_too():
    large = bytes(200_000)
    container = with_entries(with_body(), {"hashchain.xml": large})
    assert failure(container) == ("asic_invalid_container", CheckName.ENTRIES)


def test_configuration_of_another_instance_does_not_help():
    other = sandbox_instance("OTHER").global_conf()
    report = examine_container(with_body(), other)
    assert not report.is_verified
    assert report.check(CheckName.TIMESTAMP).code == "mlog.tsp_certificate_not_found"


def test_instance_that_is_not_configured_is_named_as_the_problem():
    class OnlyStamps:
        def tsa_certificates(self, instance=None):
            return configuration().tsa_certificates(instance)

        def trust(self, instance):
            return sandbox_instance("OTHER").global_conf().trust(instance)

    report = examine_container(with_body(), OnlyStamps())
    assert report.check(CheckName.SIGNER).verdict is Verdict.FAILED


def test_old_algorithms_are_accepted_when_asked_for():
    assert examine_container(with_body(), configuration(), policy=LEGACY).is_verified


def test_file_that_is_no_container_reaches_no_check():
    report = examine(b"hello")
    assert report.error is not None
    assert report.error.code == "asic_mime_type_not_found"
    first, *others = report.checks
    assert (first.name, first.verdict) == (CheckName.CONTAINER, Verdict.FAILED)
    assert {check.verdict for check in others} == {Verdict.NOT_REACHED}


def test_hash_chains_that_nothing_refers_to_are_noted():
    entries = entries_of(with_body())
    extra = {
        "hashchain.xml": entries["sig-hashchain.xml"],
        "sig-hashchain.xml": entries["sig-hashchain.xml"],
        "sig-hashchainresult.xml": entries["sig-hashchainresult.xml"],
    }
    report = examine(with_entries(without_body(), extra))
    assert report.is_verified
    assert report.check(CheckName.ENTRIES).verdict is Verdict.NOTE


def test_message_kinds_are_told_apart():
    soap = (
        b"\xef\xbb\xbf<?xml version='1.0'?><E:Envelope "
        b"xmlns:E='http://schemas.xmlsoap.org/soap/envelope/'><E:Body><E:Fault>"
        b"<faultcode>a</faultcode><faultstring>b</faultstring></E:Fault></E:Body>"
        b"</E:Envelope>"
    )
    with pytest.raises(XRoadError, match="SOAP fault") as refused:
        read_message(soap)
    assert refused.value.code == "invalid_message"
    assert read_message(request_block()).protocol == "REST"
    without_client = re.sub(rb"x-road-client:[^\r]*\r\n", b"", response_block())
    with pytest.raises(XRoadError, match="names no client"):
        read_message(without_client)


def test_every_byte_counts():
    """Flip single bits all over a container: what still verifies says the same."""
    source = with_body(in_batch=False)
    original = entries_of(source)
    survivors = 0
    for place in range(0, len(source), 29):
        flipped = bytearray(source)
        flipped[place] ^= 1
        report = examine(bytes(flipped))
        if report.is_verified:
            survivors += 1
            assert entries_of(bytes(flipped)) == original, place
    assert survivors < 20


@pytest.mark.parametrize("in_batch", [True, False])
def test_every_binary_value_of_the_signature_counts(in_batch):
    source = without_body(in_batch=in_batch)
    signature = entries_of(source)["META-INF/signatures.xml"]
    values = list(re.finditer(rb">([A-Za-z0-9+/]{80,}=*)<", signature))
    assert len(values) > 5
    for value in values:
        decoded = bytearray(base64.b64decode(value[1]))
        decoded[20] ^= 1
        changed = signature[: value.start(1)] + base64.b64encode(decoded)
        changed += signature[value.end(1) :]
        container = with_entries(source, {"META-INF/signatures.xml": changed})
        assert not examine(container).is_verified
