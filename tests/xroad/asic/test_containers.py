"""Writing and reading containers, their names and their manifests."""

import io
import tracemalloc
import zipfile
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from kerege.xroad.algorithms import SHA256, SHA512
from kerege.xroad.asic import (
    BatchTimestamp,
    Container,
    ContainerParts,
    Direction,
    container_name,
    iter_container,
    names,
    read_container,
    write_container,
)
from kerege.xroad.asic.manifests import (
    build_asic_manifest,
    build_manifest,
    read_asic_manifest,
    read_manifest,
)
from kerege.xroad.asic.zipreader import ZipLimits
from kerege.xroad.faults import XRoadError
from tests.xroad.asic.containers import (
    STAMPED,
    entries_of,
    packed,
    with_body,
    with_entries,
    without,
    without_body,
)

PARTS = ContainerParts(b"<message/>", b"<signature/>")
FULL = replace(
    PARTS,
    hash_chain_result=b"<result/>",
    hash_chain=b"<chain/>",
    timestamp=BatchTimestamp(b"\x30token", b"<stamped/>", b"<ts/>"),
    attachments=(b"one", [b"t", b"wo"]),
)
MINIMAL = {
    "mimetype": names.MIME_TYPE.encode(),
    "message.xml": b"m",
    "META-INF/signatures.xml": b"s",
}


def code_of(data: bytes) -> str | None:
    """The code with which a container is refused, None if it is read."""
    try:
        read_container(data)
    except XRoadError as error:
        return error.code
    return None


def test_entries_stand_in_the_order_of_the_reference():
    assert list(entries_of(write_container(FULL, time=STAMPED))) == [
        "mimetype",
        "message.xml",
        "META-INF/signatures.xml",
        "sig-hashchainresult.xml",
        "sig-hashchain.xml",
        "ts-hashchainresult.xml",
        "ts-hashchain.xml",
        "META-INF/manifest.xml",
        "META-INF/ASiCManifest.xml",
        "META-INF/timestamp.tst",
        "attachment1",
        "attachment2",
    ]
    assert list(entries_of(write_container(PARTS, time=STAMPED))) == [
        "mimetype",
        "message.xml",
        "META-INF/signatures.xml",
        "META-INF/manifest.xml",
    ]


def test_zip_file_looks_like_that_of_the_reference():
    with zipfile.ZipFile(io.BytesIO(write_container(FULL, time=STAMPED))) as archive:
        assert archive.comment == b"mimetype=application/vnd.etsi.asic-e+zip"
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_DEFLATED
            assert info.flag_bits == 0x808
            assert info.extra == b"UT\5\0\1" + int(STAMPED.timestamp()).to_bytes(
                4, "little"
            )


def test_what_was_written_is_read():
    container = read_container(write_container(FULL, time=STAMPED))
    assert isinstance(container, Container)
    assert FULL.timestamp is not None
    assert (container.message, container.signature) == (PARTS.message, PARTS.signature)
    assert container.hash_chain_result == FULL.hash_chain_result
    assert container.hash_chain == FULL.hash_chain
    assert container.timestamp == FULL.timestamp.token
    assert container.timestamp_chain_result == FULL.timestamp.hash_chain_result
    assert container.timestamp_chain == FULL.timestamp.hash_chain
    assert [b"".join(a.chunks()) for a in container.attachments] == [b"one", b"two"]
    assert container.attachments[1].digest(SHA512) == SHA512.of(b"two")
    assert container.attachments[1].digest(SHA256) == SHA256.of(b"two")
    assert container.unexpected == ()
    assert container.comment == names.COMMENT


def test_writing_in_chunks_gives_the_same_bytes():
    chunks = list(iter_container(FULL, time=STAMPED))
    assert len(chunks) > 10
    assert b"".join(chunks) == write_container(FULL, time=STAMPED)


