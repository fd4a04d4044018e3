"""In which encoding an envelope is: the bytes decide, and must not disagree."""

import pytest
from hypothesis import given, strategies as st

from kerege.xroad import soap
from kerege.xroad.faults import XRoadError
from tests.xroad.soap.envelopes import HEADER, REQUEST, XML, envelope

TEXT = envelope(HEADER + "<x:userId>é</x:userId>").decode()
CYRILLIC = TEXT.replace("é", "й")


def declared(encoding: str, text: str = TEXT) -> str:
    return f"<?xml version='1.0' encoding='{encoding}'?>{text}"


def user_of(content: bytes) -> str | None:
    message = soap.read(content, XML)
    assert message.client_id == REQUEST.client_id
    return message.user_id


@pytest.mark.parametrize(
    ("content", "user"),
    [
        (TEXT.encode(), "é"),
        (TEXT.encode("utf-8-sig"), "é"),
        (declared("UTF-8").encode(), "é"),
        (declared("utf8").encode("utf-8-sig"), "é"),
        (declared("ISO-8859-1").encode("latin-1"), "é"),
        (declared("iso-8859-15").encode("iso-8859-15"), "é"),
        (declared("windows-1251", CYRILLIC).encode("cp1251"), "й"),
        (declared("KOI8-R", CYRILLIC).encode("koi8-r"), "й"),
        (declared("US-ASCII", TEXT.replace("é", "&#233;")).encode("ascii"), "é"),
        (declared("UTF-16").encode("utf-16"), "é"),
        (TEXT.encode("utf-16"), "é"),
        (declared("UTF-16LE").encode("utf-16-le"), "é"),
        (TEXT.encode("utf-16-be"), "é"),
        (b"\xfe\xff" + declared("utf-16").encode("utf-16-be"), "é"),
    ],
)
def test_encodings_that_are_understood(content, user):
    assert user_of(content) == user


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode("latin-1"),
        declared("UTF-8").encode("latin-1"),
        declared("US-ASCII").encode("latin-1"),
        declared("utf-7").encode("utf-7"),
        declared("UTF-32").encode("utf-32"),
        declared("cp037").encode("cp037"),
        declared("hz").encode(),
        declared("base64").encode(),
        declared("unicode_escape").encode("unicode_escape"),
        declared("x" * 100).encode(),
        declared("").encode(),
        # What says one thing and is another.
        declared("UTF-16").encode(),
        declared("ISO-8859-1").encode("utf-8-sig"),
        declared("UTF-8").encode("utf-16"),
        declared("ISO-8859-1").encode("utf-16-le"),
        b"<\0?\0x",
        b"\xff\xfe<",
    ],
)
def test_encodings_that_are_refused(content):
    with pytest.raises(XRoadError) as refused:
        soap.read(content, XML)
    assert refused.value.code == "invalid_soap"


@pytest.mark.parametrize(
    "declaration",
    [
        "<?xml version='1.0' encoding ='iso-8859-1'?>",
        "<?xml\tversion = \"1.0\"\n encoding\t=\n'iso-8859-1' standalone='no'?>",
        "<?xml" + " " * 300 + "version='1.0' encoding='iso-8859-1'?>",
    ],
)
def test_a_declaration_is_understood_as_xml_does_or_refused(declaration):
    """Or else peers, who understand it, would read another text than we."""
    content = (declaration + TEXT).encode("latin-1")
    ascii_only = (declaration + TEXT.replace("é", "e")).encode()
    if len(declaration) < 200:
        assert user_of(content) == "é"
    else:
        for one in (content, ascii_only):
            with pytest.raises(XRoadError, match="invalid_soap"):
                soap.read(one, XML)


def test_the_hash_is_of_the_bytes_that_came():
    marked = TEXT.encode("utf-8-sig")
    assert soap.request_hash(marked) != soap.request_hash(TEXT.encode())
    message = soap.read(TEXT.encode(), XML)
    answer = soap.add_request_hash(
        envelope(body="<personResponse/>"), XML, soap.request_hash(marked)
    )
    soap.check_request_hash(answer.message, marked)
    with pytest.raises(XRoadError) as refused:
        soap.check_request_hash(answer.message, TEXT.encode())
    assert refused.value.code == "inconsistent_response"
    with pytest.raises(XRoadError) as missing:
        soap.check_request_hash(message, marked)
    assert missing.value.code == "inconsistent_response"


@pytest.mark.parametrize("value", ["", "AAAA", "ÄÄ", "=", "a" * 88])
def test_another_hash_is_not_the_right_one(value):
    message = soap.read(
        envelope(HEADER + f"<x:requestHash>{value}</x:requestHash>"), XML
    )
    with pytest.raises(XRoadError, match="inconsistent_response"):
        soap.check_request_hash(message, b"")


def test_a_hash_may_be_folded():
    value = soap.request_hash(b"")
    folded = f"\n  {value[:40]}\n  {value[40:]}\n"
    header = HEADER + f"<x:requestHash>{folded}</x:requestHash>"
    soap.check_request_hash(soap.read(envelope(header), XML), b"")


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_what_can_be_said_in_one_encoding_can_be_said_in_another(text):
    escaped = "".join(f"&#{ord(c)};" if c in "\r&<>" else c for c in text)
    content = TEXT.replace("é", escaped)
    try:
        user = user_of(content.encode())
    except XRoadError:
        return
    assert user_of(content.encode("utf-16")) == user
