"""`kerege verify`: verdicts, exit codes, and words that name what is wrong."""

import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner, Result

from kerege.cli import main
from kerege.xroad.archive import ArchiveWriter
from kerege.xroad.asic import write_container
from kerege.xroad.globalconf.tree import PartMetadata
from kerege.xroad.globalconf.values import ConfigurationSource
from tests.xroad.asic.containers import (
    BODY,
    STAMPED,
    batch_stamped,
    entries_of,
    instance,
    packed,
    request_block,
    signed,
    with_body,
    with_entries,
    without,
    without_body,
)


@pytest.fixture(scope="session")
def configuration(tmp_path_factory):
    """The sandbox's verification configuration: zipped, and unpacked beside it."""
    shared = replace(
        instance().shared_parameters(), sources=(ConfigurationSource("cs.test"),)
    )
    metadata = PartMetadata(
        content_identifier="SHARED-PARAMETERS",
        instance="TEST",
        expires=datetime(2036, 1, 1, tzinfo=UTC),
        content_file_name=None,
        content_location=None,
        version=6,
    )
    files = {
        "verificationconf/TEST/shared-params.xml": shared.to_xml(),
        "verificationconf/TEST/shared-params.xml.metadata": metadata.to_json(),
        "verificationconf/instance-identifier": b"TEST",
    }
    folder = tmp_path_factory.mktemp("configuration")
    path = folder / "verificationconf.zip"
    path.write_bytes(packed(files))
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return path


@pytest.fixture
def run(configuration, tmp_path):
    """Run the command on files with these contents."""

    def run(*contents: bytes, options=(), name="c{}.asice") -> Result:
        paths = []
        for number, content in enumerate(contents):
            path = tmp_path / name.format(number)
            path.write_bytes(content)
            paths.append(str(path))
        arguments = ["verify", "-c", str(configuration), *options, *paths]
        return CliRunner().invoke(main, arguments)

    return run


def archive(previous=None) -> tuple[bytes, str]:
    """An archive of two containers, and its last digest."""
    writer = ArchiveWriter(previous) if previous else ArchiveWriter()
    pieces = [
        *writer.add("a-request-1.asice", [with_body()], STAMPED),
        *writer.add("b-request-2.asice", [without_body()], STAMPED),
        *writer.finish(),
    ]
    return b"".join(pieces), writer.link().digest


def test_verified_container_says_who_what_and_when(run):
    done = run(with_body())
    assert done.exit_code == 0
    for words in (
        "c0.asice: verified",
        "message  REST request TEST-5c3f",
        "client  TEST/COM/1234/Client",
        "service  TEST/GOV/5678/Service/persons",
        "signed by  TEST/COM/1234",
        "stamped at  2026-11-24 12:06:00 UTC by",
        "attachment1: verified, 25 bytes.",
        "manifest: META-INF/manifest.xml lists exactly",
    ):
        assert words in done.output
    assert "FAILED" not in done.output


def test_failed_check_is_shown_among_the_others(run):
    done = run(with_entries(with_body(), {"attachment1": b"{}"}))
    assert done.exit_code == 1
    for words in (
        "c0.asice: NOT VERIFIED",
        "What it says of itself, not proven:",
        "ok  time-stamp:",
        "FAILED  hash chain: /attachment1 does not have the digest",
        "(malformed_signature.invalid_hash_chain_ref)",
        "not reached  signer, signature, certificate and OCSP: Needs the check of",
        "ok  manifest:",
    ):
        assert words in done.output


def test_advice_is_printed(run):
    message = request_block()
    parts = replace(batch_stamped(message, signed(message)), timestamp=None)
    done = run(write_container(parts, time=STAMPED))
    assert done.exit_code == 1
    assert "Download it again when its server has stamped it." in done.output


def test_represented_party_is_said(run):
    block = request_block().replace(
        b"Content-Type", b"X-Road-Represented-Party:COM/99\r\nContent-Type"
    )
    parts = batch_stamped(block, signed(block))
    done = run(write_container(parts, time=STAMPED))
    assert done.exit_code == 0
    assert "for  COM/99" in done.output


