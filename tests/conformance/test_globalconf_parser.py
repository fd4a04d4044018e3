"""Areas gconf-parser, gconf-version, gconf-sources and gconf-federation-filter."""

import re
from datetime import UTC, datetime

import pytest

from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import Anchor, AnchorSource, SharedParameters
from kerege.xroad.globalconf.federation import FederationFilter
from kerege.xroad.globalconf.signed_directory import SignedDirectory
from kerege.xroad.globalconf.sources import (
    VersionRange,
    shared_parameter_locations,
    versioned_urls,
)
from kerege.xroad.globalconf.tree import PartMetadata
from kerege.xroad.x509 import certificate_der
from tests.conformance.stores import identity
from tests.vectors import Row, needs_vectors, rows, xroad_path

pytestmark = needs_vectors

BEFORE = datetime(2016, 1, 1, tzinfo=UTC)
EXPIRES = datetime(2026, 5, 20, 17, 42, 55, tzinfo=UTC)
AFTER = datetime(2026, 5, 20, 17, 42, 56, tzinfo=UTC)


def parse(row: Row) -> SignedDirectory:
    stores = [name for name in row.inputs if name.endswith(".p12")]
    return SignedDirectory.from_bytes(
        row.read(0),
        instance="EE",
        verification_certificates=[
            certificate_der(identity(name).certificate) for name in stores
        ],
        at=AFTER if row.case.startswith("expired") else BEFORE,
    )


@pytest.mark.parametrize("row", rows("gconf-parser"))
def test_a_directory_is_parsed(row: Row) -> None:
    if row.expected == "fail":
        with pytest.raises(XRoadError) as refused:
            parse(row)
        if row.error_code:
            assert refused.value.code == row.error_code
        return
    directory = parse(row)
    locations = [item.content_location for item in directory.items]
    assert locations == ["/private-params.xml", "/shared-params.xml", "/foo.xml"]
    assert directory.version is None
    assert directory.expires == EXPIRES


ANSWERS = {
    "enforcedVersion": ("http://host", VersionRange(fixed=8), {}, 8, 0),
    "presetVersionPrevailsWhenVersionNotEnforced": (
        "http://host?version=1",
        VersionRange(2, 5),
        {},
        1,
        0,
    ),
    "enforcedVersionPrevailsPresetVersion": (
        "http://host?version=1",
        VersionRange(fixed=8),
        {},
        8,
        0,
    ),
    "chooseFirstAvailableVersion": ("http://host", VersionRange(2, 5), {5: 200}, 5, 1),
    "fallbackToPreviousVersion": (
        "http://host",
        VersionRange(2, 5),
        {5: 404, 4: 404, 3: 200},
        3,
        3,
    ),
    "fallbackToDefaultVersion": (
        "http://host",
        VersionRange(2, 5),
        {5: 404, 4: 404, 3: 404},
        2,
        3,
    ),
}


@pytest.mark.parametrize("row", rows("gconf-version"))
def test_the_newest_version_that_is_there_is_taken(row: Row) -> None:
    url, versions, statuses, expected, expected_probes = ANSWERS[row.case]
    urls = versioned_urls(url, versions)
    probes = 0
    chosen = urls[-1]
    for candidate in urls[:-1]:
        probes += 1
        version = int(candidate.rpartition("=")[2])
        if statuses[version] != 404:
            chosen = candidate
            break
    assert chosen == f"http://host?version={expected}"
    assert probes == expected_probes
    assert f"version={expected}" in row.notes or "unchanged" in row.notes


@pytest.mark.parametrize("row", rows("gconf-sources"))
def test_shared_parameters_name_all_nodes(row: Row) -> None:
    url = row.setup.removeprefix("anchor URL ")
    anchor = Anchor("EE", (AnchorSource(url, (b"certificate",)),))
    locations = shared_parameter_locations(anchor, shared_of(row))
    urls = [location.url for location in locations]
    counts = {len(location.verification_certificates) for location in locations}
    count = re.match(r"\d+", row.notes)
    if row.notes.startswith("0 locations"):
        assert urls == []
    elif count:
        assert len(urls) == int(count.group())
        assert all(u.startswith("https://") for u in urls[:3])
        assert all(u.startswith("http://") for u in urls[3:])
    else:
        path = url.removeprefix("http://domainAddress/")
        assert urls == [f"https://node1/{path}", f"http://node1/{path}"]
        assert counts == {2 if "2 certificates" in row.notes else 1}


def shared_of(row: Row) -> SharedParameters | None:
    if not row.inputs:
        return None
    metadata = xroad_path(row.inputs[0] + ".metadata").read_bytes()
    version = PartMetadata.from_json(metadata).version
    return SharedParameters.from_xml(row.read(0), version=version)


ALLOWED: dict[str, tuple[tuple[str, ...], str, str]] = {
    # what is set; what is allowed; what is not
    "not configured": (("none",), "", "EE"),
    "empty": ((" ",), "", "EE fi-prod"),
    "NONE": (("NONE", "nOnE"), "", "EE fi-prod xx"),
    "ALL": (("ALL", "aLl"), "EE fi-prod xx", ""),
    "ALL with names": (("fi-prod,aLL,EE,",), "EE fi-prod xx", ""),
    "NONE beats ALL": (("fi-prod,aLL,EE,nOne,",), "", "EE fi-prod xx"),
    "names": (("fi-prod,EE,",), "FI-PROd ee", "EE-TEST dev-fi"),
    "names with blanks": (
        ("fi-prOD  ,    ee , fi-test, ",),
        "FI-PROd EE fi-TEST",
        "ee-TEST dev-fi",
    ),
    "non-ASCII": (("ää-ÖÖÖ,èé-ãâ,",), "ÄÄ-ööö ÈÉ-ÃÂ", "aa-ooo"),
    "own always": (("NONE",), "fi-dev", "EE fi-prod"),
}


@pytest.mark.parametrize("row", rows("gconf-federation-filter"))
def test_only_allowed_federations_are_followed(row: Row) -> None:
    settings, allowed, refused = ALLOWED[row.case]
    own = "fi-dev" if row.case == "own always" else "aaabbbccc"
    for setting in settings:
        assert setting in row.setup or row.case == "not configured"
        federations = FederationFilter(own, setting)
        assert all(federations.allows(instance) for instance in allowed.split())
        assert not any(federations.allows(instance) for instance in refused.split())
        assert federations.allows(own)
    if row.case == "not configured":
        assert not FederationFilter(own).allows("EE")
    if row.case == "names with blanks":
        assert not FederationFilter(own, settings[0]).allows(" ")