def test_a_large_body_is_written_and_read_in_flat_memory(tmp_path):
    chunk = bytes(64 * 1024)
    parts = replace(PARTS, attachments=((chunk for _ in range(1_000)),))
    path = tmp_path / "large.asice"
    tracemalloc.start()
    with path.open("wb") as file:
        for written in iter_container(parts, time=STAMPED):
            file.write(written)
    with path.open("rb") as file:
        container = read_container(file)
        assert container.attachments[0].size == 64_000 * 1024
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * 1024 * 1024


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ({"mimetype": None}, "asic_mime_type_not_found"),
        ({"mimetype": b"  \n"}, "asic_mime_type_not_found"),
        ({"mimetype": b"application/zip"}, "asic_invalid_mime_type"),
        ({"message.xml": None}, "asic_message_not_found"),
        ({"message.xml": b" "}, "asic_message_not_found"),
        ({"META-INF/signatures.xml": None}, "asic_signature_not_found"),
        ({"sig-hashchain.xml": b"c"}, "asic_hash_chain_result_not_found"),
        ({"sig-hashchainresult.xml": b"r"}, "asic_hash_chain_not_found"),
        ({"ts-hashchain.xml": b"c"}, "asic_hash_chain_result_not_found"),
        ({"ts-hashchainresult.xml": b"r"}, "asic_hash_chain_not_found"),
        (
            {"ts-hashchain.xml": b"c", "ts-hashchainresult.xml": b"r"},
            "asic_timestamp_not_found",
        ),
        ({"META-INF/timestamp.tst": b" "}, "asic_timestamp_not_found"),
        ({"META-INF/manifest.xml": b""}, "asic_manifest_not_found"),
        ({"META-INF/ASiCManifest.xml": b""}, "asic_manifest_not_found"),
        ({"MESSAGE.xml": b"m"}, "asic_invalid_container"),
        ({"META-INF/signatures2.xml": b"s"}, "asic_invalid_container"),
    ],
)
def test_missing_parts_have_a_code_each(entries, code):
    assert code_of(packed(MINIMAL)) is None
    made = {n: d for n, d in (MINIMAL | entries).items() if d is not None}
    assert code_of(packed(made)) == code


def test_names_are_compared_without_case_and_signatures_by_pattern():
    made = {
        "MimeType": names.MIME_TYPE.upper().encode(),
        "Message.XML": b"m",
        "META-INF/my-signatures-1.xml": b"s",
    }
    container = read_container(packed(made))
    assert (container.message, container.signature) == (b"m", b"s")


@pytest.mark.parametrize("name", ["me\u017fsage.xml", "META-INF/\u017fignatures.xml"])
def test_names_that_only_unicode_takes_for_the_same_are_others(name):
    plain = name.replace("\u017f", "s")
    made = {(name if n == plain else n): data for n, data in MINIMAL.items()}
    assert len(made) == len(MINIMAL)
    code = (
        "asic_message_not_found" if "message" in plain else "asic_signature_not_found"
    )
    assert code_of(packed(made)) == code


def test_folders_and_other_files_are_unexpected():
    made = MINIMAL | {"META-INF/": b"", "extra.txt": b"x", "attachment0": b"y"}
    made |= {"attachment12": b"z", "attachment3": b"c", "approved by all/": b""}
    container = read_container(packed(made))
    assert container.unexpected == (
        ("approved by all/", b""),
        ("extra.txt", b"x"),
        ("attachment0", b"y"),
    )
    assert [a.name for a in container.attachments] == ["attachment3", "attachment12"]


def test_no_zip_file_reads_as_empty_and_a_broken_one_is_refused():
    assert code_of(b"") == "asic_mime_type_not_found"
    assert code_of(b"<html>") == "asic_mime_type_not_found"
    assert code_of(packed(MINIMAL)[:-30]) == "asic_invalid_container"


def test_bounds_hold(monkeypatch):
    limits = ZipLimits(entries=2, entry_bytes=100, total_bytes=100)
    with pytest.raises(XRoadError, match="too many entries") as refused:
        read_container(packed(MINIMAL), limits=limits)
    assert refused.value.code == "asic_invalid_container"
    monkeypatch.setattr("kerege.xroad.asic.reader.MAX_PART_BYTES", 30)
    with pytest.raises(XRoadError, match=r"'mimetype' is larger than 30 bytes"):
        read_container(packed(MINIMAL))


# --- names ---


@pytest.mark.parametrize(
    ("query_id", "record", "name"),
    [
        ("TEST-1", 0, "TEST-1-request-0.asice"),
        ("a b/ю~*", 31, "a+b%2F%D1%8E%7E*-request-v.asice"),
        ("../../etc", 32, "..%2F..%2Fetc-request-10.asice"),
        ("\ud800", 1, "%3F-request-1.asice"),
        ("", 2**63 - 1, "-request-7vvvvvvvvvvvv.asice"),
    ],
)
def test_container_names(query_id, record, name):
    assert container_name(query_id, Direction.REQUEST, record) == name


