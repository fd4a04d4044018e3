"""What attackers do to a real signature: wrap it, point it elsewhere, weaken it.

Each attack takes the signature document of a plain message and returns another one. The
message beside it stays what was signed, or becomes the attacker's (`EVIL`): a verifier
that looks at the wrong element would be content.
"""

import base64
import re
from collections.abc import Callable

from kerege.xroad.algorithms import SHA512

EVIL = b"the attacker's own message"
DS = "http://www.w3.org/2000/09/xmldsig#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"


def _swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def swapped(document: bytes) -> bytes:
        assert document.count(old) >= 1, old
        return document.replace(old, new, 1)

    return swapped


def _element(document: bytes, name: bytes) -> bytes:
    found = re.search(rb"<(\w+:" + name + rb")[ >].*?</\1>", document, re.DOTALL)
    assert found
    return found[0]


def _whole(document: bytes) -> bytes:
    found = re.search(rb"<ds:Signature .*</ds:Signature>", document, re.DOTALL)
    assert found
    return found[0]


def _evil_copy(document: bytes) -> bytes:
    """A second signature whose reference has the digest of the attacker's message."""
    digest = base64.b64encode(SHA512.of(EVIL))
    return re.sub(
        rb"(<ds:DigestValue>)[^<]*", rb"\g<1>" + digest, _whole(document), count=1
    )


def second_signature_before(document: bytes) -> bytes:
    return document.replace(
        b"<ds:Signature ", _evil_copy(document) + b"<ds:Signature ", 1
    )


def second_signature_behind(document: bytes) -> bytes:
    end = b"</asic:XAdESSignatures>"
    return document.replace(end, _evil_copy(document) + end)


def signature_inside_an_object(document: bytes) -> bytes:
    """The real one is kept, as an object of the attacker's."""
    outer = _evil_copy(document).replace(
        b"</ds:Signature>",
        b"<ds:Object>" + _whole(document) + b"</ds:Object></ds:Signature>",
    )
    return document.replace(_whole(document), outer)


def signed_properties_moved(document: bytes) -> bytes:
    """Where the reference leads is the real one; where one looks first is another."""
    properties = _element(document, b"SignedProperties")
    other = re.sub(
        rb"<xades:SigningTime>[^<]*",
        b"<xades:SigningTime>1999-01-01T00:00:00Z",
        properties,
    )
    moved = b"<ds:Object>" + properties + b"</ds:Object>"
    changed = document.replace(properties, other, 1)
    return changed.replace(b"</ds:Signature>", moved + b"</ds:Signature>")


def signed_properties_twice(document: bytes) -> bytes:
    properties = _element(document, b"SignedProperties")
    return document.replace(properties, properties + properties, 1)


def signed_info_twice(document: bytes) -> bytes:
    info = _element(document, b"SignedInfo")
    evil = re.sub(rb"(<ds:DigestValue>)[^<]*", rb"\g<1>AAAA", info, count=1)
    return document.replace(info, evil + info, 1)


def two_signature_values(document: bytes) -> bytes:
    value = _element(document, b"SignatureValue")
    return document.replace(value, value + value, 1)


def reference_to_an_inner_element(document: bytes) -> bytes:
    inner = b'<ds:Object Id="evil">' + EVIL + b"</ds:Object></ds:Signature>"
    changed = document.replace(b'URI="/message.xml"', b'URI="#evil"', 1)
    return changed.replace(b"</ds:Signature>", inner)


def _transform(algorithm: str) -> Callable[[bytes], bytes]:
    place = b'URI="/message.xml">'
    inside = f'<ds:Transforms><ds:Transform Algorithm="{algorithm}"/></ds:Transforms>'
    return _swap(place, place + inside.encode())


def _method(algorithm: str) -> Callable[[bytes], bytes]:
    def weakened(document: bytes) -> bytes:
        method = rb'(<ds:SignatureMethod Algorithm=")[^"]*'
        assert re.search(method, document)
        return re.sub(method, rb"\g<1>" + algorithm.encode(), document, count=1)

    return weakened


def _digest(algorithm: str) -> Callable[[bytes], bytes]:
    def weakened(document: bytes) -> bytes:
        method = rb'(<ds:DigestMethod Algorithm=")[^"]*'
        return re.sub(method, rb"\g<1>" + algorithm.encode(), document, count=1)

    return weakened


def _canonicalization(algorithm: str) -> Callable[[bytes], bytes]:
    def changed(document: bytes) -> bytes:
        method = rb'(<ds:CanonicalizationMethod Algorithm=")[^"]*'
        return re.sub(method, rb"\g<1>" + algorithm.encode(), document, count=1)

    return changed


