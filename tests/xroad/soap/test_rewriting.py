"""Answers of services, written again: what changes, and that nothing else does."""

import re

import pytest
from hypothesis import given, settings
from lxml import etree

from kerege.xroad import soap
from kerege.xroad.faults import RelayedFaultError, XRoadError
from kerege.xroad.soap import Answer, _rewrite
from tests.xroad.soap.envelopes import ENV, HEADER, XML, XROAD, envelope, envelopes

HASH = soap.request_hash(b"the request")
NEW = (
    '<x:requestHash algorithmId="http://www.w3.org/2001/04/xmlenc#sha512">'
    f"{HASH}</x:requestHash>"
)
ANSWER = "<personResponse/>"


def answer(content: bytes, content_type: str = XML) -> Answer:
    made = soap.add_request_hash(content, content_type, HASH)
    assert isinstance(made, Answer)
    return made


def rewritten(body: str) -> str:
    """Return what becomes of the content of an answer's only element."""
    content = envelope(body=f"<personResponse>{body}</personResponse>")
    text = answer(content).content.decode()
    found = re.search("<personResponse>(.*)</personResponse>", text, re.DOTALL)
    return found[1]


def header(text: str) -> str:
    """Return what becomes of a Header."""
    made = answer(envelope(text, ANSWER)).content.decode()
    return re.search("<e:Header>(.*)</e:Header>", made, re.DOTALL)[1]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("<a/>", "<a></a>"),
        ("<a />", "<a></a>"),
        ("<a\n></a\n>", "<a></a>"),
        ("<a b='1'/>", '<a b="1"></a>'),
        ("<a\n\tb = '1'\r\n  c=\"2\" />", '<a b="1" c="2"></a>'),
        ("<a b='\"'/>", '<a b="&quot;"></a>'),
        ('<a b="\'&apos;>"/>', '<a b="&apos;&apos;&gt;"></a>'),
        ('<a b="&lt;&amp;&gt;&quot;"/>', '<a b="&lt;&amp;&gt;&quot;"></a>'),
        ('<a b="&#228;&#xE4;ä"/>', '<a b="äää"></a>'),
        ('<a b="\u00a0©\u0085&#x7f;\u0080"/>', '<a b="\u00a0©\u0085&#127;&#128;"></a>'),
        ('<a b="1\t2\n3\r\n4"/>', '<a b="1 2 3 4"></a>'),
        ('<a xmlns:n="u" n:b="1"/>', '<a xmlns:n="u" n:b="1"></a>'),
        ("<a b='/'>x</a>", '<a b="/">x</a>'),
        ("<a b='x>y'>z</a>", '<a b="x&gt;y">z</a>'),
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        ("&#13;&#xA;&lt;&#x4E9;'\">", "&#13;&#xA;&lt;&#x4E9;'\">"),
        ("<!-- <a b='1'/> -->", "<!-- <a b='1'/> -->"),
        ("<![CDATA[<a b='1'/>]]]]><![CDATA[>]]>",) * 2,
        ("<?pi <a b='1'/> ?>x<?p?>", "x"),
        ("ү<ө ң='ү'>ү</ө>", 'ү<ө ң="ү">ү</ө>'),
        ("\U0001f600", "\U0001f600"),
    ],
)
def test_what_is_written_in_another_way(sent, expected):
    assert rewritten(sent) == expected


def test_line_ends_and_tabs_that_were_meant_are_kept():
    """The reference writes them as they are, and a parser makes blanks of them."""
    assert rewritten('<a b="&#9;&#10;&#xD;"/>') == '<a b="&#9;&#10;&#13;"></a>'


def test_what_stands_around_the_envelope():
    before = (
        b"<?xml version='1.0' standalone='yes' ?>\r\n\r\n<!-- a --><?p <!-- b -->?>\n"
    )
    content = before + envelope(body=ANSWER) + b"\n<!-- c -->\r\n<?q?>\n\n"
    made = answer(content).content
    assert made.startswith(
        b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- a --><e:Envelope '
    )
    assert made.endswith(b"</e:Envelope><!-- c -->\n")


