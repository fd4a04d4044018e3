"""`kerege configuration`: download from a source, verify, show."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kerege.xroad.globalconf.anchor import anchor_fingerprint
from tests.cli.configurations import Source, instance_now, save, serving


@dataclass
class Central:
    """A configuration source and the anchor file that leads to it."""

    source: Source
    anchor: Path


@pytest.fixture
def central(tmp_path: Path) -> Iterator[Central]:
    with serving(instance_now()) as (source, anchor):
        file = tmp_path / "anchor.xml"
        file.write_bytes(anchor.to_xml())
        yield Central(source, file)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A downloaded configuration."""
    path = tmp_path / "globalconf"
    save(instance_now(), path)
    return path


def download(kerege, central: Central, to: Path):
    return kerege("configuration", "download", "--anchor", central.anchor, "--to", to)


def test_a_download_is_verified_and_kept(kerege, central, tmp_path):
    done = download(kerege, central, tmp_path / "conf")
    assert done.exit_code == 0, done.output
    assert "The configuration of TEST" in done.stdout
    assert (tmp_path / "conf/TEST/shared-params.xml").exists()
    assert kerege("configuration", "verify", tmp_path / "conf").exit_code == 0
    assert not done.stderr  # that it was tried by https first is nobody's concern


def test_a_forged_configuration_is_not_kept(kerege, central, tmp_path):
    forged = central.source.directory.replace(b"Version: 6", b"Version: 5")
    central.source.answers["/internalconf"] = forged
    done = download(kerege, central, tmp_path / "conf")
    assert done.exit_code == 1
    assert "global_conf_signature_verification_failure" in done.output
    assert not (tmp_path / "conf/TEST").exists()


def test_a_source_that_is_not_reached_is_told_with_what_to_look_at(
    kerege, anchor, tmp_path
):
    to = tmp_path / "conf"
    done = kerege("configuration", "download", "--anchor", anchor, "--to", to)
    assert done.exit_code == 1
    assert "Failed to download the configuration of instance TEST" in done.stderr
    assert "Can this machine reach the addresses" in done.stderr
    assert f"kerege configuration anchor {anchor}" in done.stderr


def test_a_file_that_is_no_anchor_is_named(kerege, tmp_path):
    (tmp_path / "letter.xml").write_text("<letter/>")
    done = kerege("configuration", "anchor", tmp_path / "letter.xml")
    assert done.exit_code == 1
    assert f"{tmp_path}/letter.xml is not a configuration anchor" in done.stderr
    assert "malformed_anchor" in done.stderr


def test_a_missing_anchor_is_said(kerege, tmp_path):
    words = ("--anchor", tmp_path / "none.xml", "--to", tmp_path / "conf")
    done = kerege("configuration", "download", *words)
    assert done.exit_code == 1
    assert "anchor_file_not_found" in done.output
    assert not (tmp_path / "conf").exists()


def test_a_folder_is_verified(kerege, folder):
    done = kerege("configuration", "verify", folder)
    assert (done.exit_code, "whole and current" in done.output) == (0, True)


def test_an_old_configuration_is_not_current(kerege, tmp_path):
    save(instance_now(), tmp_path / "old", expires="2020-01-01")
    done = kerege("configuration", "verify", tmp_path / "old")
    assert done.exit_code == 1
    assert "global_conf_outdated" in done.output


def test_a_damaged_part_is_named(kerege, folder):
    other = folder / "OTHER"
    other.mkdir()
    (other / "shared-params.xml").write_text("<conf")
    assert "Left out" in kerege("configuration", "show", folder).stderr
    done = kerege("configuration", "verify", folder)
    assert done.exit_code == 1
    assert "Left out" in done.stderr
    assert "1 parts cannot be used" in done.stderr


def test_a_folder_without_a_configuration_is_said(kerege, tmp_path):
    done = kerege("configuration", "verify", tmp_path)
    assert done.exit_code == 1
    assert "malformed_global_conf" in done.output


def test_a_signed_directory_is_verified_by_its_anchor(kerege, central, tmp_path):
    file = tmp_path / "directory"
    file.write_bytes(central.source.directory)
    done = kerege("configuration", "verify", file, "--anchor", central.anchor)
    assert done.exit_code == 0, done.output
    assert "signed for TEST, version 6" in done.output
    file.write_bytes(central.source.directory.replace(b"Version: 6", b"Version: 5"))
    done = kerege("configuration", "verify", file, "--anchor", central.anchor)
    assert done.exit_code == 1


def test_a_file_cannot_be_verified_without_an_anchor(kerege, tmp_path):
    (tmp_path / "directory").write_bytes(b"x")
    done = kerege("configuration", "verify", tmp_path / "directory")
    assert (done.exit_code, "give --anchor" in done.output) == (2, True)


def test_members_servers_and_trust_services_are_shown(kerege, folder):
    shown = kerege("configuration", "show", folder).output
    assert "Instance TEST, version 6" in shown
    assert "TEST/GOV/5678/Service" in shown
    assert "TEST/COM/1234/SS1" in shown
    assert "TSA" in shown
    assert "2100-01-01" in shown


def test_a_program_gets_the_same_as_json(kerege, folder):
    document = json.loads(kerege("configuration", "show", folder, "--json").stdout)
    assert document["instance"] == "TEST"
    inside = document["instances"]["TEST"]
    assert {one["id"] for one in inside["members"]} == {
        "TEST/COM/1234",
        "TEST/GOV/5678",
    }
    assert inside["security_servers"][0]["clients"]
    assert {one["kind"] for one in inside["trust_services"]} == {"CA", "TSA"}


def test_an_anchor_is_shown_with_its_hash(kerege, central):
    shown = kerege("configuration", "anchor", central.anchor).output
    assert "Instance   TEST" in shown
    assert anchor_fingerprint(central.anchor.read_bytes()) in shown
    assert central.source.url in shown
