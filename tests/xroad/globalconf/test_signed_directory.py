"""Signed directories: made here, and damaged in every way we could think of."""

import base64
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, strategies as st

from kerege.xroad.algorithms import SHA256, SHA512
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf._mime import parse_entity, split_parts
from kerege.xroad.globalconf.directory_builder import (
    DirectoryContent,
    DirectoryPart,
    build_signed_directory,
    version_path,
)
from kerege.xroad.globalconf.parts import verify_part
from kerege.xroad.globalconf.signed_directory import DirectoryItem, SignedDirectory
from kerege.xroad.globalconf.tree import PartMetadata
from kerege.xroad.x509 import certificate_der
from tests.xroad.certificates.pki import Identity, issue
from tests.xroad.globalconf.central import (
    NOW,
    CentralServer,
    KeySigner,
    private_parameters,
    shared_parameters,
)
from tests.xroad.globalconf.strategies import code_of, damaged

CENTRAL = CentralServer()
CERTIFICATES = [certificate_der(CENTRAL.key.certificate)]
DIRECTORY = CENTRAL.directory()
PARSING = "global_conf_parsing_downloaded_conf_directory_failure"
CODES = {
    PARSING,
    "global_conf_missing_signed_data",
    "global_conf_missing_signed_data_expiration_date",
    "global_conf_header_field_missing",
    "global_conf_header_field_wrong_value",
    "global_conf_header_field_missing_parameter",
    "global_conf_missing_verification_cert",
    "global_conf_signature_decode_failure",
    "global_conf_signature_verification_failure",
    "unsupported_algorithm",
}


def read(data: bytes, **changes: object) -> SignedDirectory:
    settings = {
        "instance": "KG",
        "verification_certificates": CERTIFICATES,
        "at": NOW,
    } | changes
    return SignedDirectory.from_bytes(data, **settings)


def resigned(signed: bytes, key: Identity = CENTRAL.key) -> bytes:
    """Put other bytes into the directory and sign them."""
    original = split_parts(
        parse_entity(DIRECTORY).body, parse_entity(DIRECTORY).header("Content-Type")
    )
    head = original[0][: original[0].index(b"\r\n\r\n") + 4]
    value = base64.b64encode(KeySigner(key).sign(signed))
    signature = original[1].rpartition(b"\r\n\r\n")[0] + b"\r\n\r\n" + value
    outer = b"--outerouterouterouter"
    return b"\r\n".join(
        (
            b"Content-Type: multipart/related; boundary=outerouterouterouter\r\n",
            outer,
            head + signed,
            outer,
            signature,
            outer + b"--\r\n",
        )
    )


def signed_bytes() -> bytes:
    entity = parse_entity(DIRECTORY)
    return parse_entity(split_parts(entity.body, entity.header("Content-Type"))[0]).body


def test_a_directory_that_was_built_is_read_back() -> None:
    directory = read(DIRECTORY)
    assert directory.version == directory.effective_version == 6
    assert directory.expires == NOW + timedelta(seconds=600)
    for item, part in zip(directory.items, CENTRAL.parts(), strict=True):
        assert item.content_identifier == part.content_identifier
        assert item.content_location == part.location
        assert item.file_name == part.location.rpartition("/")[2]
        assert item.instance == "KG"
        assert item.matches(part.data)
        verify_part(item, part.data, 6)


def test_signing_other_bytes_than_the_built_ones_gives_the_same_frame() -> None:
    assert read(resigned(signed_bytes())) == read(DIRECTORY)


def test_an_rsa_key_signs_as_well_as_an_ec_key() -> None:
    key = rsa.generate_private_key(65537, 2048)
    central = CentralServer(key=issue("CN=RSA", key=key))
    certificates = [certificate_der(central.key.certificate)]
    directory = read(central.directory(), verification_certificates=certificates)
    assert len(directory.items) == 2


@given(
    instance=st.text("abcÄÖ-. ", min_size=1, max_size=8).filter(
        lambda text: text == text.strip()
    ),
    version=st.integers(2, 6),
    files=st.lists(
        st.tuples(st.from_regex(r"[A-Z]{1,8}", fullmatch=True), st.binary(max_size=9)),
        max_size=3,
        unique_by=lambda file: file[0],
    ),
)
def test_any_content_survives_building(
    instance: str, version: int, files: list[tuple[str, bytes]]
) -> None:
    parts = tuple(
        DirectoryPart(name, f"/V{version}/1/{name}.xml", data) for name, data in files
    )
    expires = NOW.replace(microsecond=0)
    content = DirectoryContent(instance, version, expires, parts, SHA256)
    data = build_signed_directory(
        content, signer=KeySigner(CENTRAL.key), boundaries=("o" * 20, "i" * 20)
    )
    directory = read(data, instance=instance)
    assert (directory.version, directory.expires) == (version, expires)
    assert [(i.content_identifier, i.hash) for i in directory.items] == [
        (name, SHA256.of(content)) for name, content in files
    ]


@given(damaged(DIRECTORY))
def test_a_damaged_directory_is_refused_unless_the_damage_is_outside(
    data: bytes,
) -> None:
    code = code_of(lambda: read(data))
    assert code in CODES | {""}
    if not code:
        assert signed_bytes() in data


