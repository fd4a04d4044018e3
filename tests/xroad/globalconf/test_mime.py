"""The little of MIME that signed directories use."""

from hypothesis import given, strategies as st

from kerege.xroad.globalconf._mime import (
    MAX_HEADER_BYTES,
    parse_entity,
    split_parts,
    value_and_parameters,
)
from tests.xroad.globalconf.strategies import code_of

MALFORMED = "global_conf_parsing_downloaded_conf_directory_failure"


def test_lf_line_ends_folded_headers_and_blanks_after_delimiters_are_read() -> None:
    parts = split_parts(
        b"--b \n1\n--b\t\n\n2\n--b--\nepilogue", "multipart/x;boundary=b"
    )
    assert parts == [b"1", b"\n2"]
    entity = parse_entity(b"A: one\n two\nB:three\n\nbody\n")
    assert (entity.header("a"), entity.header("B")) == ("one two", "three")
    assert entity.body == b"body\n"


def test_a_value_is_told_from_its_parameters() -> None:
    for text in ("X; instance='KG'", 'X;instance="KG"', "X ; Instance = KG"):
        assert value_and_parameters(text) == ("X", {"instance": "KG"})
    assert value_and_parameters("X; a='1; 2'; b=\"it's\"") == (
        "X",
        {"a": "1; 2", "b": "it's"},
    )
    assert value_and_parameters("X") == ("X", {})


def test_headers_are_bounded_before_they_are_read() -> None:
    """A stranger between us and a central server without TLS could keep us busy."""
    folded = b"A: b\r\n" + b" c\r\n" * (MAX_HEADER_BYTES // 4)
    assert code_of(lambda: parse_entity(folded)) == MALFORMED
    assert parse_entity(b"A: b\n\n" + folded).body == folded


def test_blanks_between_parameters_cost_nothing() -> None:
    blanks = " " * 200_000
    assert value_and_parameters(f'm;a="b"{blanks}x;c=d')[1] == {"a": "b", "c": "d"}


def test_two_delimiters_in_a_row_have_an_empty_part_between_them() -> None:
    assert split_parts(b"--b\r\n--b\r\n--b--", "multipart/x; boundary=b") == [b"", b""]
    assert split_parts(b"--b", "multipart/x; boundary=b") == [b""]


@given(st.binary(max_size=80), st.text(max_size=30))
def test_any_bytes_are_split_or_refused(body: bytes, content_type: str) -> None:
    for kind in (content_type, "multipart/mixed; boundary=--"):
        assert code_of(lambda kind=kind: split_parts(body, kind)) in {"", MALFORMED}
    assert code_of(lambda: parse_entity(body)) in {"", MALFORMED}


@given(st.lists(st.binary(max_size=20).filter(lambda part: b"--b" not in part)))
def test_parts_survive_their_delimiters(parts: list[bytes]) -> None:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--"
    assert split_parts(body, "multipart/mixed; boundary=b") == parts
