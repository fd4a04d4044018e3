"""Containers and archives that a 7.8.0 server wrote, and what was made of them.

The verdicts are those of the reference's verifier, except where it is wrong: a changed
or removed body, a file that nobody signed, a missing manifest.
"""

import json
import re
from functools import cache
from pathlib import Path

import pytest

from kerege.exchange.configuration import load_directory
from kerege.xroad.archive import read_archive, verify_archive
from kerege.xroad.asic import (
    CheckName,
    ContainerReport,
    Verdict,
    examine_container,
    read_container,
    verify_container,
)
from kerege.xroad.asic.names import COMMENT
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.x509 import subject_text
from tests.vectors import LIVE, needs_recordings
from tests.xroad.asic.containers import without

pytestmark = needs_recordings

RECORDED = LIVE / "asic"
CODES = {
    "batchts-message-changed": "invalid_signature_value",
    "batchts-tshashchain-changed": "malformed_signature",
    "batchts-tshashchainresult-changed": "malformed_signature",
    "body-changed": "malformed_signature.invalid_hash_chain_ref",
    "extra-file": "asic_invalid_container",
    "hashchain-changed": "malformed_signature.invalid_hash_chain_ref",
    "no-mimetype": "asic_mime_type_not_found",
    "signature-value-changed": "malformed_signature",
    "single-message-changed": "invalid_signature_value",
}
WRONG_IN_THE_REFERENCE = {"body-changed", "extra-file"}
FAILED_CHECK = {
    "batchts-message-changed": CheckName.SIGNATURE,
    "batchts-tshashchain-changed": CheckName.TIMESTAMP_CHAIN,
    "batchts-tshashchainresult-changed": CheckName.TIMESTAMP_CHAIN,
    "body-changed": CheckName.HASH_CHAIN,
    "extra-file": CheckName.ENTRIES,
    "hashchain-changed": CheckName.HASH_CHAIN,
    "no-mimetype": CheckName.CONTAINER,
    "signature-value-changed": CheckName.TIMESTAMP,
    "single-message-changed": CheckName.SIGNATURE,
}
ALSO_FAILED = {"batchts-tshashchainresult-changed": [CheckName.ASIC_MANIFEST]}
"""The manifest has the digest of what was changed; the reference never looks at it."""


@cache
def configuration() -> GlobalConf:
    return load_directory(RECORDED / "verificationconf" / "verificationconf")


@cache
def verdicts() -> dict[str, str]:
    """What the reference said, by file."""
    path = RECORDED / "verdicts.txt"
    if not path.is_file():
        return {}
    sections = re.split(r"^=== ", path.read_text(), flags=re.MULTILINE)[1:]
    pairs = (section.split("\n", 1) for section in sections)
    return {name.strip(): text for name, text in pairs}


def files(pattern: str) -> list[object]:
    return [
        pytest.param(path, id=str(path.relative_to(RECORDED)))
        for path in sorted(RECORDED.glob(pattern))
    ]


def examine(data: bytes) -> ContainerReport:
    return examine_container(data, configuration())


def test_every_verdict_belongs_to_a_container():
    found = {str(p.relative_to(RECORDED)) for p in RECORDED.glob("*/*.asice")}
    assert set(verdicts()) == found


@pytest.mark.parametrize("path", files("ss*/*.asice"))
def test_untouched_container_is_verified_with_the_details_of_the_reference(path: Path):
    said = verdicts()[str(path.relative_to(RECORDED))]
    assert said.startswith("Verification successful.")
    container = read_container(path.read_bytes())
    assert container.comment == COMMENT
    report = verify_container(container, configuration())
    assert report.message is not None
    assert report.timestamp is not None
    assert report.signature is not None
    assert f"ID: {report.message.signer}\n" in said
    assert f"Date: {report.timestamp.time:%a %b %d %H:%M:%S UTC %Y}\n" in said
    assert f"CN={report.message.signer.member_code}," in subject_text(
        report.signature.certificate
    )
    assert hashes(said, "unverified") == list(report.missing)
    inside = [f"/{attachment.name}" for attachment in container.attachments]
    assert hashes(said, "verified") == inside


def hashes(said: str, verdict: str) -> list[str]:
    """The attachments of which the reference says this."""
    return re.findall(rf'The digest for "(.+)" is: \w+ \({verdict}\)', said)


