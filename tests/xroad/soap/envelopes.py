"""Envelopes for tests, and what lxml says of them."""

from typing import NamedTuple

from hypothesis import strategies as st
from lxml import etree

from kerege.xroad import soap
from kerege.xroad.identifiers import ClientId, ServiceId
from kerege.xroad.soap import SoapMessage

XML = "text/xml; charset=UTF-8"
ENV = f"{{{soap.ENVELOPE_NAMESPACE}}}"
XROAD = f"{{{soap.XROAD_NAMESPACE}}}"
REQUEST = SoapMessage(
    client_id=ClientId("KG", "GOV", "1", "portal"),
    service_id=ServiceId("KG", "GOV", "2", "register", "person"),
    query_id="q",
    protocol_version="4.0",
    body_element="person",
)
HEADER = (
    '<x:client id:objectType="SUBSYSTEM"><id:xRoadInstance>KG</id:xRoadInstance>'
    "<id:memberClass>GOV</id:memberClass><id:memberCode>1</id:memberCode>"
    "<id:subsystemCode>portal</id:subsystemCode></x:client>"
    '<x:service id:objectType="SERVICE"><id:xRoadInstance>KG</id:xRoadInstance>'
    "<id:memberClass>GOV</id:memberClass><id:memberCode>2</id:memberCode>"
    "<id:subsystemCode>register</id:subsystemCode>"
    "<id:serviceCode>person</id:serviceCode></x:service>"
    "<x:id>q</x:id><x:protocolVersion>4.0</x:protocolVersion>"
)


def envelope(header: str | None = HEADER, body: str | None = "<person/>") -> bytes:
    """Return an envelope with this inside Header and Body; None leaves one out."""
    header = "" if header is None else f"<e:Header>{header}</e:Header>"
    body = "" if body is None else f"<e:Body>{body}</e:Body>"
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:x="http://x-road.eu/xsd/xroad.xsd" '
        'xmlns:id="http://x-road.eu/xsd/identifiers" '
        'xmlns:r="http://x-road.eu/xsd/representation.xsd" '
        'xmlns:t="http://x-road.eu/xsd/security-token.xsd">'
        f"{header}{body}</e:Envelope>"
    ).encode()


class Seen(NamedTuple):
    """What a parser that builds a tree sees."""

    header: list[tuple[str, str, list[tuple[str, str]]]]
    bodies: int
    children: list[str]
    has_fault: bool


def seen(content: bytes) -> Seen:
    """Return what is in an envelope, found in another way than the product's."""
    root = etree.fromstring(content)
    fields = root.xpath("e:Header/*", namespaces={"e": soap.ENVELOPE_NAMESPACE})
    children = root.xpath("e:Body/*", namespaces={"e": soap.ENVELOPE_NAMESPACE})
    return Seen(
        [
            (
                tag_of(f),
                "".join(f.xpath("text()")),
                [(tag_of(c), text_of(c)) for c in f.xpath("*")],
            )
            for f in fields
        ],
        len(root.findall(f"{ENV}Body")),
        [etree.QName(c).localname for c in children],
        any(c.tag == f"{ENV}Fault" for c in children),
    )


def tag_of(element: etree._Element) -> str:
    return "{" + str(element.tag).removeprefix("{")


def text_of(element: etree._Element) -> str:
    return "".join(element.xpath("text()"))


_names = st.sampled_from(["person", "p:person", "personX", "a", "e:Body", "e:Fault"])
_space = st.sampled_from(["", "", " ", "\n  ", "\r\n\t"])
_text = st.sampled_from(
    ["", "", "x", " ", "&amp;", "&#10;", "&#xE4;", "ө", "]]&gt;", "\r\n", "'\">"]
)
_aside = st.sampled_from(
    [
        "",
        "",
        "<!-- </person></e:Body> <a b='c'> -->",
        "<![CDATA[</e:Body><person/>\r\n ' ]]]]>",
        "<?pi </e:Body> ?>",
        "<!---->",
    ]
)
_value = st.sampled_from(
    [
        "",
        "1",
        "a&lt;b",
        "&quot;&apos;",
        "&#9;&#10;&#13;",
        "\t\r\n",
        "é\x7f",
        "&#x80;",
        ">",
    ]
)
_quote = st.sampled_from("\"'")


@st.composite
def attributes(draw: st.DrawFn) -> str:
    """Return attributes as people write them."""
    names = draw(st.lists(st.sampled_from(["a", "b", "x:c", "xmlns:n"]), unique=True))
    written = ""
    for name in names:
        quote, value = draw(_quote), draw(_value)
        if name == "xmlns:n":
            value = "urn:n"
        around = draw(_space)
        written += f" {draw(_space)}{name}{around}={around}{quote}{value}{quote}"
    return written + draw(_space)


@st.composite
def markup(draw: st.DrawFn, depth: int = 3) -> str:
    """Return content of an element: text, comments, elements."""
    pieces = []
    for _ in range(draw(st.integers(0, 3))):
        pieces += [draw(_text), draw(_aside)]
        if depth:
            pieces.append(draw(elements(depth - 1)))
    return "".join(pieces)


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> str:
    """Return one element, empty or with content."""
    name = draw(_names)
    start = f"<{name}{draw(attributes())}"
    if draw(st.booleans()):
        return f"{start}/>"
    return f"{start}>{draw(markup(depth))}</{name}{draw(_space)}>"


@st.composite
def envelopes(draw: st.DrawFn) -> bytes:
    """Return a well-formed envelope; its header is right, its Body may be anything."""
    header = HEADER.replace("<x:id>", f"{draw(_aside)}{draw(_space)}<x:id>")
    extra = draw(elements(1)).replace("e:", "x:")
    bodies = "".join(
        f"<e:Body{draw(_space)}>{draw(markup(2))}{draw(elements(2))}{draw(_space)}"
        f"{draw(st.just('') | markup(1))}</e:Body>{draw(_space)}"
        for _ in range(draw(st.sampled_from([1, 1, 1, 2])))
    )
    text = envelope(header + extra, "").decode().replace("<e:Body></e:Body>", bodies)
    text = text.replace("<e:Envelope ", "<e:Envelope xmlns:p='urn:p' ")
    around = st.sampled_from(["", "\n", "<!-- a -->", "<?b c?>\n"])
    declaration = draw(st.sampled_from(["", '<?xml version="1.0"?>']))
    return f"{declaration}{draw(around)}{text}{draw(around)}".encode()
