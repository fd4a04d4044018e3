"""Area signed-directory: directories that real central servers have signed."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kerege.exchange.configuration import (
    Answer,
    ConfigurationClient,
    ConfigurationSettings,
)
from kerege.exchange.configuration.fetcher import HttpFetcher
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import Anchor, SharedParameters
from kerege.xroad.globalconf.parts import verify_part
from kerege.xroad.globalconf.signed_directory import SignedDirectory
from tests.exchange.configuration.servers import LoopbackServer, serving
from tests.vectors import Row, needs_vectors, rows, xroad_path

pytestmark = needs_vectors

ROTATIONS = [row for row in rows("signed-directory") if "key rotation" in str(row.id)]
DIRECTORIES = [row for row in rows("signed-directory") if row not in ROTATIONS]
NOW = datetime(2026, 11, 24, tzinfo=UTC)
ANCHOR = "signed-directories/trusted-anchor/configuration_anchor_CS_internal.xml"


def anchor_certificates() -> list[bytes]:
    anchor = Anchor.from_xml(xroad_path(ANCHOR).read_bytes())
    return [c for source in anchor.sources for c in source.verification_certificates]


def shared_certificates(row: Row, version: int) -> list[bytes]:
    shared = SharedParameters.from_xml(row.read(1), version=version)
    kind = row.case.rpartition(" ")[2].removesuffix("conf")
    return [
        certificate
        for source in shared.sources
        for certificate in getattr(source, f"{kind}_verification_certificates")
    ]


def certificates_of(row: Row, version: int) -> list[bytes]:
    by_anchor = ANCHOR in row.inputs
    return anchor_certificates() if by_anchor else shared_certificates(row, version)


@pytest.mark.parametrize("row", DIRECTORIES)
def test_a_real_directory_verifies(row: Row) -> None:
    version = int(row.setup.split(";")[0].removeprefix("version "))
    instance = "CS" if version == 3 else "DEV"

    def read(certificates: list[bytes]) -> SignedDirectory:
        return SignedDirectory.from_bytes(
            row.read(0),
            instance=instance,
            verification_certificates=certificates,
            at=NOW,
        )

    directory = read(certificates_of(row, version))
    assert directory.version == version
    assert f"{directory.expires:%Y-%m-%dT%H:%M:%SZ}" in row.setup
    assert len(directory.items) == (2 if row.case.endswith("internalconf") else 1)
    if "the anchor alone does NOT verify it" in row.notes:
        with pytest.raises(XRoadError) as refused:
            read(anchor_certificates())
        assert refused.value.code == "global_conf_missing_verification_cert"
    codes = []
    for item in directory.items:
        index = next(i for i, n in enumerate(row.inputs) if n.endswith(item.file_name))
        assert row.inputs[index].endswith(item.content_location)
        try:
            verify_part(item, row.read(index), version)
        except XRoadError as refused_part:
            codes.append(refused_part.code)
    assert codes == ([row.error_code] if row.expected == "fail" else [])


class NetworkOfTheSystemTest(HttpFetcher):
    """Knows the host ``cs``, which has no https."""

    def __init__(self, server: LoopbackServer) -> None:
        super().__init__()
        self.server = server

    async def get(self, url: str, *, limit: int) -> Answer:
        if not url.startswith("http://cs/"):
            raise XRoadError("global_conf_download_url_connection_failure", url)
        return await super().get(
            f"{self.server.url}/{url.removeprefix('http://cs/')}", limit=limit
        )


def tree(kind: str) -> dict[str, bytes | int]:
    """Serve what a central server serves: the directory and its files."""
    root = xroad_path(f"signed-directories/{kind}")
    files: dict[str, bytes | int] = {
        f"/{path.relative_to(root)}": path.read_bytes()
        for path in (root / "V6").rglob("*.xml")
    }
    files["/internalconf?version=6"] = (root / "V6" / "internalconf").read_bytes()
    return files


@pytest.mark.parametrize("row", ROTATIONS)
async def test_a_new_key_is_known_from_the_last_good_parameters(
    row: Row, tmp_path: Path
) -> None:
    first, second = re.findall(r"03:\d\d:\d\dZ", row.notes)
    anchor = Anchor.from_xml(row.read(3))
    async with serving(tree("public")) as server:
        client = ConfigurationClient(
            anchor,
            ConfigurationSettings(tmp_path),
            fetcher=NetworkOfTheSystemTest(server),
            clock=lambda: NOW,
        )
        await client.update()
        assert f"{client.current().expires:%H:%M:%SZ}" == first
        server.answers = tree("rotated-keys")
        await client.update()
        assert f"{client.current().expires:%H:%M:%SZ}" == second
        await client.aclose()
