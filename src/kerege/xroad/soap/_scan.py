"""One pass over an envelope: the X-Road header and where things stand in it.

Rules:

* No object is made for what is in the Body, whatever its size: after its first element
  expat goes on alone. Whether that element was the only one is then told from the
  message's end, which nearly always leaves no doubt; where it does, the message is
  walked through element by element.
* Nesting can be no deeper than there are end tags; if there are many, libxml2 counts,
  without building a tree.
* A DOCTYPE is refused before it is parsed, and so are XInclude's elements: whoever
  reads the message later must not fetch or expand anything.
"""

import re
from functools import cache

from lxml import etree

from kerege.xroad.soap._encoding import UTF_8
from kerege.xroad.soap._names import MAX_DEPTH, MAX_SOAP_BYTES, refuse
from kerege.xroad.soap._walk import Scan, walk

_DOCTYPE = re.compile(rb"(?:\s++|<\?.*?\?>|<!--.*?-->)*+<!DOCTYPE", re.DOTALL)
_NAME = re.compile(rb"</?([^\s/>]++)")
_AFTER_NAME = (b">", b" ", b"/", b"\n", b"\r", b"\t")
_END_TAG = re.compile(rb"</([^\s>]++)\s*+>")
_ENDING = re.compile(rb"\s*+</([^\s>]++)\s*+>\s*+</([^\s>]++)\s*+>\s*+")
"""The last two end tags."""
_TAG = re.compile(rb"<(?:\"[^\"]*+\"|'[^']*+'|[^>\"']++)*+>")


def scan(content: bytes) -> Scan:
    """Walk through an envelope in UTF-8.

    Raises:
        XRoadError: ``invalid_soap`` if it is not well-formed, no SOAP 1.1 envelope,
            too large, too deep, or has what may not be there.
    """
    if len(content) > MAX_SOAP_BYTES:
        refuse(f"The SOAP message is larger than {MAX_SOAP_BYTES} bytes")
    if _DOCTYPE.match(content):
        refuse("The SOAP message has a DOCTYPE, which is not allowed")
    found = walk(content, thorough=False)
    if found.stopped_at >= 0 and not _ends_as_expected(content, found):
        return walk(content, thorough=True)
    if content.count(b"</") > MAX_DEPTH:
        _require_shallow(content)
    return found


def end_of_tag(content: bytes, at: int) -> int:
    """Return where an element ends, from where a `Scan` says that it does."""
    return content.index(b">", at) + 1 if content[at : at + 2] == b"</" else at


def _ends_as_expected(content: bytes, found: Scan) -> bool:
    """Whether the Body and the envelope ended after the Body's first element.

    Judged by the last tags: they can only be those of the first element in the Body if
    no other one has its name. If so, ``found`` learns where they are.
    """
    begin = found.stopped_at
    name, tag = _name_at(content, begin), _TAG.match(content, begin)
    root_end = content.rfind(b"</")
    body_end = content.rfind(b"</", 0, root_end)
    child_end = tag.end() if tag else -1
    if not content.startswith(b"/>", child_end - 2):
        child_end = content.rfind(b"</", 0, body_end)
        closing = _END_TAG.match(content, child_end)
        if closing is None or closing[1] != name or child_end < begin:
            return False
        if any(content.find(b"<" + name + c, begin + 1) > 0 for c in _AFTER_NAME):
            return False
        child_end = closing.end()
    ending = _ENDING.fullmatch(content, child_end)
    body, root = _name_at(content, found.body[0]), _name_at(content, found.root[0])
    if ending is None or (ending[1], ending[2]) != (body, root):
        return False
    found.body = (found.body[0], body_end)
    found.root = (found.root[0], root_end)
    return True


def _name_at(content: bytes, at: int) -> bytes:
    found = _NAME.match(content, at)
    return found[1] if found else b""


class _Nothing:
    """A target for lxml that keeps nothing."""

    def close(self) -> None:
        """Be there: lxml wants it."""


@cache
def _depth_parser() -> etree.XMLParser:
    """One for all messages, for the same reason as in `kerege.xroad.xml`."""
    return etree.XMLParser(  # type: ignore[call-overload, no-any-return]
        target=_Nothing(),
        encoding=UTF_8,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )


def _require_shallow(content: bytes) -> None:
    try:
        etree.fromstring(content, _depth_parser())
    except etree.XMLSyntaxError as error:
        refuse(f"The SOAP message is too deep, or not well-formed: {error}", str(error))