@given(damaged(signed_bytes()))
def test_a_signed_but_damaged_directory_is_read_or_refused(signed: bytes) -> None:
    code = code_of(lambda: read(resigned(signed)))
    allowed = {"", "global_conf_outdated"}
    allowed |= {"global_conf_part_invalid_instance_identifier"}
    assert code in CODES | allowed


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"Expire-date: 2", b"X: 2", "global_conf_header_field_missing"),
        (b"Expire-date: 2", b"Expire-date: x", "global_conf_header_field_wrong_value"),
        (b"Version: 6", b"Version: six", "global_conf_header_field_wrong_value"),
        (
            b"Version: 6",
            b"Version: " + b"6" * 10,
            "global_conf_header_field_wrong_value",
        ),
        (b"T12:10:00Z", b"T11:59:59Z", "global_conf_outdated"),
        (
            b"Content-type: application/octet-stream",
            b"Content-type: text/plain",
            "global_conf_header_field_wrong_value",
        ),
        (
            b"Content-transfer-encoding: base64",
            b"X: base64",
            "global_conf_header_field_missing",
        ),
        (b"Content-location", b"X-location", "global_conf_header_field_missing"),
        (b"Hash-algorithm-id", b"X-algorithm", "global_conf_header_field_missing"),
        (b"xmlenc#sha512", b"xmlenc#sha999", "unsupported_algorithm"),
        (
            b"SHARED-PARAMETERS; instance='KG'",
            b"SHARED-PARAMETERS",
            "global_conf_header_field_missing_parameter",
        ),
        (
            b"SHARED-PARAMETERS; instance='KG'",
            b"SHARED-PARAMETERS; instance='KZ'",
            "global_conf_part_invalid_instance_identifier",
        ),
        (
            b"SHARED-PARAMETERS; instance='KG'",
            b"PRIVATE-PARAMETERS; instance='KG'",
            PARSING,
        ),
    ],
)
def test_what_is_signed_must_also_be_right(old: bytes, new: bytes, code: str) -> None:
    assert old in signed_bytes()
    assert code_of(lambda: read(resigned(signed_bytes().replace(old, new)))) == code


@pytest.mark.parametrize(
    "name", ["", "..", ".hidden", "a\\b", "a\x00b", "x.metadata", "c:d"]
)
def test_a_file_name_that_leads_elsewhere_is_refused(name: str) -> None:
    signed = signed_bytes().replace(b"SHARED-PARAMETERS; instance='KG'", b"OTHER")
    signed = signed.replace(b"shared-params.xml", name.encode())
    assert code_of(lambda: read(resigned(signed))) == PARSING


def test_an_extension_part_needs_no_instance_and_may_name_its_file() -> None:
    signed = signed_bytes().replace(
        b"Content-identifier: SHARED-PARAMETERS; instance='KG'",
        b"Content-identifier: OTHER\r\nContent-file-name: other.xml",
    )
    item = read(resigned(signed)).items[0]
    assert (item.content_identifier, item.file_name) == ("OTHER", "other.xml")
    assert item.instance == "KG"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (
            b"application/octet-stream\r\nContent-Transfer",
            b"text/plain\r\nContent-Transfer",
            "global_conf_header_field_wrong_value",
        ),
        (b"Signature-Algorithm-Id", b"X", "global_conf_header_field_missing"),
        (b"Verification-certificate-hash", b"X", "global_conf_header_field_missing"),
        (
            b"; hash-algorithm-id=",
            b"; x=",
            "global_conf_header_field_missing_parameter",
        ),
        (b"#ecdsa-sha512", b"#ecdsa-sha999", "unsupported_algorithm"),
        (
            b"#ecdsa-sha512",
            b"#rsa-sha512",
            "global_conf_signature_verification_failure",
        ),
        (
            b"#ecdsa-sha512",
            b"#ecdsa-sha256",
            "global_conf_signature_verification_failure",
        ),
    ],
)
def test_the_signature_part_must_be_right(old: bytes, new: bytes, code: str) -> None:
    assert old in DIRECTORY
    assert code_of(lambda: read(DIRECTORY.replace(old, new))) == code


def test_a_signature_that_is_no_base64_is_told_apart() -> None:
    head, _, tail = DIRECTORY.rpartition(b"\r\n--outer")
    data = head[:-4] + b"*" + b"\r\n--outer" + tail
    assert code_of(lambda: read(data)) == "global_conf_signature_decode_failure"


def test_a_byte_that_was_changed_breaks_the_signature() -> None:
    for old, new in (
        (b"Version: 6", b"Version: 5"),
        (b"instance='KG'", b"instance='KZ'"),
    ):
        data = DIRECTORY.replace(old, new)
        code = code_of(lambda data=data: read(data))
        assert code == "global_conf_signature_verification_failure"


def test_a_stranger_cannot_sign() -> None:
    stranger = CentralServer(key=issue("CN=stranger"))
    with pytest.raises(XRoadError) as refused:
        read(stranger.directory())
    assert refused.value.code == "global_conf_missing_verification_cert"
    assert "anchor" in refused.value.advice


