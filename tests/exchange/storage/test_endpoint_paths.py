"""A path is held against patterns, in every way in which a provider may read it."""

import re

import pytest
from hypothesis import given, strategies as st

from kerege.exchange.storage.server_configuration.paths import (
    MAX_PATH_CHARACTERS,
    compile_pattern,
    readings,
)
from kerege.exchange.storage.server_configuration.values import Endpoint


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("**", "", True),
        ("***", "match/anything/*", True),
        ("**", "/a/b/c", True),
        ("/*/", "/a/", True),
        ("/*/", "/a/b/", False),
        ("", "", True),
        ("", " ", False),
        (".^$+{[]|()", ".^$+{[]|()", True),
        ("**/bar/**", "a/b/c/bar/e/f", True),
        ("**/bar/**", "a/b/c/foo/e/f", False),
        ("**\\*", "/what/ever*", True),
        ("**\\*", "/what/ever!", False),
        ("simple", "simple", True),
        ("simple", "prefix.simple.suffix", False),
        ("**/*/**", "something/bar/something/else", True),
        ("**/*/**", "/bar/", True),
        ("**/*/**", "//", True),
        ("**/*/**", "something/else", False),
        ("\\A", "\\A", True),
        ("\\*", "*", True),
        ("\\*", "\\*", False),
        ("\\\\", "\\", True),
        ("aa\\", "aa\\", True),
        ("/*.json", "/a.json", False),
        ("/foo/**", "/foo/a\nb", False),
    ],
)
def test_patterns_fit_as_in_the_reference(pattern: str, path: str, *, fits: bool):
    assert bool(compile_pattern(pattern).fullmatch(path)) is fits


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/b/c", ("/a/b/c",)),
        ("", ("",)),
        ("/a%20b", ("/a b",)),
        ("/%D2%A3", ("/ң",)),
        ("/a%2Fb", ("/a/b", "/a\0b")),
        ("/a%2fb", ("/a/b", "/a\0b")),
        ("/a/./b", ("/a/./b", "/a/b")),
        ("/a/b/../c", ("/a/b/../c", "/a/c")),
        ("/a/b/%2e%2E/c", ("/a/b/../c", "/a/c")),
        ("/a/b/..", ("/a/b/..", "/a/")),
        ("/a/..", ("/a/..", "/")),
        ("/a//c", ("/a//c", "/a/c")),
        ("/.well-known/x", ("/.well-known/x",)),
        ("/a/../../c", ()),
        ("/..", ()),
        ("/a/b/../../%2e%2e/c/d", ()),
        ("/%", ()),
        ("/%2", ()),
        ("/%zz", ()),
        ("/%00", ()),
        ("/a/b;x=1/c", ("/a/b;x=1/c",)),
        ("/a/..;x=1/c", ("/a/..;x=1/c", "/c")),
        ("/a/%2e%2e;/c", ("/a/..;/c", "/c")),
        ("/a/.;x/b;y", ("/a/.;x/b;y", "/a/b")),
        ("/a/;/c", ("/a/;/c", "/a/c")),
        ("/..;/c", ()),
        ("/a\\..\\c", ("/a\\..\\c", "/c")),
        ("/a%5C../c", ("/a\\../c", "/c")),
        ("/a/%252e%252E/c", ("/a/%2e%2E/c", "/a/../c", "/c")),
        ("/a%252Fc", ("/a%2Fc", "/a/c")),
        ("/a%2525", ("/a%25",)),
        ("/a%252f%2500", ()),
        ("/a/%25252e%25252e/c", ("/a/%252e%252e/c", "/a/%2e%2e/c", "/a/../c", "/c")),
        ("/a/%" + "25" * 5 + "2e", ()),
        ("/a/%C0%AE%c0%ae/c", ()),
        ("/a/%e0%80%ae/c", ()),
        ("/a/%F0%80%80%ae/c", ()),
        ("/a/%C0b", ("/a/\ufffdb",)),
        ("/a%3Fb", ("/a?b", "/a")),
        ("/a%23/../b", ("/a#/../b", "/b", "/a")),
        ("/a\\..%3fb", ("/a\\..?b", "/a\\..", "/a/..?b", "/")),
    ],
)
def test_a_path_has_these_readings(path: str, expected: tuple[str, ...]):
    assert readings(path) == expected


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/secret", "/public/../secret"),
        ("/secret", "/public/%2e%2e/secret"),
        ("/public/**", "/public/../secret"),
        ("/public/*", "/public/a%2Fb"),
        ("/a/b", "/a%2Fb"),
        ("/a/**", "/a/%zz"),
        ("/a/*/c", "/a//c"),
        ("/public/**", "/public/..;/secret"),
        ("/public/**", "/public\\..\\secret"),
        ("/public/**", "/public/%252e%252e/secret"),
        ("/public/**", "/public/" + "a" * MAX_PATH_CHARACTERS),
    ],
)
def test_a_right_must_cover_every_reading(pattern: str, path: str):
    assert not Endpoint("GET", pattern).covers("GET", readings(path))


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/people/*", "/people/12345678901234"),
        ("/people/*", "/people/%D2%A3%20x"),
        ("/a/**", "/a/b/../c"),
        ("/a/**", "/a/b%2Fc"),
        ("**", "/anything/../at/all"),
    ],
)
def test_a_right_that_covers_every_reading_is_enough(pattern: str, path: str):
    assert Endpoint("get", pattern).covers("GET", readings(path))
    assert not Endpoint("POST", pattern).covers("GET", readings(path))


@given(st.text(max_size=200), st.text(alphabet="/ab*\\.%2Ff", max_size=60))
def test_any_path_and_any_pattern_give_an_answer(path: str, pattern: str):
    Endpoint("*", pattern).covers("GET", readings(path))
    Endpoint("*", pattern).covers("GET", readings(pattern))


@given(
    st.lists(st.sampled_from(["**", "*", "/", "a", "b"]), max_size=10).map("".join),
    st.text(alphabet="/ab", max_size=12),
)
def test_a_pattern_fits_what_the_reference_s_expression_fits(pattern: str, path: str):
    parts = re.findall(r"\*+|[^*]", pattern)
    kinds = {"*": "[^/]*+"}
    theirs = "".join(kinds.get(p, ".*" if p.startswith("*") else p) for p in parts)
    ours = compile_pattern(pattern).fullmatch(path)
    assert bool(ours) is bool(re.fullmatch(theirs, path))


@pytest.mark.parametrize("pattern", ["/**a" * 8 + "/b", "/**/a/**/a/**/a/**/b"])
def test_a_long_path_that_almost_fits_costs_nothing(pattern: str):
    path = "/a" * (MAX_PATH_CHARACTERS // 2)
    assert not Endpoint("*", pattern).covers("GET", readings(path))


@given(st.lists(st.sampled_from(["a", ".", "..", "%2e", "%2E.", ""]), max_size=8))
def test_no_spelling_of_dots_gets_below_a_folder_it_has_no_right_to(parts: list[str]):
    path = "/open/" + "/".join(parts) + "/closed"
    allowed = Endpoint("*", "/open/**").covers("GET", readings(path))
    depth = 0
    for part in parts:
        step = part.replace("%2e", ".").replace("%2E", ".")
        depth += {"..": -1, ".": 0, "": 0}.get(step, 1)
        if depth < 0:
            break
    assert allowed == (depth >= 0)
