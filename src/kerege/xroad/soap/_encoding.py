"""The encoding of an envelope, and the same envelope in UTF-8.

Rules (XML 1.0 section 4.3.3 and appendix F; RFC 7303 section 3):

* A byte-order mark decides, then the XML declaration, then it is UTF-8. The charset
  of a Content-Type counts only for answers of services that say nothing themselves:
  peers of the reference do not look at it.
* A mark and a declaration that disagree are refused: parsers differ in whom they
  believe. So is an encoding that few parsers know, or that hides markup (UTF-7).
"""

import re

from kerege.xroad.soap._names import refuse

UTF_8 = "utf-8"

_BOM_8 = b"\xef\xbb\xbf"
_DECLARATION = re.compile(
    rb"<\?xml\s+version\s*=\s*(?:\"[\w.]+\"|'[\w.]+')"
    rb"(?:\s+encoding\s*=\s*[\"']([A-Za-z][A-Za-z0-9._\-]*)[\"'])?"
)
_CODECS = re.compile(
    r"utf-?8|utf-16(?:le|be)?|us-ascii|iso-8859-(?:[1-9]|1[0-6])|windows-125[0-8]"
    r"|koi8-[ru]"
)
"""UTF, and encodings of one byte per character that keep ASCII where it is."""
_MAX_DECLARATION_BYTES = 200
"""Version, encoding and standalone have about 60."""


def to_utf8(content: bytes, *, charset: str | None = None) -> bytes:
    """Return an envelope in UTF-8, without a byte-order mark.

    The XML declaration stays, and may name the old encoding.

    Args:
        content: The bytes as received.
        charset: What to believe if ``content`` does not say its encoding.

    Raises:
        XRoadError: ``invalid_soap`` for an encoding that is unknown or contradicted,
            and for bytes that are not in it.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")):
        return _from_utf16(content)
    marked = content.startswith(_BOM_8)
    if marked:
        content = content[len(_BOM_8) :]
    declared = declared_encoding(content)
    if declared is None:
        declared = (charset or UTF_8).lower() if not marked else UTF_8
    if declared in (UTF_8, "utf8"):
        return content
    if marked or declared.startswith("utf-16"):
        refuse(
            f"The SOAP message says that it is {declared!r}, and is not", repr(declared)
        )
    return _decoded(content, declared)


def declared_encoding(content: bytes) -> str | None:
    """Return the encoding of the XML declaration in lower case, or None."""
    if not content.startswith(b"<?xml"):
        return None
    found = _DECLARATION.match(content[:_MAX_DECLARATION_BYTES])
    return found[1].decode("ascii").lower() if found and found[1] else None


def without_declaration(content: bytes) -> bytes:
    """Return an envelope without the XML declaration, which may name any encoding."""
    if not content.startswith(b"<?xml"):
        return content
    end = content.find(b"?>", 0, _MAX_DECLARATION_BYTES)
    return content if end < 0 else content[end + 2 :]


def _from_utf16(content: bytes) -> bytes:
    codec = "utf-16"
    if content[:2] == b"<\0":
        codec = "utf-16-le"
    elif content[:2] == b"\0<":
        codec = "utf-16-be"
    text = _decoded(content, codec)
    declared = declared_encoding(text)
    if declared is not None and not declared.startswith("utf-16"):
        refuse(
            f"The SOAP message says that it is {declared!r}, and is UTF-16",
            repr(declared),
        )
    return text


def _decoded(content: bytes, codec: str) -> bytes:
    if not _CODECS.fullmatch(codec) and not codec.startswith("utf-16-"):
        name = repr(codec[:255])
        refuse(f"The encoding {name} of the SOAP message is not supported", name)
    try:
        return content.decode(codec).encode(UTF_8)
    except (UnicodeError, LookupError):
        refuse(f"The SOAP message is not in its encoding, {codec!r}")
