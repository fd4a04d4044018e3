"""The threat model is held to its tests by the check of the documents."""

import runpy

import pytest

from tests.vectors import ROOT

CHECK = runpy.run_path(str(ROOT / "scripts" / "check_docs.py"))
PAGE = ROOT / "docs" / "explanation" / "threat-model.md"
ROW = "| a threat | S T | a guard | `tests/attacks/test_threat_model.py::{}` |\n"
HERE = "test_every_threat_has_a_test_that_exists"


def complaints(folder, text):
    page = folder / "threat-model.md"
    page.write_text(text)
    CHECK["_missing_tests"].__globals__["ROOT"] = folder
    try:
        folder.joinpath("tests").symlink_to(ROOT / "tests")
        return CHECK["_missing_tests"](page)
    finally:
        CHECK["_missing_tests"].__globals__["ROOT"] = ROOT


def test_every_threat_has_a_test_that_exists():
    assert CHECK["_missing_tests"](PAGE) == []
    rows = [x for x in PAGE.read_text().splitlines() if CHECK["THREAT"].match(x)]
    assert len(rows) > 40


def test_a_good_row_is_left_alone(tmp_path):
    assert complaints(tmp_path, ROW.format(HERE)) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ROW.format("test_that_was_renamed"), "there is no test"),
        (ROW.format(HERE).replace("attacks", "attack"), "there is no test"),
        ("| a threat | E | a guard | we are careful |\n", "no test stands against"),
        ("# Threat model\n", "it has no threats"),
    ],
)
def test_a_threat_without_a_test_is_told(tmp_path, text, words):
    (told,) = complaints(tmp_path, text)
    assert words in told