MALFORMED, UNSUPPORTED = "malformed_signature", "unsupported_algorithm"
XML, VALUE = "invalid_xml", "invalid_signature_value"

ATTACKS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    # Wrapping.
    "a second signature before": (MALFORMED, second_signature_before),
    "a second signature behind": (MALFORMED, second_signature_behind),
    "the signature in an object": (MALFORMED, signature_inside_an_object),
    "signed properties moved": (MALFORMED, signed_properties_moved),
    "signed properties twice": (MALFORMED, signed_properties_twice),
    "signed info twice": (MALFORMED, signed_info_twice),
    "two values": (MALFORMED, two_signature_values),
    "an id twice": (
        MALFORMED,
        _swap(b'Id="ocsp-response-1"', b'Id="signed-properties"'),
    ),
    "an id of the root": (
        MALFORMED,
        _swap(b"<ds:Object>", b'<ds:Object Id="signed-properties">'),
    ),
    "another target": (MALFORMED, _swap(b'Target="#signature"', b'Target="#other"')),
    # References.
    "a reference to an inner element": (MALFORMED, reference_to_an_inner_element),
    "a reference to the whole document": (
        MALFORMED,
        _swap(b'URI="/message.xml"', b'URI=""'),
    ),
    "a reference outside": (
        MALFORMED,
        _swap(b'URI="/message.xml"', b'URI="file:///etc/passwd"'),
    ),
    "an XPointer": (
        MALFORMED,
        _swap(b'URI="#signed-properties"', b'URI="#xpointer(/)"'),
    ),
    # Words that two readers read differently.
    "a comment in an id": (XML, _swap(b'Id="signature"', b'Id="sig<!-- -->nature"')),
    "a comment in a digest": (
        MALFORMED,
        _swap(b"</ds:DigestValue>", b"<!-- --></ds:DigestValue>"),
    ),
    "a comment in the certificate": (
        MALFORMED,
        _swap(b"</ds:X509Certificate>", b"<!-- --></ds:X509Certificate>"),
    ),
    "an instruction in signed info": (
        MALFORMED,
        _swap(b"<ds:SignedInfo>", b"<ds:SignedInfo><?x?>"),
    ),
    "CDATA in a digest": (
        VALUE,
        _swap(b"<ds:DigestValue>", b"<ds:DigestValue><![CDATA[QUFB]]>"),
    ),
    "an entity": (
        XML,
        _swap(b"<asic:", b'<!DOCTYPE a [<!ENTITY e "x">]><asic:'),
    ),
    "an entity for an attribute": (
        XML,
        lambda d: _swap(b"<asic:", b'<!DOCTYPE a [<!ENTITY e "/message.xml">]><asic:')(
            _swap(b'URI="/message.xml"', b'URI="&e;"')(d)
        ),
    ),
    "a default attribute": (
        XML,
        _swap(
            b"<asic:",
            b'<!DOCTYPE a [<!ATTLIST ds:Object Id ID "signed-properties">]><asic:',
        ),
    ),
    # Transforms.
    "XSLT": (UNSUPPORTED, _transform("http://www.w3.org/TR/1999/REC-xslt-19991116")),
    "XPath": (UNSUPPORTED, _transform("http://www.w3.org/TR/1999/REC-xpath-19991116")),
    "base64": (UNSUPPORTED, _transform(DS + "base64")),
    "enveloped": (UNSUPPORTED, _transform(DS + "enveloped-signature")),
    "canonical with comments": (
        UNSUPPORTED,
        _canonicalization(
            "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"
        ),
    ),
    "no canonicalization": (UNSUPPORTED, _canonicalization("")),
    # Weak algorithms.
    "HMAC-SHA1": (UNSUPPORTED, _method(DS + "hmac-sha1")),
    "HMAC-SHA512": (UNSUPPORTED, _method(MORE + "hmac-sha512")),
    "RSA-SHA1": (UNSUPPORTED, _method(DS + "rsa-sha1")),
    "RSA-MD5": (UNSUPPORTED, _method(MORE + "rsa-md5")),
    "RSA-RIPEMD160": (UNSUPPORTED, _method(MORE + "rsa-ripemd160")),
    "DSA": (UNSUPPORTED, _method(DS + "dsa-sha1")),
    "ECDSA-SHA1": (UNSUPPORTED, _method(MORE + "ecdsa-sha1")),
    "no method": (UNSUPPORTED, _method("")),
    "a made-up method": (UNSUPPORTED, _method("none")),
    "a method of another key": (UNSUPPORTED, _method(MORE + "ecdsa-sha512")),
    "a digest with SHA-1": (UNSUPPORTED, _digest(DS + "sha1")),
    "a digest with MD5": (UNSUPPORTED, _digest(MORE + "md5")),
    "no digest": (UNSUPPORTED, _digest("")),
}
