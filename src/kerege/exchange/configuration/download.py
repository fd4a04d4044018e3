"""Downloading one instance's configuration from one location, into memory."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urljoin

from kerege.exchange.configuration.directory import (
    delete_other_files,
    save,
    save_if_changed,
)
from kerege.exchange.configuration.fetcher import Fetcher
from kerege.xroad.addresses import shown
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf.parts import verify_part
from kerege.xroad.globalconf.signed_directory import (
    MAX_DIRECTORY_BYTES,
    DirectoryItem,
    SignedDirectory,
)
from kerege.xroad.globalconf.sources import Location, VersionRange, versioned_urls
from kerege.xroad.globalconf.tree import METADATA_SUFFIX
from kerege.xroad.xml import MAX_XML_BYTES

MAX_CONFIGURATION_BYTES = 2 * MAX_XML_BYTES
"""All parts of one instance together."""

_NOT_FOUND = 404
_OK = 200


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A verified configuration that is not on disk yet."""

    location: Location
    url: str
    """What was asked, with the version."""
    directory: SignedDirectory
    contents: Mapping[DirectoryItem, bytes | None]
    """The parts that are wanted; None for those that are on disk already."""


@dataclass(frozen=True, slots=True)
class Downloader:
    """What it takes to download from a location."""

    fetcher: Fetcher
    versions: VersionRange
    clock: Callable[[], datetime]

    async def download(
        self,
        location: Location,
        *,
        existing: Mapping[str, bytes],
        only: Collection[str] | None = None,
    ) -> Downloaded:
        """Download and verify; nothing is written.

        Args:
            location: Where, and who may have signed.
            existing: The instance's files on disk, by name.
            only: Content identifiers that are wanted; None for all.

        Raises:
            XRoadError: ``global_conf_get_version_failed``,
                ``global_conf_download_url_connection_failure``,
                ``global_conf_part_download_failure``, or what
                `SignedDirectory.from_bytes` and `verify_part` raise.
        """
        url, body = await self._directory(location)
        directory = SignedDirectory.from_bytes(
            body,
            instance=location.instance,
            verification_certificates=location.verification_certificates,
            at=self.clock(),
        )
        contents: dict[DirectoryItem, bytes | None] = {}
        left = MAX_CONFIGURATION_BYTES
        for item in directory.items:
            if only is not None and item.content_identifier not in only:
                continue
            known = existing.get(item.file_name)
            if known is not None and item.matches(known):
                contents[item] = None
                continue
            content = await self._part(url, item, min(left, MAX_XML_BYTES))
            left -= len(content)
            verify_part(item, content, directory.effective_version)
            contents[item] = content
        return Downloaded(location, url, directory, contents)

    async def _directory(self, location: Location) -> tuple[str, bytes]:
        """Ask for the newest version that is there; its answer is the directory."""
        urls = versioned_urls(location.url, self.versions)
        for url in urls[:-1]:
            try:
                answer = await self.fetcher.get(url, limit=MAX_DIRECTORY_BYTES)
            except XRoadError as error:
                raise XRoadError(
                    "global_conf_get_version_failed",
                    f"Failed to determine configuration version from {shown(location.url)}: "
                    f"{error.message}",
                ) from error
            if answer.status != _NOT_FOUND:
                _require_ok(url, answer.status)
                return url, answer.body
        url = urls[-1]
        answer = await self.fetcher.get(url, limit=MAX_DIRECTORY_BYTES)
        _require_ok(url, answer.status)
        return url, answer.body

    async def _part(self, url: str, item: DirectoryItem, limit: int) -> bytes:
        try:
            part_url = urljoin(url, item.content_location)
        except ValueError as error:
            raise _part_failure(item, item.content_location, str(error)) from None
        try:
            answer = await self.fetcher.get(part_url, limit=limit)
        except XRoadError as error:
            raise _part_failure(item, part_url, error.message) from error
        if answer.status != _OK:
            raise _part_failure(item, part_url, f"HTTP status {answer.status}")
        return answer.body


def _require_ok(url: str, status: int) -> None:
    if status != _OK:
        raise XRoadError(
            "global_conf_download_url_connection_failure",
            f"The server answers {shown(url)[:255]} with HTTP status {status}",
        )


def _part_failure(item: DirectoryItem, url: str, reason: str) -> XRoadError:
    return XRoadError(
        "global_conf_part_download_failure",
        f"Failed to download global configuration part {item.content_identifier} "
        f"from {shown(url)[:255]}: {reason}",
    )


def persist(folder: Path, downloaded: Downloaded, *, delete_others: bool) -> None:
    """Write a verified configuration to an instance's folder, in this thread.

    A new file comes after its metadata: should we be stopped in between, there would be
    a file that never expires.
    """
    keep: set[str] = set()
    for item, content in downloaded.contents.items():
        name = item.file_name
        metadata = downloaded.directory.metadata_of(item).to_json()
        if not (folder / name).exists():
            save_if_changed(folder / (name + METADATA_SUFFIX), metadata)
        if content is not None:
            save(folder / name, content)
        save_if_changed(folder / (name + METADATA_SUFFIX), metadata)
        keep |= {name, name + METADATA_SUFFIX}
    if delete_others:
        delete_other_files(folder, keep)