def test_several_files_have_a_summary(run):
    done = run(with_body(), without(with_body(), "mimetype"), b"no container")
    assert done.exit_code == 1
    assert "1 of 3 verified." in done.output
    assert "mimetype not found or is empty (asic_mime_type_not_found)" in done.output


def test_text_of_strangers_cannot_steer_the_terminal(run):
    block = request_block().replace(b"TEST-5c3f", b"\x1b[2Jgone")
    done = run(write_container(batch_stamped(block, signed(block)), time=STAMPED))
    assert "\x1b" not in done.output
    assert "\N{REPLACEMENT CHARACTER}[2Jgone" in done.output


@pytest.mark.parametrize("trusted", ["verificationconf.zip", "verificationconf", "."])
def test_configuration_is_a_zip_file_or_a_folder(configuration, tmp_path, trusted):
    path = tmp_path / "c.asice"
    path.write_bytes(with_body())
    arguments = ["verify", "-c", str(configuration.parent / trusted), str(path)]
    assert CliRunner().invoke(main, arguments).exit_code == 0


def test_download_with_several_containers_is_taken_apart(run):
    download = packed(
        {
            "folder/": b"",
            "a-request-1.asice": with_body(),
            "b-response-2.asice": without(with_body(), "message.xml"),
        }
    )
    done = run(download, name="q{}.zip")
    assert done.exit_code == 1
    assert "q0.zip: a-request-1.asice: verified" in done.output
    assert "q0.zip: b-response-2.asice: NOT VERIFIED" in done.output


def test_damaged_entry_of_a_download_is_named(run):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as download:
        download.writestr("a-request-1.asice", with_body())
    damaged = bytearray(file.getvalue())
    damaged[200] ^= 1
    done = run(bytes(damaged), name="q{}.zip")
    assert done.exit_code == 1
    assert "entry 'a-request-1.asice' is damaged: its CRC is wrong" in done.output


# --- archives ---


def test_archive_is_verified_with_its_containers(run):
    data, digest = archive()
    done = run(data, options=["--first"], name="mlog-{}.zip")
    assert done.exit_code == 0
    assert "archive  2 containers, none changed or removed" in done.output
    assert "follows  nothing: it is the first" in done.output
    assert f"last digest  {digest}" in done.output
    assert "mlog-0.zip: a-request-1.asice: verified" in done.output
    assert "3 of 3 verified." in done.output


def test_a_quiet_run_prints_only_what_is_not_verified(run, tmp_path):
    done = run(archive()[0], options=["--first", "-q"], name="mlog-{}.zip")
    assert (done.exit_code, done.output) == (0, "3 of 3 verified.\n")
    broken = with_entries(with_body(), {"attachment1": b"{}"})
    done = run(with_body(), broken, options=["--quiet"])
    assert done.exit_code == 1
    assert "c0.asice" not in done.output
    assert "c1.asice: NOT VERIFIED" in done.output
    assert "1 of 2 verified." in done.output


def test_archives_in_order_are_one_chain(run):
    first, digest = archive()
    writer = ArchiveWriter()
    list(writer.add("a-request-1.asice", [with_body()], STAMPED))
    list(writer.add("b-request-2.asice", [without_body()], STAMPED))
    second, _ = archive(writer.link())
    done = run(first, second, options=["--first"], name="mlog-{}.zip")
    assert done.exit_code == 0
    assert f"follows  {digest}" in done.output
    done = run(second, options=["--previous", digest], name="mlog-{}.zip")
    assert done.exit_code == 0
    done = run(second, options=["--previous", "any"], name="mlog-{}.zip")
    assert done.exit_code == 0
    done = run(second, options=["--first"], name="mlog-{}.zip")
    assert done.exit_code == 1
    assert f"The archive follows {digest}, not none (invalid_reference)" in done.output
    assert "Give the last digest of the archive before, or --first." in done.output


def test_archive_without_linkinginfo_is_refused_not_taken_for_a_download(run):
    data = without(archive()[0], "linkinginfo")
    done = run(data, options=["--first"], name="mlog-{}.zip")
    assert done.exit_code == 1
    assert "has no linkinginfo (malformed_hash_chain)" in done.output


