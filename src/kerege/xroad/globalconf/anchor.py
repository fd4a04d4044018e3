"""The configuration anchor: where a configuration comes from, and who signs it.

An administrator brings the anchor file in by hand, so its certificates need no path:
they are the root of trust. Private parameters carry anchors of federated instances.

Source: PR-GCONF section 2.1, ``private-parameters.xsd``, ``ConfigurationAnchor.java``.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lxml import etree

from kerege.xroad.addresses import shown
from kerege.xroad.globalconf._elements import (
    Fields,
    put,
    read_root,
    read_time,
    to_bytes,
    write_root,
)

ANCHOR_ROOT = "configurationAnchor"


@dataclass(frozen=True, slots=True)
class AnchorSource:
    """One place where the configuration can be had."""

    download_url: str
    verification_certificates: tuple[bytes, ...]
    """Certificates (DER) of the keys that may sign there."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """An anchor. Two are equal if instance and sources are, whenever generated."""

    instance: str
    sources: tuple[AnchorSource, ...]
    generated_at: datetime | None = field(default=None, compare=False)

    @classmethod
    def from_xml(cls, data: bytes) -> "Anchor":
        """Read an anchor file. Raises ``malformed_anchor``."""
        fields = read_root(
            data, ANCHOR_ROOT, code="malformed_anchor", what="Configuration anchor"
        )
        return read_anchor(fields)

    def to_xml(self) -> bytes:
        """Return the anchor file."""
        root = write_root(ANCHOR_ROOT)
        write_anchor(root, self)
        return to_bytes(root)


def read_anchor(fields: Fields) -> Anchor:
    """Read the content of an anchor element, with the fault code of its document."""
    generated_at = fields.maybe_text("generatedAt")
    instance = fields.text("instanceIdentifier")
    elements = fields.many("source")
    if not elements:
        fields.fail("an anchor needs a source")
    fields.end()
    return Anchor(
        instance,
        tuple(_read_source(fields.inside(element)) for element in elements),
        read_time(fields, generated_at) if generated_at else None,
    )


def write_anchor(parent: etree._Element, anchor: Anchor) -> None:
    """Write the content of an anchor element."""
    if anchor.generated_at:
        time = anchor.generated_at.astimezone(UTC).isoformat(timespec="milliseconds")
        put(parent, "generatedAt", time.replace("+00:00", "Z"))
    put(parent, "instanceIdentifier", anchor.instance)
    for source in anchor.sources:
        element = etree.SubElement(parent, "source")
        put(element, "downloadURL", source.download_url)
        for certificate in source.verification_certificates:
            put(element, "verificationCert", certificate)


def anchor_fingerprint(data: bytes) -> str:
    """Return the SHA-224 of an anchor file as operators read it to each other.

    >>> anchor_fingerprint(b"")[:11]
    'D1:4A:02:8C'
    """
    return hashlib.sha224(data).digest().hex(":").upper()


def _read_source(fields: Fields) -> AnchorSource:
    url = fields.text("downloadURL").strip()
    certificates = fields.all_data("verificationCert")
    if not certificates:
        fields.fail(f"source {shown(url)[:255]!r} has no verificationCert")
    fields.end()
    return AnchorSource(url, certificates)
