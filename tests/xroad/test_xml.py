"""XML from outside, and what it may not cost."""

import pytest

from kerege.xroad.faults import XRoadError
from kerege.xroad.xml import MAX_NAMESPACES, parse, require_few_namespaces

DECLARATIONS = ("", '<?xml version="1.0" encoding="UTF-8"?>', '<?xml version="1.0"?>')
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1")


def judge(data: bytes) -> None:
    root = parse(data, code="invalid_xml", what="It")
    require_few_namespaces(root, data, code="invalid_xml", what="It")


def document(namespaces: int) -> str:
    declared = "".join(f' xmlns:a{n}="urn:{n}"' for n in range(namespaces))
    return f"<a{declared}><b/></a>"


def test_as_many_namespaces_as_a_signature_may_have_are_taken():
    judge(document(MAX_NAMESPACES).encode())


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("declaration", DECLARATIONS)
def test_more_are_refused_however_they_are_written(encoding: str, declaration: str):
    """Canonicalising 20,000 of them takes a minute."""
    data = (declaration + document(MAX_NAMESPACES + 1)).encode(encoding)
    with pytest.raises(XRoadError) as refused:
        judge(data)
    assert refused.value.code == "invalid_xml"


def test_a_word_in_the_text_is_no_declaration():
    judge(f"<a>{'xmlns ' * (MAX_NAMESPACES + 1)}</a>".encode())


@pytest.mark.parametrize(
    "inside", ['<a b="&d;"/>', "<a>&d;</a>", "<a>" * 300, "<a/><!-- -- -->"]
)
def test_bombs_and_deep_trees_are_refused(inside: str):
    entities = "".join(
        f'<!ENTITY {name} "{10 * f"&{before};"}">'
        for before, name in zip("abc", "bcd", strict=True)
    )
    data = f'<!DOCTYPE a [<!ENTITY a "x">{entities}]>{inside}'.encode()
    with pytest.raises(XRoadError) as refused:
        parse(data, code="invalid_xml", what="It")
    assert refused.value.code == "invalid_xml"