def test_the_hash_follows_the_id():
    assert header(HEADER) == HEADER.replace("</x:id>", f"</x:id>{NEW}")


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("\n  ", "\n  "),
        ("\r\n  <!-- c -->\n\t", "\n  "),
        (" \n<!-- x -->", " \n"),
        ("<a>\n\t</a>\n  ", "\n\t"),
        ("<a> x </a>\n", "\n"),
        ("&#10;<a/>\t", "\t"),
        ("<![CDATA[ ]]>\n", " "),
        ("<!-- \n -->\t", " \n "),
        ("<!---->\t", ""),
    ],
)
def test_the_first_white_space_alone_is_written_before_the_hash(before, expected):
    made = header(HEADER.replace("<x:id>", f"{before}<x:id>"))
    assert f"</x:id>{expected}{NEW}<x:prot" in made


def test_white_space_after_the_id_comes_too_late():
    made = header(HEADER.replace("</x:id>", "</x:id>\n  "))
    assert f"</x:id>{NEW}\n  <x:prot" in made


@pytest.mark.parametrize(
    ("query_id", "expected"),
    [
        ("<x:id>q</x:id>", "<x:id>q</x:id>" + NEW),
        (
            "<x:id a='1'>q</x:id>",
            '<x:id a="1">q</x:id>' + NEW.replace(" alg", ' a="1" alg'),
        ),
        (
            "<y:id xmlns:y='http://x-road.eu/xsd/xroad.xsd'>q</y:id>",
            '<y:id xmlns:y="http://x-road.eu/xsd/xroad.xsd">q</y:id>'
            + NEW.replace("x:req", "y:req").replace(
                " alg", ' xmlns:y="http://x-road.eu/xsd/xroad.xsd" alg'
            ),
        ),
        (
            "<id xmlns='http://x-road.eu/xsd/xroad.xsd'>q</id>",
            '<id xmlns="http://x-road.eu/xsd/xroad.xsd">q</id>'
            + NEW.replace("x:req", "req").replace(
                " alg", ' xmlns="http://x-road.eu/xsd/xroad.xsd" alg'
            ),
        ),
        (
            "<x:id algorithmId='mine'>q</x:id>",
            '<x:id algorithmId="mine">q</x:id>' + NEW,
        ),
        ("<x:id/>", "<x:id></x:id>" + NEW),
    ],
)
def test_the_hash_has_the_prefix_and_the_attributes_of_the_id(query_id, expected):
    made = header(HEADER.replace("<x:id>q</x:id>", query_id))
    assert made == HEADER.replace("<x:id>q</x:id>", expected)


OLD = '<x:requestHash algorithmId="a">AAAA</x:requestHash>'


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (f"<x:id>q</x:id>{OLD}", f"<x:id>q</x:id>{NEW}"),
        (f"<x:id>q</x:id>\n {OLD}\n ", f"<x:id>q</x:id>{NEW}\n \n "),
        (f"{OLD}<x:id>q</x:id>", f"<x:id>q</x:id>{NEW}"),
        ("<x:requestHash/><x:id>q</x:id>", f"<x:id>q</x:id>{NEW}"),
        ("<x:requestHash>a<b/>c<!-- d --></x:requestHash><x:id>q</x:id>",) * 2,
    ],
)
def test_a_hash_that_was_there_is_removed(sent, expected):
    made = header(HEADER.replace("<x:id>q</x:id>", sent))
    expected = re.sub("<x:requestHash>.*?</x:requestHash>", "", expected)
    if NEW not in expected:
        expected += NEW
    assert made == HEADER.replace("<x:id>q</x:id>", expected)


def test_only_fields_of_the_header_count():
    other = f"<other><x:id>1</x:id>{OLD}</other>"
    assert header(other + HEADER) == other + HEADER.replace("</x:id>", f"</x:id>{NEW}")
    body = f"<x:id>1</x:id>{OLD}"
    assert rewritten(body) == body


def test_two_hashes_are_one_too_many():
    with pytest.raises(XRoadError, match="duplicate_header_field"):
        answer(envelope(HEADER + OLD + OLD, ANSWER))


def test_faults_are_passed_on_as_they_are():
    fault = envelope(None, "<e:Fault><faultcode>c</faultcode></e:Fault>")
    for content in (
        fault,
        fault.decode().encode("utf-16"),
        b"<?xml version='1.0' encoding='windows-1251'?>" + fault,
    ):
        made = soap.add_request_hash(content, XML, HASH)
        assert isinstance(made, RelayedFaultError)
        assert (made.code, made.xml) == ("c", content)