# --- wrong usage ---


def test_archive_needs_to_know_what_it_follows(run):
    done = run(archive()[0], name="mlog-{}.zip")
    assert done.exit_code == 2
    assert "Say --first" in done.output


def test_first_and_previous_exclude_each_other(run):
    done = run(archive()[0], options=["--first", "--previous", "ab"])
    assert done.exit_code == 2
    assert "exclude each other" in done.output


def test_a_previous_digest_is_a_digest(run):
    done = run(archive()[0], options=["--previous", "nonsense"])
    assert done.exit_code == 2
    assert "hexadecimal digits" in done.output


def test_encrypted_archives_are_decrypted_first(run):
    done = run(b"\x85", options=["--first"], name="mlog-{}.zip.gpg")
    assert done.exit_code == 2
    assert "--gpg-home, or decrypt it first" in done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing argument"),
        (["x.asice"], "Missing option"),
        (["-c", "nowhere", "x.asice"], "nowhere cannot be read"),
        (["-c", "{conf}", "nowhere.asice"], "nowhere.asice cannot be read"),
        (["-c", "{conf}", "."], "has no archives"),
        (["-c", "{here}", "x.asice"], "is not a configuration"),
        (["-c", "{text}", "x.asice"], "is not a configuration"),
    ],
)
def test_what_cannot_be_read_is_wrong_usage(configuration, tmp_path, arguments, words):
    (tmp_path / "text").write_text("hello")
    known = {"conf": configuration, "here": tmp_path, "text": tmp_path / "text"}
    arguments = [argument.format(**known) for argument in arguments]
    done = CliRunner().invoke(main, ["verify", *arguments])
    assert done.exit_code == 2
    assert words in done.output
    assert "Traceback" not in done.output


def test_json_has_every_check(run):
    done = run(with_body(), without(with_body(), "attachment1"), options=["--json"])
    assert done.exit_code == 1
    document = json.loads(done.output)
    good, bad = document["results"]
    assert document["verified"] is False
    assert (good["verified"], good["error"], good["kind"]) == (True, None, "container")
    assert good["message"]["query_id"] == "TEST-5c3f"
    assert good["signer"] == "TEST/COM/1234"
    assert good["stamped_at"] == "2026-11-24T12:06:00+00:00"
    assert {check["verdict"] for check in good["checks"]} == {"passed"}
    assert bad["error"]["code"] == "asic_invalid_container"
    assert bad["not_in_container"] == ["/attachment1"]
    failed = [check for check in bad["checks"] if check["verdict"] == "failed"]
    assert [check["name"] for check in failed] == ["manifest"]


def test_json_of_files_that_are_no_containers(run):
    data, digest = archive()
    done = run(data, b"x", options=["--json", "--first"])
    chain, first, _, other = json.loads(done.output)["results"]
    assert (chain["kind"], chain["last_digest"]) == ("archive", digest)
    assert first["verified"] is True
    assert (other["message"], other["signer"], other["stamped_at"]) == (None,) * 3
    assert other["error"]["code"] == "asic_mime_type_not_found"
    done = run(b"x", options=["--json", "--first"], name="mlog-{}.zip")
    (broken,) = json.loads(done.output)["results"]
    assert (broken["kind"], broken["last_digest"]) == ("archive", "")
    assert broken["error"]["code"] == "asic_invalid_container"


# --- one changed byte ---

