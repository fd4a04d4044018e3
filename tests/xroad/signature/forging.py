"""What attackers do to signatures, for the tests of verification."""

import base64

import pytest
from lxml import etree

from kerege.xroad.faults import XRoadError
from kerege.xroad.signature import (
    SignatureData,
    verify_signature,
)
from tests.xroad.signature.pki import (
    ALICE,
    NOW,
    member,
    trust,
)
from tests.xroad.signature.test_building import HELLO

DS = "http://www.w3.org/2000/09/xmldsig#"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"


def verify(data, *parts, signer=ALICE, at=NOW):
    return verify_signature(data, parts, signer=signer, trust=trust(), at=at)


def refuse(code, data, *parts, **options):
    if isinstance(data, bytes):
        data = SignatureData(data)
    with pytest.raises(XRoadError) as refused:
        verify(data, *(parts or (HELLO,)), **options)
    assert refused.value.code == code, refused.value
    return refused.value.message


def edited(data: SignatureData, old: bytes, new: bytes) -> bytes:
    assert data.signature.count(old) == 1, data.signature.count(old)
    return data.signature.replace(old, new)


def re_signed(document: bytes, who=None) -> bytes:
    """Compute digest of SignedProperties and the value again: an attacker's own key."""
    who = who or member()
    root = etree.fromstring(document)
    find = lambda name: root.find(f".//{{*}}{name}")  # noqa: E731
    info, properties = find("SignedInfo"), find("SignedProperties")
    for reference in info.findall("{*}Reference"):
        if "SignedProperties" in reference.get("Type", ""):
            exclusive = any(EXCLUSIVE in e.values() for e in reference.iter())
            canonical = etree.tostring(properties, method="c14n", exclusive=exclusive)
            digest = who.algorithm.digest.of(canonical)
            reference[-1].text = base64.b64encode(digest).decode()
    exclusive = info[0].get("Algorithm") == EXCLUSIVE
    value = who.sign(etree.tostring(info, method="c14n", exclusive=exclusive))
    find("SignatureValue").text = base64.b64encode(value).decode()
    return etree.tostring(root)


def with_transform(data: SignatureData, algorithm: str, uri="#signed-properties"):
    place = f'URI="{uri}">'.encode()
    transforms = (
        f'<ds:Transforms><ds:Transform Algorithm="{algorithm}"/></ds:Transforms>'
    )
    return edited(data, place, place + transforms.encode())