@pytest.mark.parametrize("path", files("ss*/*.asice"))
def test_container_has_the_query_id_of_its_message(path: Path):
    known = json.loads((RECORDED / "query-ids.json").read_text())
    report = examine(path.read_bytes())
    case, _, direction = path.stem.rpartition("-")
    assert report.message is not None
    assert report.message.query_id == known[case]
    assert report.message.direction.value == direction


@pytest.mark.parametrize("path", files("tampered/*.asice"))
def test_tampered_container_is_refused_with_its_code(path: Path):
    said = verdicts()[str(path.relative_to(RECORDED))]
    refused_by_the_reference = said.startswith("Verification failed")
    assert refused_by_the_reference != (path.stem in WRONG_IN_THE_REFERENCE)
    report = examine(path.read_bytes())
    assert report.error is not None
    assert report.error.code == CODES[path.stem]
    failed = [c.name for c in report.checks if c.verdict is Verdict.FAILED]
    assert failed[0] is FAILED_CHECK[path.stem]
    assert failed[1:] == ALSO_FAILED.get(path.stem, [])


@pytest.mark.parametrize(
    ("path", "entry", "code"),
    [
        (
            "ss1-client-side/rest-post-json-request",
            "attachment1",
            "asic_invalid_container",
        ),
        (
            "ss2-server-side/rest-post-json-response",
            "attachment1",
            "asic_invalid_container",
        ),
        (
            "ss1-client-side/rest-get-request",
            "META-INF/manifest.xml",
            "asic_manifest_not_found",
        ),
        (
            "ss2-server-side/rest-get-request",
            "META-INF/manifest.xml",
            "asic_manifest_not_found",
        ),
        (
            "ss2-server-side/rest-get-request",
            "META-INF/ASiCManifest.xml",
            "asic_manifest_not_found",
        ),
        (
            "ss2-server-side/rest-get-request",
            "META-INF/timestamp.tst",
            "asic_timestamp_not_found",
        ),
        (
            "ss2-server-side/rest-get-request",
            "ts-hashchain.xml",
            "asic_hash_chain_not_found",
        ),
        (
            "ss2-server-side/rest-get-request",
            "ts-hashchainresult.xml",
            "asic_hash_chain_result_not_found",
        ),
        (
            "ss1-client-side/rest-post-json-request",
            "sig-hashchain.xml",
            "asic_hash_chain_not_found",
        ),
        (
            "ss1-client-side/rest-post-json-request",
            "sig-hashchainresult.xml",
            "asic_hash_chain_result_not_found",
        ),
        ("ss1-client-side/rest-get-request", "message.xml", "asic_message_not_found"),
        ("ss1-client-side/rest-get-request", "mimetype", "asic_mime_type_not_found"),
        (
            "ss1-client-side/rest-get-request",
            "META-INF/signatures.xml",
            "asic_signature_not_found",
        ),
    ],
)
def test_container_with_an_entry_removed_is_refused(path: str, entry: str, code: str):
    data = (RECORDED / f"{path}.asice").read_bytes()
    report = examine(without(data, entry))
    assert report.error is not None
    assert report.error.code == code
    assert entry in report.error.message


def test_both_parts_of_a_batch_time_stamp_removed_leaves_no_time_stamp():
    data = (RECORDED / "ss2-server-side/rest-get-request.asice").read_bytes()
    names = ("ts-hashchain.xml", "ts-hashchainresult.xml", "META-INF/timestamp.tst")
    report = examine(without(data, *names))
    assert report.error is not None
    assert report.error.code == "asic_timestamp_not_found"


@pytest.mark.parametrize("path", files("ss*/mlog-*.zip"))
def test_archive_holds_and_so_does_every_container_in_it(path: Path):
    archive = read_archive(path.read_bytes())
    digest = verify_archive(archive, previous=None)
    assert path.stem.endswith(digest[:16])
    for member in archive.members:
        container = read_container(archive.archive.read(member))
        verify_container(container, configuration())


def test_second_archive_follows_the_first():
    first, second = sorted((RECORDED / "ss1-client-side").glob("mlog-*.zip"))
    digest = verify_archive(read_archive(first.read_bytes()), previous="")
    archive = read_archive(second.read_bytes())
    assert archive.info.previous.file_name == first.name
    verify_archive(archive, previous=digest)
    with pytest.raises(XRoadError, match="follows c158052a") as refusal:
        verify_archive(archive, previous="")
    assert refusal.value.code == "invalid_reference"
