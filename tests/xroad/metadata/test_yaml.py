"""YAML as OpenAPI's authors mean it, and bombs that do not go off."""

import json
import time

import pytest
import yaml
from hypothesis import given, strategies as st

from kerege.xroad.faults import XRoadError
from kerege.xroad.metadata import _yaml
from kerege.xroad.metadata._yaml import read_json, read_yaml, write_json, write_yaml


def yaml_value(text: str | bytes):
    content = text if isinstance(text, bytes) else text.encode()
    return read_yaml(content, code="x", what="The document")


def refusal(text: str | bytes) -> str:
    with pytest.raises(XRoadError) as caught:
        yaml_value(text)
    assert caught.value.code == "x"
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("2020-01-01", "2020-01-01"),
        ("12:30:45", "12:30:45"),
        ("1.0.0", "1.0.0"),
        ("true", True),
        ("'true'", "true"),
        ("~", None),
        ("''", ""),
        ("-12", -12),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ("!!int '12'", 12),
        ("{200: a, 1.10: b, null: c}", {"200": "a", "1.10": "b", "null": "c"}),
        ("a: &x [1, 2]\nb: *x", {"a": [1, 2], "b": [1, 2]}),
        ("? &k key\n: 1\n*k : 2", {"key": 2}),
        (
            "a: &a {x: 1, y: 1}\nb: {<<: *a, y: 2}",
            {"a": {"x": 1, "y": 1}, "b": {"x": 1, "y": 2}},
        ),
        ("<<: [{x: 1}, {x: 2, y: 2}]", {"x": 1, "y": 2}),
        ("'<<': {x: 1}", {"<<": {"x": 1}}),
        ("\ufeffa: 1", {"a": 1}),
    ],
)
def test_values_are_those_of_the_core_schema(text, value):
    found = yaml_value(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: b: c", "is not YAML"),
        ("a: 1\n---\nb: 2", "has 2 documents instead of one"),
        ("", "has 0 documents"),
        ("*a", "alias to 'a', not known"),
        ("a: &a [*a]", "alias to 'a', not known"),
        ("!!python/object/apply:os.system ['true']", "has the tag"),
        ("!!binary aGk=", "has the tag"),
        ("!x {}", "has the tag"),
        ("? [1]\n: 2", "has a key that is not text"),
        ("a: &a [1]\n? *a\n: 2", "has a key that is not text"),
        ("<<: [1]", "merges what is no mapping"),
        ("1e999", "has a number out of range"),
        ("9" * 5000, "has a number out of range"),
        (b"\xff\xfe\x00", "is not YAML"),
    ],
)
def test_what_is_no_document_is_refused(text, why):
    assert why in refusal(text)


def test_a_billion_laughs_are_counted_and_not_laughed():
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "is too large" in refusal("\n".join(lines))


def test_one_long_text_with_many_aliases_is_counted_as_often_as_it_stands():
    aliases = ", ".join(["*a"] * 3000)
    assert "is too large" in refusal(f"a: &a {'x' * 10_000}\nb: [{aliases}]")


def test_merges_of_merges_are_counted_too():
    lines = ["m0: &m0 {" + ", ".join(f"k{n}: 1" for n in range(50)) + "}"]
    lines += [
        f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}" for n in range(1, 12)
    ]
    assert "is too large" in refusal("\n".join(lines))


def test_aliases_do_not_get_around_the_depth():
    lines = ["d0: &d0 [1]"]
    lines += [f"d{n}: &d{n} [[[[[[[[*d{n - 1}]]]]]]]]" for n in range(1, 10)]
    assert f"nested deeper than {_yaml.MAX_DEPTH} levels" in refusal("\n".join(lines))


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_ends_soon(opening):
    started = time.process_time()
    assert refusal(opening * 100_000)
    assert time.process_time() - started < 30


def test_too_many_values_are_refused(monkeypatch):
    monkeypatch.setattr(_yaml, "MAX_VALUES", 100)
    assert yaml_value("[" + "1," * 99 + "]") == [1] * 99
    assert "is too large" in refusal("[" + "1," * 100 + "]")
    with pytest.raises(XRoadError, match="too large"):
        read_json(b"[" + b"1," * 100 + b"1]", code="x", what="It")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"[NaN]", "NaN is no number"),
        (b"[1e999]", "number out of range"),
        (b"[" * 65 + b"]" * 65, "nested deeper"),
        (b"[" * 200_000, "nested too deep"),
        (b"{", "is not JSON"),
        (b"9" * 5000, "is not JSON"),
    ],
)
def test_json_has_the_same_bounds(text, why):
    with pytest.raises(XRoadError, match=why) as caught:
        read_json(text, code="x", what="The document")
    assert caught.value.code == "x"


plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)


@pytest.mark.parametrize(
    "content",
    [
        b"[" + b"[]," * 600_000 + b"1]",
        b"[" + b'{"a":1},' * 300_000 + b"1]",
        ("[" + "[]," * 600_000 + "1]").encode("utf-16"),
    ],
)
def test_json_of_too_many_values_is_not_read_at_all(monkeypatch, content):
    monkeypatch.setattr(_yaml.json, "loads", lambda *_, **__: pytest.fail("read"))
    with pytest.raises(XRoadError, match="too large"):
        read_json(content, code="x", what="It")


def test_commas_in_json_texts_are_no_values(monkeypatch):
    monkeypatch.setattr(_yaml, "MAX_VALUES", 10)
    text = ',[{\\"' * 100
    assert read_json(json.dumps([text]).encode(), code="x", what="It") == [text]


def test_a_json_text_that_never_ends_is_refused_at_once():
    started = time.process_time()
    with pytest.raises(XRoadError, match="is not JSON"):
        read_json(b'"' + b'\\"' * 1_000_000, code="x", what="It")
    assert time.process_time() - started < 30


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_json_may_be_in_any_encoding_of_unicode(encoding):
    content = '{"a": "ңөү"}'.encode(encoding)
    assert read_json(content, code="x", what="It") == {"a": "ңөү"}


values = st.recursive(
    plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(value=values)
def test_what_is_written_is_read_again(value):
    assert yaml_value(write_yaml(value)) == value
    assert read_json(write_json(value), code="x", what="It") == value


@given(text=st.text(), key=st.text())
def test_text_is_text_for_old_readers_too(text, key):
    """YAML 1.1 takes ``no`` and ``12:30`` for something else, but not in quotes."""
    value = {key: [text, {key: text}]}
    assert yaml.safe_load(write_yaml(value)) == value
