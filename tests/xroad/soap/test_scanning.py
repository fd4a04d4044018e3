"""Reading without a tree: the same as with one, and nothing that may not be there."""

import pytest
from hypothesis import given, settings

from kerege.xroad import soap
from kerege.xroad.faults import XRoadError
from kerege.xroad.soap import _scan, _walk
from tests.xroad.soap.envelopes import HEADER, XML, envelope, envelopes, seen


def code_of(content: bytes) -> str:
    with pytest.raises(XRoadError) as refused:
        soap.read(content, XML)
    return refused.value.code


@given(envelopes())
@settings(max_examples=100, deadline=None)
def test_what_is_found_is_what_a_tree_shows(content):
    expected = seen(content)
    for found in (_scan.scan(content), _walk.walk(content, thorough=True)):
        header = [(e.name, e.text, e.child_texts) for e in found.header]
        assert header == expected.header
        assert found.bodies == expected.bodies
        assert found.body_names == expected.children[:2]
        assert found.has_fault == expected.has_fault


@given(envelopes())
@settings(max_examples=60, deadline=None)
def test_what_is_told_from_the_end_is_where_it_is(content):
    found, thorough = _scan.scan(content), _walk.walk(content, thorough=True)
    assert found.ends == thorough.ends
    assert found.headers == thorough.headers
    assert found.body == thorough.body
    assert found.root == thorough.root
    start, end = found.root[0], _scan.end_of_tag(content, found.root[1])
    assert content[start:end].startswith(b"<e:Envelope")
    assert content[start:end].endswith(b"</e:Envelope>")


HIDDEN = [
    "<person/><person/>",
    "<person></person><person></person>",
    "<person><a/></person><other/>",
    "<person/><!-- --><other></other>",
    "<person></person>\n<p:person xmlns:p='p'></p:person>",
    "<person><person></person></person><person></person>",
    "<person>&lt;/person></person><b></b>",
    "<person><![CDATA[</person></e:Body></e:Envelope>]]></person><b></b>",
]


@pytest.mark.parametrize("body", HIDDEN)
def test_a_second_element_cannot_hide(body):
    assert code_of(envelope(body=body)) == "invalid_body"


@pytest.mark.parametrize("body", HIDDEN)
def test_nor_can_a_fault(body):
    """What has a fault anywhere in its Body is one for the reference."""
    fault = "<e:Fault><faultcode>c</faultcode></e:Fault>"
    read = soap.read(envelope(body=body + fault), XML)
    assert isinstance(read, XRoadError)


@pytest.mark.parametrize(
    "body",
    [
        "<person/>",
        "<person />",
        "<person a='/>'></person>",
        "<person><person/></person>",
        "<person><![CDATA[</person></e:Body></e:Envelope>]]></person>",
        "<person><!-- </person></e:Body> --></person >",
        "<?pi <person/> ?><person/><!-- <b/> -->",
        "text <person>text</person> text",
        "<person><personal>1</personal></person>",
    ],
)
def test_one_element_is_one_whatever_it_looks_like(body):
    assert soap.read(envelope(body=body), XML).body_element == "person"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<e:Body><person/></e:Body>", ""),
        ("", "<other/>"),
        ("", "<e:Header/>"),
        ("<other><e:Body><a/></e:Body></other>", "\n<!-- c --> "),
    ],
)
def test_parts_of_an_envelope_in_any_order(before, after):
    text = envelope().decode().replace("<e:Header>", before + "<e:Header>")
    content = text.replace("</e:Envelope>", after + "</e:Envelope>").encode()
    found = _scan.scan(content)
    assert found.bodies == seen(content).bodies
    assert found.body_names == seen(content).children[:2]


def nested(count: int) -> str:
    return "<person>" + "<a>" * count + "</a>" * count + "</person>"


def test_nesting_has_an_end():
    deepest = soap.MAX_DEPTH - 5
    assert soap.read(envelope(body=nested(deepest)), XML).body_element == "person"
    assert code_of(envelope(body=nested(300))) == "invalid_soap"
    assert code_of(envelope(body=nested(100_000))) == "invalid_soap"
    among = nested(300).replace("<a>", "<person>").replace("</a>", "</person>")
    assert code_of(envelope(body=among)) == "invalid_soap"
    assert code_of(envelope(HEADER + nested(2000))) == "invalid_soap"


