"""Downloading the global configuration from each source, to see that it works.

It stays in memory: writing it is the server's part.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from kerege.exchange.configuration import Answer, load_directory, read_anchor_file
from kerege.exchange.configuration.download import Downloaded, Downloader
from kerege.exchange.doctor.asking import Asker, NotAnsweredError
from kerege.exchange.doctor.background import in_daemon
from kerege.exchange.security_server.settings import Settings
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import (
    Anchor,
    GlobalConf,
    SharedParameters,
    directory_name,
    load_tree,
)
from kerege.xroad.globalconf.sources import (
    Location,
    VersionRange,
    anchor_locations,
    prefer_https,
    shared_parameter_locations,
)
from kerege.xroad.globalconf.tree import INSTANCE_IDENTIFIER_FILE, METADATA_SUFFIX


@dataclass(frozen=True, slots=True)
class Download:
    """What one source gave."""

    url: str
    configuration: GlobalConf | None
    reason: XRoadError | None
    """Why it gave none."""


class _Fetcher:
    """The way to a source that also looks at its clock; a `Fetcher`."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def get(self, url: str, *, limit: int) -> Answer:
        """Fetch. Raises ``global_conf_download_url_connection_failure``."""
        try:
            reply = await self._asker.ask(url, limit=limit)
        except NotAnsweredError as error:
            raise XRoadError(
                "global_conf_download_url_connection_failure", str(error)
            ) from error
        return Answer(reply.status, reply.body)

    async def aclose(self) -> None:
        """Do nothing: the session is the asker's."""


async def downloads(
    settings: Settings, asker: Asker, clock: Callable[[], datetime]
) -> tuple[Download, ...]:
    """Try every source that the anchor, and the configuration on disk, name.

    Raises ``anchor_file_not_found``, ``malformed_anchor``. There is none to try if
    another process downloads.
    """
    if not settings.configuration.anchor:
        return ()
    anchor = await in_daemon(
        read_anchor_file, settings.path(settings.configuration.anchor)
    )
    shared = await in_daemon(_shared_on_disk, settings, anchor)
    given = (*anchor_locations(anchor), *shared_parameter_locations(anchor, shared))
    by_host: dict[str, Location] = {}
    for location in given:
        by_host.setdefault(location.url.partition("://")[2], location)
    downloader = Downloader(_Fetcher(asker), VersionRange(), clock)
    found = await asyncio.gather(
        *(_download(downloader, location) for location in by_host.values())
    )
    return tuple(found)


def _shared_on_disk(settings: Settings, anchor: Anchor) -> SharedParameters | None:
    folder = settings.path(settings.configuration.directory)
    try:
        return load_directory(folder).shared_parameters(anchor.instance)
    except (XRoadError, OSError):
        return None


async def _download(downloader: Downloader, location: Location) -> Download:
    """Try https and http at the same time: a server tries both, one after the other."""
    variants = prefer_https([location], lambda _: None)
    tried = await asyncio.gather(
        *(downloader.download(variant, existing={}) for variant in variants),
        return_exceptions=True,
    )
    reason: XRoadError | None = None
    for result in tried:
        if isinstance(result, Downloaded):
            return _loaded(location, result)
        if not isinstance(result, XRoadError):
            raise result
        if reason is None or result.code not in _NOT_THERE:
            reason = result
        elif reason.code in _NOT_THERE:
            reason = result  # the last one is about http, as the anchor says it
    return Download(location.url, None, reason)


_NOT_THERE = frozenset(
    {"global_conf_download_url_connection_failure", "global_conf_get_version_failed"}
)


def _loaded(location: Location, downloaded: Downloaded) -> Download:
    try:
        configuration = load_tree(_files(location.instance, downloaded))
    except XRoadError as error:
        return Download(location.url, None, error)
    if location.instance not in configuration.instances:
        problem = next(iter(configuration.problems), None)
        return Download(location.url, None, problem)
    return Download(location.url, configuration, None)


def _files(instance: str, downloaded: Downloaded) -> Mapping[str, bytes]:
    """Return what a server would have on disk after this download."""
    files = {INSTANCE_IDENTIFIER_FILE: instance.encode()}
    folder = directory_name(instance)
    for item, content in downloaded.contents.items():
        name = f"{folder}/{item.file_name}"
        files[name] = content or b""
        files[name + METADATA_SUFFIX] = downloaded.directory.metadata_of(item).to_json()
    return files