@given(st.text(max_size=400), st.integers(0, 2**63 - 1), st.sampled_from(Direction))
def test_container_names_fit_into_file_systems(query_id, record, direction):
    name = container_name(query_id, direction, record)
    assert len(name) <= 255
    assert name.isascii()
    assert not set(name) & set('/\\:<>|?"')


@pytest.mark.parametrize("record", [-1, 2**63])
def test_record_ids_out_of_range_are_a_mistake_of_ours(record):
    with pytest.raises(ValueError, match="out of range"):
        container_name("q", Direction.REQUEST, record)


# --- manifests ---


def test_manifest_lists_what_it_was_given():
    listed = read_manifest(build_manifest(["message.xml", "ts-hashchain.xml"], 2))
    assert listed == {
        "/": names.MIME_TYPE,
        "message.xml": "text/xml",
        "ts-hashchain.xml": "text/xml",
        "attachment1": "application/octet-stream",
        "attachment2": "application/octet-stream",
    }


OPEN = b'<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
CLOSE = b"</m:manifest>"


@pytest.mark.parametrize(
    "body",
    [
        b"no xml",
        b"<manifest/>",
        OPEN + b"<m:other/>" + CLOSE,
        OPEN + b"<m:file-entry/>" + CLOSE,
        OPEN + b'<m:file-entry m:media-type="a" m:full-path="b"/>' * 2 + CLOSE,
    ],
)
def test_bad_manifests_are_refused(body):
    with pytest.raises(XRoadError) as refused:
        read_manifest(body)
    assert refused.value.code == "asic_invalid_container"


def test_asic_manifest_binds_the_time_stamp():
    manifest = read_asic_manifest(build_asic_manifest(b"stamped"))
    assert manifest.signature_entry == "META-INF/timestamp.tst"
    (reference,) = manifest.references
    assert reference.entry == "ts-hashchainresult.xml"
    assert (reference.algorithm, reference.digest) == (SHA512, SHA512.of(b"stamped"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ASiCManifest", "Other"),
        ("2918/v1", "2919/v1"),
        ("asic:SigReference", "asic:Sig"),
        ("asic:DataObjectReference", "asic:Object"),
        ("ds:DigestMethod", "ds:Method"),
        ("ds:DigestValue>", "ds:Value>"),
        ("<ds:DigestValue>", "<ds:DigestValue>!"),
    ],
)
def test_bad_asic_manifests_are_refused(old, new):
    manifest = build_asic_manifest(b"stamped").decode()
    assert old in manifest
    with pytest.raises(XRoadError) as refused:
        read_asic_manifest(manifest.replace(old, new).encode())
    assert refused.value.code == "asic_invalid_container"


def test_asic_manifest_with_the_namespace_of_the_standard_is_read():
    manifest = build_asic_manifest(b"s").replace(b"/2918/", b"/02918/")
    assert read_asic_manifest(manifest).references


# --- hostile ---

SEEDS = [with_body(), without_body(in_batch=False)]


@given(st.binary(max_size=300))
def test_any_bytes_are_a_container_or_refused(data):
    code_of(data)
    code_of(SEEDS[1][:40] + data)


@given(st.data())
def test_mutated_containers_are_read_or_refused(data):
    source = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(source) - 1))
        source[place] = data.draw(st.integers(0, 255))
    code_of(bytes(source))


@settings(max_examples=50)
@given(st.sampled_from(sorted(entries_of(SEEDS[0]))), st.binary(max_size=200))
def test_any_content_of_an_entry_is_read_or_refused(name, content):
    code_of(with_entries(SEEDS[0], {name: content}))
    code_of(without(SEEDS[0], name))


parts = st.builds(
    ContainerParts,
    message=st.binary(min_size=1, max_size=50).filter(bytes.strip),
    signature=st.binary(min_size=1, max_size=50).filter(bytes.strip),
    attachments=st.lists(st.binary(max_size=50), max_size=3),
)


@given(parts)
def test_what_is_written_is_what_is_read(parts):
    container = read_container(write_container(parts, time=STAMPED))
    assert (container.message, container.signature) == (parts.message, parts.signature)
    assert [b"".join(a.chunks()) for a in container.attachments] == parts.attachments