def test_a_charset_counts_where_the_answer_says_nothing():
    content = envelope(body="<personResponse>é</personResponse>").decode()
    plain = content.encode("iso-8859-1")
    made = answer(plain, 'text/xml; charset="iso-8859-1"; x=y')
    assert "é" in made.content.decode()
    assert made.content_type == "text/xml; charset=UTF-8; x=y"
    for unclear in ("text/xml", "text/xml; charset=", "text/xml; charset=utf-7"):
        with pytest.raises(XRoadError, match="invalid_soap"):
            soap.add_request_hash(plain, unclear, HASH)
    declared = b"<?xml version='1.0' encoding='iso-8859-1'?>" + plain
    assert "é" in answer(declared, "text/xml; charset=UTF-8").content.decode()


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("text/xml", "text/xml"),
        ("text/xml;charset=utf-8", "text/xml;charset=utf-8"),
        ('text/xml; Charset="UTF-8"', 'text/xml; Charset="UTF-8"'),
        ("text/xml; charset=ISO-8859-1", "text/xml; charset=UTF-8"),
        ("text/xml; x=y;charset='a'", "text/xml; x=y;charset=UTF-8"),
    ],
)
def test_the_charset_is_that_of_what_is_written(sent, expected):
    assert soap.utf8_content_type(sent) == expected


def code_of(content: bytes) -> str:
    with pytest.raises(XRoadError) as refused:
        soap.add_request_hash(content, XML, HASH)
    return refused.value.code


def test_tags_that_must_be_written_anew_are_bounded():
    """Each is taken apart, and `>` becomes four characters."""
    long = "x" * _rewrite.MAX_TAG_BYTES
    usual = envelope(body=f'<personResponse a="{long}"></personResponse>')
    assert answer(usual).content.count(b"x") > len(long)
    assert code_of(envelope(body=f"<personResponse a='{long}'/>")) == "invalid_soap"
    header = HEADER.replace("<x:id>", f'<x:id a="{long}">')
    assert code_of(envelope(header, ANSWER)) == "invalid_soap"


def test_so_are_their_number_and_what_comes_out(monkeypatch):
    content = envelope(body=f"<personResponse>{'<a/>' * 60}</personResponse>")
    assert answer(content)
    monkeypatch.setattr(_rewrite, "MAX_SOAP_BYTES", len(content))
    assert code_of(content) == "invalid_soap"
    monkeypatch.undo()
    monkeypatch.setattr(_rewrite, "MAX_ELEMENTS", 50)
    assert code_of(content) == "invalid_soap"


def test_a_fault_has_an_end():
    detail = "<a/>" * (soap.MAX_FAULT_BYTES // 4)
    fault = f"<e:Fault><faultcode>c</faultcode><detail>{detail}</detail></e:Fault>"
    assert code_of(envelope(None, fault)) == "invalid_soap"


def essence(content: bytes) -> list[object]:
    """Return what a reader sees, but for processing instructions and the hash.

    Of the Header that is its children: the white space between them is nobody's.
    """
    root = etree.fromstring(
        content, etree.XMLParser(strip_cdata=False, remove_pis=True)
    )
    found: list[object] = []
    for one in (*root.find(f"{ENV}Header"), *root.findall(f"{ENV}Body")):
        if one.tag is etree.Comment:
            found.append(one.text)
        elif one.tag != f"{XROAD}requestHash":
            found.append(etree.tostring(one, method="c14n", with_tail=False))
    return found


@given(envelopes())
@settings(max_examples=100, deadline=None)
def test_nobody_who_reads_the_answer_notices(content):
    try:
        made = soap.add_request_hash(content, XML, HASH)
    except XRoadError:
        return
    if isinstance(made, RelayedFaultError):
        assert made.xml == content
        return
    assert essence(made.content) == essence(content)
    assert soap.read(made.content, XML) == made.message
    assert made.message.request_hash == HASH


@given(envelopes())
@settings(max_examples=60, deadline=None)
def test_what_was_written_again_stays_as_it_is(content):
    try:
        made = soap.add_request_hash(content, XML, HASH)
    except XRoadError:
        return
    if isinstance(made, Answer) and not re.search(rb"<x:id>.*<x:id>", made.content):
        again = answer(made.content).content
        assert again.split(b"<e:Body")[1] == made.content.split(b"<e:Body")[1]
