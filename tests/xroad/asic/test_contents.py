"""What is in a container beside what is signed: manifests, comments, other files."""

import re

import pytest

from kerege.xroad.asic import (
    CheckName,
)
from kerege.xroad.asic.names import COMMENT
from tests.xroad.asic.containers import (
    edited,
    entries_of,
    examine,
    failure,
    packed,
    with_body,
    with_entries,
    without,
)

LISTED = (
    '<manifest:file-entry manifest:media-type="application/octet-stream" '
    'manifest:full-path="attachment1"/>'
)


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("message.xml", "other.xml", "asic_invalid_container", "other.xml is listed"),
        ("attachment1", "attachment2", "asic_invalid_container", "attachment2 is"),
        ("text/xml", "text/html", "asic_invalid_container", "another media type"),
        ("vnd.etsi.asic-e+zip", "zip", "asic_invalid_mime_type", "application/zip"),
        (
            LISTED,
            "",
            "asic_invalid_container",
            "attachment1 is not listed",
        ),
    ],
)
def test_manifest_lists_exactly_what_is_there(old, new, code, said):
    container = edited("META-INF/manifest.xml", old, new)
    assert failure(container) == (code, CheckName.MANIFEST)
    assert said in examine(container).check(CheckName.MANIFEST).text


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("timestamp.tst", "timestamp2.tst", "invalid_reference"),
        ("ts-hashchainresult.xml", "message.xml", "invalid_reference"),
        ("<ds:DigestValue>", "<ds:DigestValue>AAAA", "invalid_reference"),
        ("xmlenc#sha512", "xmlenc#sha256", "invalid_reference"),
        ("xmlenc#sha512", "xmlenc#sha3", "unsupported_algorithm"),
    ],
)
def test_asic_manifest_binds_the_time_stamp_to_what_was_stamped(old, new, code):
    container = edited("META-INF/ASiCManifest.xml", old, new)
    assert failure(container) == (code, CheckName.ASIC_MANIFEST)


def test_asic_manifest_without_data_reference_is_refused():
    entries = entries_of(with_body())
    text = entries["META-INF/ASiCManifest.xml"].decode()
    text = re.sub(r"<asic:Data.*</asic:DataObjectReference>", "", text, flags=re.DOTALL)
    container = with_entries(with_body(), {"META-INF/ASiCManifest.xml": text.encode()})
    assert failure(container) == ("invalid_reference", CheckName.ASIC_MANIFEST)


@pytest.mark.parametrize(
    "entry", ["META-INF/manifest.xml", "META-INF/ASiCManifest.xml"]
)
def test_missing_manifest_is_a_failure(entry):
    code, _ = failure(without(with_body(), entry))
    assert code == "asic_manifest_not_found"


def test_asic_manifest_without_batch_is_unexpected():
    manifest = entries_of(with_body())["META-INF/ASiCManifest.xml"]
    single = with_body(in_batch=False)
    container = with_entries(single, {"META-INF/ASiCManifest.xml": manifest})
    assert failure(container) == ("asic_invalid_container", CheckName.ENTRIES)


def test_another_zip_comment_is_a_failure():
    entries = entries_of(with_body())
    assert examine(packed(entries, COMMENT)).is_verified
    assert examine(packed(entries)).is_verified
    other = packed(entries, b"mimetype=application/zip")
    assert failure(other) == ("asic_invalid_container", CheckName.ENTRIES)