def test_a_header_has_an_end():
    assert soap.read(envelope(HEADER + "<a/>" * 900), XML)
    assert code_of(envelope(HEADER + "<a/>" * 1000)) == "invalid_soap"
    around = b"<other>" + b"<a/>" * 1000 + b"</other></e:Envelope>"
    content = envelope().replace(b"<e:Header>", b"<other><a/></other><e:Header>")
    assert soap.read(content, XML)
    behind = envelope(body="<person/>").replace(b"</e:Envelope>", around)
    assert code_of(behind) == "invalid_soap"


def test_elements_are_counted_where_they_must_be_walked_through(monkeypatch):
    body = "<person>" + "<person/>" * 50 + "</person>"
    assert soap.read(envelope(body=body), XML)
    monkeypatch.setattr(_walk, "MAX_ELEMENTS", 50)
    assert code_of(envelope(body=body)) == "invalid_soap"


def test_a_message_has_an_end():
    long = envelope(body=f"<person>{'x' * soap.MAX_SOAP_BYTES}</person>")
    assert code_of(long) == "invalid_soap"


def test_a_long_text_is_no_reason():
    """Other than for trees: libxml2 stops at 10 MB of text."""
    long = envelope(body=f"<person>{'x' * 12_000_000}{'<a></a>' * 300}</person>")
    assert soap.read(long, XML).body_element == "person"


BOMB = '<!DOCTYPE a [<!ENTITY b "bbb"><!ENTITY c "&b;&b;&b;">]>'


@pytest.mark.parametrize(
    "prolog",
    [
        "<!DOCTYPE e>",
        BOMB,
        f"<?xml version='1.0'?>\n<!-- c --><?pi <a> ?> {BOMB}",
        "<!DOCTYPE e SYSTEM 'file:///etc/passwd'>",
        "<!DOCTYPE e [<!ENTITY % x SYSTEM 'http://127.0.0.1:1/x'> %x;]>",
    ],
)
def test_document_types_are_refused_before_they_are_read(prolog):
    assert code_of(prolog.encode() + envelope()) == "invalid_soap"
    marked = b"\xef\xbb\xbf" + prolog.encode() + envelope()
    assert code_of(marked) == "invalid_soap"
    utf_16 = (prolog + envelope().decode()).encode("utf-16")
    assert code_of(utf_16) == "invalid_soap"


@pytest.mark.parametrize("reference", ["&b;", "&nbsp;", "&#0;", "&#xFFFF;", "&"])
def test_entities_that_nobody_declared_are_refused(reference):
    assert code_of(envelope(body=f"<person>{reference}</person>")) == "invalid_soap"


def test_xinclude_is_refused():
    for wrapped in (
        "<person><xi:include xmlns:xi='{}' href='file:///etc/passwd'/></person>",
        "<person xmlns='{}'><include/></person>",
        "<person/><!-- -->",
    ):
        body = wrapped.format("http://www.w3.org/2001/XInclude")
        content = envelope(body=body)
        if "include" in body:
            assert code_of(content) == "invalid_soap"
        else:
            assert soap.read(content, XML)
    text = "<person>see http://www.w3.org/2001/XInclude</person>"
    assert soap.read(envelope(body=text), XML).body_element == "person"


@pytest.mark.parametrize(
    "content",
    [
        envelope() + b"<a/>",
        envelope() + b"text",
        envelope()[:-1],
        envelope().replace(b"</e:Body>", b"</E:Body>"),
        envelope(body="<p:person/>"),
        envelope(body="<person a='1' a='2'/>"),
        envelope(body="<person a='<'/>"),
        envelope(body="<person>\x01</person>"),
        envelope(body="<person>]]></person>"),
        envelope(body="<person><!-- -- --></person>"),
        envelope(body="<?xml version='1.0'?><person/>"),
    ],
)
def test_what_is_not_well_formed_is_refused(content):
    assert code_of(content) == "invalid_soap"