def test_who_names_our_certificate_and_signs_with_another_key_is_refused() -> None:
    stranger = issue("CN=stranger")
    code = code_of(lambda: read(resigned(signed_bytes(), stranger)))
    assert code == "global_conf_signature_verification_failure"


def test_a_verification_certificate_that_is_none_verifies_nothing() -> None:
    fake = b"not a certificate"
    wanted = base64.b64encode(SHA512.of(CERTIFICATES[0]))
    data = DIRECTORY.replace(wanted, base64.b64encode(SHA512.of(fake)))
    code = code_of(lambda: read(data, verification_certificates=[fake]))
    assert code == "global_conf_signature_verification_failure"


def test_an_old_directory_is_not_accepted_a_second_longer() -> None:
    expires = NOW + timedelta(seconds=600)
    assert read(DIRECTORY, at=expires).expires == expires
    with pytest.raises(XRoadError) as refused:
        read(DIRECTORY, at=expires + timedelta(seconds=1))
    assert refused.value.code == "global_conf_outdated"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", PARSING),
        (b"<html>no</html>", PARSING),
        (b"Content-Type: text/html\r\n\r\nno", PARSING),
        (b"Content-Type: multipart/related\r\n\r\nno", PARSING),
        (
            b"Content-Type: multipart/related; boundary=b\r\n\r\nno parts",
            "global_conf_missing_signed_data",
        ),
        (
            b"Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--",
            "global_conf_missing_signed_data_expiration_date",
        ),
        (b"x" * (1024 * 1024 + 1), PARSING),
        (b"\xff: x\r\n\r\n", PARSING),
        (b"A: 1\r\nA: 2\r\n\r\n", PARSING),
        (b"\n".join(b"H%d: x" % n for n in range(40)) + b"\n\n", PARSING),
    ],
)
def test_what_is_no_directory_is_refused(data: bytes, code: str) -> None:
    assert code_of(lambda: read(data)) == code


def test_a_third_part_is_refused() -> None:
    more = b"\r\n--outerouterouterouter\r\nContent-Type: x\r\n\r\ny"
    data = DIRECTORY.replace(
        b"\r\n--outerouterouterouter--", more + b"\r\n--outerouterouterouter--"
    )
    assert code_of(lambda: read(data)) == PARSING


def test_a_directory_of_a_thousand_parts_is_refused() -> None:
    signed = b"--innerinnerinnerinner\r\n" * 2000
    assert code_of(lambda: read(resigned(signed))) == PARSING


def test_the_item_of_a_part_notices_every_change() -> None:
    item = DirectoryItem("X", "KG", "/x.xml", SHA512, SHA512.of(b"content"))
    item.verify(b"content")
    with pytest.raises(XRoadError) as refused:
        item.verify(b"Content")
    assert refused.value.code == "global_conf_part_downloaded_file_integrity_failure"


def test_parameters_of_another_instance_are_refused_as_a_part() -> None:
    for name, data in (
        ("SHARED-PARAMETERS", shared_parameters("KZ").to_xml()),
        ("PRIVATE-PARAMETERS", private_parameters("KZ").to_xml()),
    ):
        item = DirectoryItem(name, "KG", "/x.xml", SHA512, SHA512.of(data))
        with pytest.raises(XRoadError) as refused:
            verify_part(item, data, 6)
        assert refused.value.code == "global_conf_part_invalid_instance_identifier"
        verify_part(replace(item, instance="KZ"), data, 6)


def test_parameters_with_a_certificate_that_is_none_are_refused_as_a_part() -> None:
    shared = shared_parameters()
    (service,) = shared.timestamping_services
    broken = replace(
        shared, timestamping_services=(replace(service, certificate=b"x"),)
    ).to_xml()
    item = DirectoryItem("SHARED-PARAMETERS", "KG", "/x.xml", SHA512, SHA512.of(broken))
    with pytest.raises(XRoadError) as refused:
        verify_part(item, broken, 6)
    assert refused.value.code == "malformed_global_conf"


def test_what_is_kept_beside_a_file_tells_where_it_came_from() -> None:
    directory = read(DIRECTORY)
    metadata = directory.metadata_of(directory.items[0])
    assert PartMetadata.from_json(metadata.to_json()) == metadata
    assert metadata.version == 6
    assert metadata.content_identifier == "SHARED-PARAMETERS"
    assert replace(directory, version=None).effective_version == 2


def test_each_generated_configuration_has_a_folder_of_its_own() -> None:
    assert version_path(6, NOW, 7) == "/V6/20260601120000000000007"


def test_a_date_without_a_zone_is_taken_as_universal_time() -> None:
    signed = signed_bytes().replace(b"T12:10:00Z", b"T12:10:00")
    assert read(resigned(signed)).expires == NOW + timedelta(seconds=600)


def test_a_signed_directory_without_any_part_has_no_expiry_date() -> None:
    code = code_of(lambda: read(resigned(b"nothing in here")))
    assert code == "global_conf_missing_signed_data_expiration_date"
