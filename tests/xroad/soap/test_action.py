"""The SOAPAction header: nothing, or a URI in quotes."""

import pytest
from hypothesis import given, strategies as st

from kerege.xroad import soap
from kerege.xroad.faults import XRoadError


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        '""',
        '"urn:foo"',
        '"http://example.org/a?b=c#d"',
        '"http://example.org/%20"',
        '"relative/path"',
        '"#"',
        '"http://[::1]/"',
        '"urn:мазмуну"',
    ],
)
def test_actions_that_are_passed_on(value):
    assert soap.check_soap_action(value) == value


@pytest.mark.parametrize(
    "value",
    [
        '"',
        "urn:foo",
        "'urn:foo'",
        '"urn:foo',
        'urn:foo"',
        '"urn:foo""',
        '"a b"',
        '" "',
        '"\xa0"',
        '"a%2"',
        '"<a>"',
        '"a\\b"',
        '"{a}"',
        '"a|b"',
        '"a\r\nX-B: c"',
        '"a\0"',
        '"' + "a" * 2048 + '"',
        ' "urn:foo"',
    ],
)
def test_actions_that_are_refused(value):
    with pytest.raises(XRoadError) as refused:
        soap.check_soap_action(value)
    assert refused.value.code == "invalid_soap_action"


@given(st.text(max_size=40))
def test_an_action_never_ends_a_header(text):
    try:
        value = soap.check_soap_action(f'"{text}"')
    except XRoadError:
        return
    assert value is not None
    assert not set(value) & set("\r\n\0\t ")
