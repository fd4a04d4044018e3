"""Rows archive-chain and linkinginfo: the reference's archives and their chain.

The reference's verifier is a program with arguments; the rows about missing ones are
about `kerege verify`. Its rows name no codes: ours are asserted where they are known.
"""

import re

import pytest
from click.testing import CliRunner

from kerege.cli import main
from kerege.xroad.archive import NO_ARCHIVE, read_archive, verify_archive
from kerege.xroad.faults import XRoadError
from tests.vectors import Row, needs_vectors, rows, xroad_path

pytestmark = needs_vectors

FIRST_DIGEST = (
    "9011ab557706b5050584d6888af7b390e5350f4edad296bd7a582aa51732aac7"
    "f49a4ec44dd361027945ade0de8b8cf607fb7b7d11f17b0560d44b965c358eaa"
)
CONFIGURATION = "globalconf/globalconf_good2_v3"
CODES = {
    "WITH_INVALID_LINKINGINFO": "invalid_hash_chain",
    "NO_LINKINGINFO": "malformed_hash_chain",
    "NO_ASIC_CONTAINERS": "invalid_hash_chain_ref",
    "EXCESSIVE_FILES_IN_LINKINGINFO": "invalid_hash_chain_ref",
}


def verified(row: Row, previous: str | None) -> str:
    return verify_archive(read_archive(row.read(0)), previous=previous)


def input_error(*arguments: str) -> str:
    """What the command line says when an argument is missing."""
    done = CliRunner().invoke(main, ["verify", *arguments])
    assert done.exit_code == 2
    return done.output


def accept_the_first(row: Row):
    archive = read_archive(row.read(0))
    assert archive.info.previous == NO_ARCHIVE
    assert archive.info.algorithm.name == "SHA-512"
    assert verify_archive(archive, previous="") == FIRST_DIGEST
    beginning, end = re.search(r"(\w+)\.\.\.(\w+)", row.notes).groups()
    assert FIRST_DIGEST.startswith(beginning)
    assert FIRST_DIGEST.endswith(end)


def accept_the_second(row: Row):
    previous = row.setup.removeprefix("previous hash ")
    assert previous == FIRST_DIGEST
    archive = read_archive(row.read(0))
    assert len(archive.members) == 20
    assert verify_archive(archive, previous=previous) == archive.info.last_digest
    before = verify_archive(read_archive(row.read(1)), previous="")
    assert before == previous


def refuse_another_previous(row: Row):
    assert "4145" in row.setup
    with pytest.raises(XRoadError) as refusal:
        verified(row, "4145" + FIRST_DIGEST[4:])
    assert refusal.value.code == "invalid_reference"


def refuse_no_arguments(row: Row):
    assert not row.inputs
    assert "Missing argument" in input_error()


def refuse_unknown_previous(row: Row):
    archive, configuration = xroad_path(row.inputs[0]), xroad_path(CONFIGURATION)
    said = input_error("-c", str(configuration), str(archive))
    assert "Say --first" in said


STORIES = {
    "shouldSucceedOnValidHFirst": accept_the_first,
    "shouldSucceedOnValidHashChain": accept_the_second,
    "shouldFailOnInvalidPreviousHash": refuse_another_previous,
    "shouldFailOnMissingArgs": refuse_no_arguments,
    "shouldFailOnMissingPrevHashArg": refuse_unknown_previous,
}


@pytest.mark.parametrize("row", rows("archive-chain"))
def test_chain(row: Row):
    STORIES[row.case](row)


@pytest.mark.parametrize("row", rows("linkinginfo"))
def test_linking_info(row: Row):
    if row.expected == "pass":
        archive = read_archive(row.read(0))
        assert archive.info.algorithm.name == "SHA-256"
        assert len(archive.members) == 1
        assert verified(row, "") == archive.info.last_digest
        return
    with pytest.raises(XRoadError) as refusal:
        verified(row, "")
    assert refusal.value.code == CODES[row.case]
