"""Rows asice, asice-structure and asice-names of the reference's own cases."""

import re
from functools import cache

import pytest

from kerege.exchange.configuration import load_directory
from kerege.xroad.asic import (
    CheckName,
    Container,
    Direction,
    Verdict,
    container_name,
    examine_container,
    read_container,
    verify_container,
)
from kerege.xroad.asic.names import MAX_FILE_NAME, base_32, truncate
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf
from tests.vectors import Row, needs_vectors, rows, xroad_path

pytestmark = needs_vectors

SHARED_PARAMETERS = re.compile(r"(.+)/[^/]+/shared-params\.xml")
REFERRED = {
    "valid-non-batch-rest": "/message.xml, /attachment1",
    "valid-non-batch-soap-attachments": "/message.xml, /attachment1, /attachment2",
    "valid-signed-hashchain": "/sig-hashchainresult.xml",
    "invalid-not-signed-hashchain": "/message.xml",
}
"""What the notes say that the signature refers to."""


@cache
def configuration(folder: str) -> GlobalConf:
    return load_directory(xroad_path(folder))


def trusted(row: Row) -> GlobalConf:
    """The configuration that the row names."""
    found = [SHARED_PARAMETERS.fullmatch(name) for name in row.inputs]
    return configuration(next(match[1] for match in found if match))


def is_sample(row: Row) -> bool:
    """Whether the row is a file that the reference has no test for."""
    return row.case.endswith("(no test)")


@pytest.mark.parametrize("row", rows("asice"))
def test_container(row: Row):
    if is_sample(row):
        # Its notes say not to use it as a verdict: its message is not `message.xml`,
        # and the reference's reader refuses it too.
        with pytest.raises(XRoadError) as refusal:
            read_container(row.read(0))
        assert refusal.value.code == "asic_message_not_found"
        return
    container = read_container(row.read(0))
    if row.expected == "fail":
        with pytest.raises(XRoadError) as refusal:
            verify_container(container, trusted(row))
        assert refusal.value.code == row.error_code
        return
    report = verify_container(container, trusted(row))
    references = report.check(CheckName.REFERENCES).text
    assert REFERRED.get(row.case, "") in references
    assert report.timestamp is not None
    in_batch = "batch time-stamp" in row.notes or "ts-hashchain" in row.notes
    assert (container.timestamp_chain is not None) == in_batch


def by_case(case: str) -> Row:
    return next(p.values[0] for p in rows("asice") if p.values[0].case == case)


def test_attachment_that_is_not_in_the_container_is_said_to_be_missing():
    row = by_case("valid-signed-hashchain")
    report = examine_container(row.read(0), trusted(row))
    assert report.is_verified
    assert report.missing == ("/attachment1",)
    check = report.check(CheckName.ATTACHMENTS)
    assert check.verdict is Verdict.NOTE
    assert "attachment1: not in the container" in check.text


def test_hash_chains_that_nothing_refers_to_are_noted():
    row = by_case("invalid-not-signed-hashchain")
    report = examine_container(row.read(0), trusted(row))
    check = report.check(CheckName.ENTRIES)
    assert (check.verdict, report.is_verified) == (Verdict.NOTE, True)
    assert "hashchain.xml, hashchainresult.xml" in check.text


@pytest.mark.parametrize("row", rows("asice-structure"))
def test_structure(row: Row):
    if row.expected == "fail":
        with pytest.raises(XRoadError) as refusal:
            read_container(row.read(0))
        assert refusal.value.code == row.error_code
        return
    container = read_container(row.read(0))
    assert isinstance(container, Container)
    expected = ["attachment1", "attachment2"] if "attachments" in row.case else []
    assert [attachment.name for attachment in container.attachments] == expected


@pytest.mark.parametrize("row", rows("asice-names"))
def test_names(row: Row):
    assert row.expected == "pass"
    if row.case == "truncate helper":
        assert truncate("abcdef", 3) == "abc"
        assert [truncate(text, 3) for text in ("ab", "", None)] == ["ab", "", None]
        return
    assert row.case == "generated file names"
    record = 2**63 - 1
    for query_id in ("a" * 200 + "%" * 10, "%" * 400, "я" * 300):
        for direction in Direction:
            name = container_name(query_id, direction, record)
            assert len(name) <= MAX_FILE_NAME
            assert name.endswith(f"-{direction.value}-{base_32(record)}.asice")
    assert base_32(record) == "7vvvvvvvvvvvv"
