"""The fuzz target itself: its corpus is read, and a second of mutations finds nothing."""

import runpy
import secrets

import pytest

from tests.vectors import ROOT

TARGET = runpy.run_path(str(ROOT / "fuzz" / "transport_multipart.py"))


@pytest.mark.parametrize("name", sorted(TARGET["corpus"]()))
def test_each_input_of_the_corpus_means_the_same_however_it_is_cut(name):
    data = TARGET["corpus"]()[name]
    for step in range(61):
        TARGET["one_input"](data[:1] + bytes([step]) + data[2:])


def test_the_corpus_has_good_messages():
    for name in ("request", "request-body", "answer", "answer-body", "fault-alone"):
        data = TARGET["corpus"]()[name]
        line, _, body = data[2:].partition(b"\n")
        options = {"allow_bare_fault": bool(data[0] & 64)}
        kind = TARGET["KINDS"][data[0] % len(TARGET["KINDS"])]
        assert TARGET["read"](line.decode(), kind, [body], **options), name


def test_mutations_of_the_corpus_find_nothing():
    seed = secrets.randbelow(10**6)  # a finding prints it
    inputs = list(TARGET["corpus"]().values())
    assert TARGET["without_coverage"](1.0, seed, inputs) > 100, seed
