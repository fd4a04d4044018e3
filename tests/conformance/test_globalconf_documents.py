"""Areas gconf-anchor, gconf-certhash, gconf-extension and gconf-marshal."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from lxml import etree

from kerege.xroad import xml
from kerege.xroad.algorithms import SHA1, SHA256, SHA512
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import Anchor, SharedParameters
from kerege.xroad.globalconf.extensions import (
    read_fetch_interval,
    read_monitoring_client,
    read_verify_next_update,
)
from kerege.xroad.globalconf.values import CertHash, ConfigurationSource
from kerege.xroad.identifiers import ClientId
from tests.vectors import Row, needs_vectors, rows, xroad_path

pytestmark = needs_vectors


@pytest.mark.parametrize("row", rows("gconf-anchor"))
def test_an_anchor_is_read_and_compared(row: Row) -> None:
    anchor = Anchor.from_xml(row.read(0))
    assert Anchor.from_xml(anchor.to_xml()) == anchor
    assert anchor == Anchor.from_xml(row.read(0))
    if row.case == "readAnchor":
        assert anchor.instance == "EE"
        assert len(anchor.sources) == 3
        first = anchor.sources[0]
        assert first.download_url == "http://www.bar.com/conf"
        hashes = {
            base64.b64encode(hashlib.sha1(c, usedforsecurity=False).digest()).decode()
            for c in first.verification_certificates
        }
        assert hashes == {
            "t7+jfR1wnsN1EBtBpCt/q8JIasg=",
            "4HCV0OGOaz4mJauIZvrt7A3RdfM=",
        }
    elif row.case == "equalsAnchor":
        assert anchor != Anchor.from_xml(row.read(1))
    else:
        assert Anchor.from_xml(row.read(1)).instance


@pytest.mark.parametrize("row", rows("gconf-certhash"))
def test_a_certificate_gives_every_hash_and_a_hash_only_itself(row: Row) -> None:
    certificate = CertHash.of_certificate(b"\x01\x02\x03")
    sha1 = base64.b64encode(certificate.by(SHA1)).decode()
    sha256 = base64.b64encode(certificate.by(SHA256)).decode()
    assert f"SHA-1 {sha1} ; SHA-256 {sha256} ;" in row.notes
    known = CertHash(SHA256, certificate.by(SHA256))
    assert known.by(SHA256) == certificate.by(SHA256)
    for other in (SHA1, SHA512):
        with pytest.raises(XRoadError) as refused:
            known.by(other)
        assert refused.value.code == "internal_error"


READERS: dict[str, tuple[Callable[[bytes], Any], Any]] = {
    "fetchinterval": (read_fetch_interval, 500),
    "nextupdate": (read_verify_next_update, False),
    "monitoring": (read_monitoring_client, ClientId("fdev", "GOV", "66655666")),
}


def extension_schema(name: str) -> etree.XMLSchema:
    """Load a schema; the one for monitoring looks for its import in its own folder."""
    text = xroad_path(name).read_bytes()
    text = text.replace(b'"identifiers.xsd"', b'"../identifiers.xsd"')
    base_url = xroad_path(name).as_uri()
    return etree.XMLSchema(etree.fromstring(text, base_url=base_url))


@pytest.mark.parametrize("row", rows("gconf-extension"))
def test_an_extension_part_is_read_as_its_schema_allows(row: Row) -> None:
    name, kind = row.case.split()
    read, expected = READERS[name]
    document = xml.parse(row.read(0), code="x", what="x")
    schema = extension_schema(row.inputs[1])
    assert schema.validate(document) == (row.expected == "pass")
    if row.expected == "fail":
        with pytest.raises(XRoadError) as refused:
            read(row.read(0))
        assert refused.value.code == "malformed_global_conf"
    elif kind == "empty":
        assert read(row.read(0)) is None
    else:
        assert read(row.read(0)) == expected


@pytest.mark.parametrize("row", rows("gconf-marshal"))
def test_minimal_shared_parameters_are_written_as_the_schema_wants(row: Row) -> None:
    version = int(row.case[-1])
    sources = (ConfigurationSource("cs"),) if version > 2 else ()
    minimal = SharedParameters(version, "CS", 60, sources)
    schema = etree.XMLSchema(etree.parse(xroad_path(row.inputs[0])))
    document = minimal.to_xml()
    schema.assertValid(xml.parse(document, code="x", what="x"))
    assert SharedParameters.from_xml(document, version=version) == minimal

    must_refuse: list[Any] = [
        SharedParameters(version, "", 60, sources),
        SharedParameters(version, None, 60, sources),  # type: ignore[arg-type]
        SharedParameters(version, "CS", None, sources),  # type: ignore[arg-type]
    ]
    if version > 2:
        must_refuse += [
            SharedParameters(version, "CS", 60),
            SharedParameters(version, "CS", 60, (ConfigurationSource(""),)),
        ]
    for incomplete in must_refuse:
        with pytest.raises(XRoadError) as refused:
            incomplete.to_xml()
        assert refused.value.code == "malformed_global_conf"
    without_settings = xml.parse(document, code="x", what="x")
    for settings in without_settings.findall("globalSettings"):
        without_settings.remove(settings)
    with pytest.raises(XRoadError) as refused:
        SharedParameters.from_xml(etree.tostring(without_settings), version=version)
    assert refused.value.code == "malformed_global_conf"
