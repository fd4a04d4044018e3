"""The two manifests of a container: OpenDocument and ASiC.

Rules:

* ``META-INF/manifest.xml`` (OpenDocument 1.2, part 3) lists every file outside
  ``META-INF`` except ``mimetype``, with its media type.
* ``META-INF/ASiCManifest.xml`` (ETSI TS 102 918) names the batch time-stamp and the
  digest of ``ts-hashchainresult.xml``. The reference writes its namespace without the
  0 of ``02918``; readers take both.

Neither is signed: they are checked against the container, nothing is concluded from
them alone. Source: `OpenDocumentManifestBuilder.java`, `AsicManifestBuilder.java`.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from kerege.xroad.algorithms import SHA512, Digest, digest_by_uri
from kerege.xroad.asic import names
from kerege.xroad.faults import XRoadError
from kerege.xroad.xml import parse

TEXT_XML = "text/xml"
OCTET_STREAM = "application/octet-stream"
TIMESTAMP_TOKEN = "vnd.etsi.timestamp-token"  # noqa: S105 - a media type

MANIFEST_NAMESPACE = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
ASIC_NAMESPACES = (
    "http://uri.etsi.org/2918/v1.2.1#",
    "http://uri.etsi.org/02918/v1.2.1#",
)
_DS = "http://www.w3.org/2000/09/xmldsig#"
_LISTED_FIRST = (
    names.SIGNATURE_CHAIN,
    names.MESSAGE,
    names.TIMESTAMP_CHAIN_RESULT,
    names.SIGNATURE_CHAIN_RESULT,
    names.TIMESTAMP_CHAIN,
)
"""The order in which the reference lists them."""


@dataclass(frozen=True, slots=True)
class DataReference:
    """A ``DataObjectReference`` of an ASiC manifest."""

    entry: str
    digest: bytes
    algorithm: Digest


@dataclass(frozen=True, slots=True)
class AsicManifest:
    """What an ASiC manifest says."""

    signature_entry: str
    references: tuple[DataReference, ...]


def build_manifest(entries: Sequence[str], attachments: int) -> bytes:
    """Return ``manifest.xml`` for these XML entries and this many attachments."""
    listed = [("/", names.MIME_TYPE)]
    listed += [(name, TEXT_XML) for name in _LISTED_FIRST if name in entries]
    listed += [
        (f"{names.ATTACHMENT}{number}", OCTET_STREAM)
        for number in range(1, attachments + 1)
    ]
    lines = "".join(
        f'    <manifest:file-entry manifest:media-type="{media_type}" '
        f'manifest:full-path="{path}"/>\n'
        for path, media_type in listed
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<manifest:manifest xmlns:manifest="{MANIFEST_NAMESPACE}" '
        f'manifest:version="1.2">\n{lines}</manifest:manifest>\n'
    ).encode()


def build_asic_manifest(chain_result: bytes) -> bytes:
    """Return ``ASiCManifest.xml`` for a batch time-stamp over this result."""
    digest = base64.b64encode(SHA512.of(chain_result)).decode()
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<asic:ASiCManifest xmlns:asic="{ASIC_NAMESPACES[0]}" xmlns:ds="{_DS}">\n'
        f'<asic:SigReference URI="{names.TIMESTAMP}" MimeType="{TIMESTAMP_TOKEN}"/>\n'
        f'<asic:DataObjectReference URI="{names.TIMESTAMP_CHAIN_RESULT}" '
        f'MimeType="{TEXT_XML}">\n'
        f'<ds:DigestMethod Algorithm="{SHA512.uri}" />\n'
        f"<ds:DigestValue>{digest}</ds:DigestValue>\n"
        "</asic:DataObjectReference>\n</asic:ASiCManifest>"
    ).encode()


def read_manifest(data: bytes) -> dict[str, str]:
    """Return the media type of each path that ``manifest.xml`` lists, ``/`` included.

    Raises:
        XRoadError: ``asic_invalid_container``, if it is not such a manifest.
    """
    root = parse(data, code="asic_invalid_container", what=names.MANIFEST)
    space = f"{{{MANIFEST_NAMESPACE}}}"
    if root.tag != f"{space}manifest":
        raise _bad(names.MANIFEST, "its root element is another")
    listed: dict[str, str] = {}
    for element in _elements(root):
        path = element.get(f"{space}full-path")
        media_type = element.get(f"{space}media-type")
        if element.tag != f"{space}file-entry" or path is None or media_type is None:
            raise _bad(names.MANIFEST, "it has an element that lists no file")
        if path in listed:
            raise _bad(names.MANIFEST, f"it lists {path!r} twice")
        listed[path] = media_type
    return listed


def read_asic_manifest(data: bytes) -> AsicManifest:
    """Return what ``ASiCManifest.xml`` refers to.

    Raises:
        XRoadError: ``asic_invalid_container``, if it is not such a manifest;
            ``unsupported_algorithm``.
    """
    what = names.ASIC_MANIFEST
    root = parse(data, code="asic_invalid_container", what=what)
    space = next((s for s in ASIC_NAMESPACES if root.tag == f"{{{s}}}ASiCManifest"), "")
    elements = _elements(root)
    if not space or not elements or elements[0].tag != f"{{{space}}}SigReference":
        raise _bad(what, "it has no SigReference")
    if any(e.tag != f"{{{space}}}DataObjectReference" for e in elements[1:]):
        raise _bad(what, "it has unexpected elements")
    references = tuple(_data_reference(element) for element in elements[1:])
    return AsicManifest(elements[0].get("URI", ""), references)


def _data_reference(element: etree._Element) -> DataReference:
    method = element.find(f"{{{_DS}}}DigestMethod")
    value = element.findtext(f"{{{_DS}}}DigestValue")
    if method is None or value is None:
        raise _bad(names.ASIC_MANIFEST, "a DataObjectReference has no digest")
    try:
        digest = base64.b64decode(b"".join(value.encode().split()), validate=True)
    except (binascii.Error, ValueError):
        raise _bad(names.ASIC_MANIFEST, "a digest is not base64") from None
    algorithm = digest_by_uri(method.get("Algorithm", ""))
    return DataReference(element.get("URI", ""), digest, algorithm)


def _elements(root: etree._Element) -> list[etree._Element]:
    return [child for child in root if isinstance(child.tag, str)]


def _bad(what: str, why: str) -> XRoadError:
    return XRoadError("asic_invalid_container", f"{what} is not valid: {why}")
