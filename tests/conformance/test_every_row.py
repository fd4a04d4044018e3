"""No row of the table of expected verdicts is forgotten, and the page about it is true."""

import re
import subprocess
import sys
from collections import Counter

import pytest

from tests.conformance.exceptions import BY_ITSELF, NOT_AS_TOLD
from tests.vectors import ROOT, all_rows, needs_vectors

pytestmark = needs_vectors

PAGE = ROOT / "docs/explanation/compatibility.md"
SECONDS = 300
"""To collect the tests of this folder takes three."""


def told() -> set[str]:
    return {f"{row.area}/{row.case}" for row in all_rows()}


@pytest.fixture(scope="module")
def tests() -> list[str]:
    """The ids of all tests of this folder, as pytest has them."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/conformance"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return [line for line in done.stdout.splitlines() if "::" in line]


def untested(row_ids: set[str], tests: list[str]) -> set[str]:
    """Return the rows that no test has as its parameter."""
    parameters = [match[1] for test in tests if (match := re.search(r"\[(.*)\]", test))]
    found = set(parameters)
    # A test that runs with several databases has `sqlite-` before, or `-sqlite` behind.
    for parameter in parameters:
        found |= {parameter.partition("-")[2], parameter.rpartition("-")[0]}
    return {
        row for row in row_ids if row.encode("unicode_escape").decode() not in found
    }


def test_every_row_has_a_test(tests):
    assert untested(told(), tests) == BY_ITSELF.keys()
    assert set(BY_ITSELF.values()) <= set(tests)


def test_a_row_without_a_test_is_noticed(tests):
    assert untested({"asice/new"}, tests) == {"asice/new"}


def test_every_exception_is_a_row_and_says_why():
    assert told() >= NOT_AS_TOLD.keys() | BY_ITSELF.keys()
    assert all(len(reason.split()) > 5 for reason in NOT_AS_TOLD.values())


def test_the_page_counts_every_row_once():
    rows = Counter(row.area for row in all_rows())
    excepted = Counter(row.partition("/")[0] for row in NOT_AS_TOLD)
    text = PAGE.read_text(encoding="utf-8")
    section = text.partition("## The reference's own tests")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if re.match(r"\| \w.*`", line)]
    listed: Counter[str] = Counter()
    for line in lines:
        _, areas, many, passing = (cell.strip() for cell in line.split("|")[1:5])
        names = re.findall(r"`([^`]+)`", areas)
        listed.update(names)
        assert int(many) == sum(rows[name] for name in names), line
        assert int(passing) == int(many) - sum(excepted[name] for name in names), line
    assert listed == Counter(dict.fromkeys(rows, 1))
    assert f"{rows.total() - excepted.total()} of {rows.total()}" in section
    for row in NOT_AS_TOLD:
        assert f"`{row}`" in section
