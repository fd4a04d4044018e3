"""The services of a WSDL, and the WSDL that others get to see."""

import pytest
from lxml import etree

from kerege.xroad.faults import XRoadError
from kerege.xroad.metadata import _wsdl, anonymised_wsdl, read_wsdl

SOAP_HTTP = "http://schemas.xmlsoap.org/soap/http"
NAMES = (
    'xmlns:d="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:t" xmlns="urn:default" '
    'xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" '
    'xmlns:s12="http://schemas.xmlsoap.org/wsdl/soap12/" '
    'xmlns:h="http://schemas.xmlsoap.org/wsdl/http/" '
    'xmlns:x="http://x-road.eu/xsd/xroad.xsd"'
)
BINDING = (
    '<d:binding name="b" type="t:p">'
    f'<s:binding transport="{SOAP_HTTP}"/>'
    '<d:operation name="person"><x:version> v1 </x:version></d:operation>'
    '<d:operation name="house"><x:version/></d:operation></d:binding>'
)
PORT_TYPE = (
    '<d:portType name="p"><d:operation name="person"><d:documentation>words'
    "<!-- no --><x:note/><x:title> Persons </x:title></d:documentation></d:operation>"
    '<d:operation name="house"/></d:portType>'
)
PORT = (
    '<d:service name="s"><d:port name="q" binding="t:b">'
    '<s:address location=" http://db.internal/ws "/></d:port></d:service>'
)


def wsdl(*parts: str) -> bytes:
    inner = "".join(parts)
    head = f'<d:definitions name="Village" targetNamespace="urn:t" {NAMES}>'
    return f"{head}{inner}</d:definitions>".encode()


WHOLE = wsdl(BINDING, PORT_TYPE, PORT)


def services(document: bytes):
    return [
        (o.service_code, o.service_version, o.title, o.url)
        for o in read_wsdl(document).operations
    ]


def refusal(document: bytes, code: str = "validation_error") -> str:
    with pytest.raises(XRoadError) as caught:
        read_wsdl(document)
    assert caught.value.code == code
    return caught.value.message


def test_every_operation_is_a_service():
    assert services(WHOLE) == [
        ("person", "v1", "Persons", "http://db.internal/ws"),
        ("house", None, "", "http://db.internal/ws"),
    ]
    assert read_wsdl(WHOLE).title == "Village"
    assert read_wsdl(WHOLE).problems == ()


def test_soap_1_2_is_soap_too_and_http_is_not():
    twelve = WHOLE.replace(b"<s:", b"<s12:")
    assert services(twelve) == services(WHOLE)
    http = BINDING.replace("s:binding", "h:binding")
    assert "no service with SOAP over HTTP" in refusal(wsdl(http, PORT_TYPE, PORT))
    other = BINDING.replace(SOAP_HTTP, "http://schemas.xmlsoap.org/soap/smtp")
    assert "no service with SOAP over HTTP" in refusal(wsdl(other, PORT_TYPE, PORT))


def test_an_operation_of_two_ports_is_one_service():
    ports = PORT.replace("</d:service>", "") + PORT.partition('<d:service name="s">')[2]
    assert services(wsdl(BINDING, PORT_TYPE, ports)) == services(WHOLE)


def test_a_version_is_in_a_namespace_of_anybody_but_wsdl():
    bare = BINDING.replace("<x:version/>", "<s:operation/><d:version>v9</d:version>")
    assert services(wsdl(bare, PORT_TYPE, PORT))[1][1] is None
    own = BINDING.replace("<x:version/>", "<version>v9</version>")
    assert services(wsdl(own, PORT_TYPE, PORT))[1][1] == "v9"


def test_a_port_without_address_is_nowhere():
    port = PORT.replace("s:address", "x:address")
    assert services(wsdl(BINDING, PORT_TYPE, port))[0][3] == ""


@pytest.mark.parametrize("name", ["t:other", "x:b", "b", "y:b", ""])
def test_what_is_in_another_document_is_told_and_left_out(name):
    port = PORT.replace('"t:b"', f'"{name}"')
    both = port + PORT.replace('"s"', '"s2"')
    found = read_wsdl(wsdl(BINDING, PORT_TYPE, both))
    assert len(found.operations) == 2
    assert found.problems == (f"The binding {name!r} is not in this WSDL",)


def test_without_its_port_type_a_service_has_no_title():
    found = read_wsdl(wsdl(BINDING, PORT))
    assert [o.title for o in found.operations] == ["", ""]
    assert found.problems == ("The type 't:p' is not in this WSDL",)


@pytest.mark.parametrize(
    ("document", "code", "why"),
    [
        (b"<a", "invalid_xml", "not well-formed"),
        (b"<!DOCTYPE a><a/>", "invalid_xml", "DOCTYPE"),
        (b"<a/>", "validation_error", "does not begin with wsdl:definitions"),
        (wsdl(), "validation_error", "no service with SOAP over HTTP"),
        (
            WHOLE.replace(b' name="house"', b""),
            "validation_error",
            "operation without a name",
        ),
    ],
)
def test_what_is_no_wsdl_is_refused(document, code, why):
    assert why in refusal(document, code)


def test_everything_is_bounded(monkeypatch):
    monkeypatch.setattr(_wsdl, "MAX_OPERATIONS", 1)
    assert "more than 1 operations" in refusal(WHOLE)
    monkeypatch.setattr(_wsdl, "MAX_PORTS", 0)
    assert "more than 0 ports" in refusal(WHOLE)
    monkeypatch.setattr(_wsdl, "MAX_DESCRIPTION_BYTES", 10)
    assert "larger than 10 bytes" in refusal(WHOLE, "invalid_xml")


@pytest.mark.parametrize(
    "content",
    [
        b"<a>" + b"<b/>" * 600_000 + b"</a>",
        b"<a " + b" ".join(b"b%d=''" % n for n in range(600_000)) + b"/>",
        ("<a>" + "<b/>" * 600_000 + "</a>").encode("utf-16"),
    ],
)
def test_tiny_elements_are_counted_before_they_take_memory(monkeypatch, content):
    monkeypatch.setattr(_wsdl.xml, "parse", lambda *_, **__: pytest.fail("read"))
    assert "elements and attributes" in refusal(content, "invalid_xml")


def test_an_encoding_that_hides_the_tags_is_refused():
    text = "<?xml version='1.0' encoding='IBM037'?><a/>"
    assert "as XML in Unicode does" in refusal(text.encode("cp037"), "invalid_xml")
    assert "as XML in Unicode does" in refusal(b"", "invalid_xml")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_unicode_has_several_forms(encoding):
    assert services(WHOLE.decode().encode(encoding)) == services(WHOLE)


def test_others_see_a_made_up_address_and_nothing_else_changed():
    document = b"<?xml version='1.0'?><!-- a --><?b c?>" + WHOLE
    document = document.replace(b"</d:service>", b'<s:address x="1"/></d:service>')
    shown = anonymised_wsdl(document)
    assert b"db.internal" not in shown
    assert b"<!-- a -->" in shown
    assert b"<?b c?>" in shown
    back = shown.replace(_wsdl.SHOWN_ADDRESS.encode(), b" http://db.internal/ws ")
    canonical = [etree.canonicalize(each.decode()) for each in (document, back)]
    assert canonical[0] == canonical[1]


def test_a_wsdl_that_is_none_is_not_shown():
    with pytest.raises(XRoadError, match="DOCTYPE") as caught:
        anonymised_wsdl(
            b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
        )
    assert caught.value.code == "internal_error"