MESSAGE, BODY_ENTRY = "message.xml", "attachment1"
SIGNATURE, CHAIN = "META-INF/signatures.xml", "sig-hashchain.xml"
RESULT, TS_CHAIN = "sig-hashchainresult.xml", "ts-hashchain.xml"
TS_RESULT, STAMP = "ts-hashchainresult.xml", "META-INF/timestamp.tst"
MANIFEST, ASIC_MANIFEST = "META-INF/manifest.xml", "META-INF/ASiCManifest.xml"
VALUE = b"DigestValue>ab"
"""The last two bytes stand for any."""
SIGNATURE_VALUE = b'<ds:SignatureValue Id="signature-value">\nab'
OCSP_VALUE = b'OCSPValue Id="ocsp-response-1">MIIab'
STAMP_VALUE = b"<xades:EncapsulatedTimeStamp>MIIab"
IN_BATCH = [
    # entry, the text before the byte, check that fails, words that name what is wrong
    ("mimetype", b"application/vnd.etsi.asic", "container", "mimetype says"),
    (MESSAGE, b"POS", "message", "message.xml is no X-Road message"),
    (MESSAGE, b"X-Road-Client:TEST/COM/123", "hash chain", "/message.xml"),
    (MESSAGE, b"Content-Type:applicatio", "hash chain", "/message.xml"),
    (BODY_ENTRY, BODY[:-3], "hash chain", "/attachment1"),
    (SIGNATURE, SIGNATURE_VALUE, "time-stamp hash chain", SIGNATURE),
    (SIGNATURE, VALUE, "time-stamp hash chain", SIGNATURE),
    (SIGNATURE, b"<ds:X509Certificate>MII", "references", SIGNATURE),
    (SIGNATURE, b"<ds:Signatur", "references", SIGNATURE),
    (SIGNATURE, b"SigningTime>2026-11-24T12:0", "time-stamp hash chain", SIGNATURE),
    (SIGNATURE, OCSP_VALUE, "time-stamp hash chain", SIGNATURE),
    (CHAIN, b'URI="/messag', "hash chain", "does not cover /message.xml"),
    (CHAIN, b'URI="/attachment', "hash chain", "does not cover /attachment1"),
    (CHAIN, VALUE, "hash chain", "/message.xml does not have the digest"),
    (RESULT, VALUE, "hash chain", "result does not match"),
    (TS_CHAIN, VALUE, "time-stamp hash chain", TS_CHAIN),
    (TS_RESULT, VALUE, "time-stamp hash chain", TS_RESULT),
    (STAMP, b"2026112412060", "time-stamp", "signer information"),
    (MANIFEST, b'full-path="attachment', "manifest", "attachment"),
    (MANIFEST, b'media-type="text/xm', "manifest", MANIFEST),
    (ASIC_MANIFEST, VALUE, "ASiC manifest", ASIC_MANIFEST),
    (ASIC_MANIFEST, b'SigReference URI="META-INF/timestam', "ASiC manifest", STAMP),
]
ALONE = [
    (SIGNATURE, SIGNATURE_VALUE, "time-stamp", "Timestamp hashes do not match"),
    (SIGNATURE, STAMP_VALUE, "time-stamp", "time-stamp"),
    (SIGNATURE, VALUE, "signature", "/sig-hashchainresult.xml is not what was signed"),
    (SIGNATURE, b"SigningTime>2026-11-24T12:0", "signature", "#signed-properties"),
    (SIGNATURE, OCSP_VALUE, "certificate and OCSP", "OCSP"),
    (SIGNATURE, b"EncapsulatedX509Certificate Id", "references", SIGNATURE),
]
ONE_BYTE = [(True, *row) for row in IN_BATCH] + [(False, *row) for row in ALONE]


def with_one_byte_changed(container: bytes, entry: str, before: bytes) -> bytes:
    """Change the byte after a text; ``ab`` at its end stands for any two bytes."""
    data = bytearray(entries_of(container)[entry])
    place = data.index(before.removesuffix(b"ab")) + len(before)
    others = b"12" if chr(data[place]).isdigit() else b"bc"
    data[place] = others[1] if data[place] == others[0] else others[0]
    return with_entries(container, {entry: bytes(data)})


@pytest.mark.parametrize(("in_batch", "entry", "before", "check", "words"), ONE_BYTE)
def test_one_changed_byte_is_found_and_named(
    run, in_batch, entry, before, check, words
):
    source = with_body(in_batch=in_batch)
    done = run(with_one_byte_changed(source, entry, before))
    assert done.exit_code == 1
    failed = [line for line in done.output.splitlines() if "FAILED" in line]
    assert failed[0].strip().startswith(f"FAILED  {check}: ")
    assert words in failed[0]
