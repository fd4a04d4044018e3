"""The configuration client: downloads, verifies, keeps and serves the configuration.

Rules (``ConfigurationClient.java``, ``ConfigurationDownloader.java``):

* One round: the own instance from the anchor's locations, then the federated
  instances that its private parameters name and the filter allows, of those only the
  shared parameters.
* Locations are tried in turn until one gives a configuration that verifies; it comes
  first in the next round.
* Files whose hash has not changed are not fetched; their expiry date moves on.
* Everything is verified before anything is written. Files that a new configuration
  does not have are deleted, and folders of instances that are no longer wanted.
* A round that fails leaves the last good configuration in use until it expires.
* Federated instances are asked at the same time, each for a bounded time: a slow one
  must not keep us from our own configuration, nor from the others'.

Beyond the reference: a certificate that was good for one instance's directory is not
taken for another's.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ParamSpec, TypeAlias, TypeVar

import structlog

from kerege.exchange.configuration.directory import (
    delete_other_instances,
    read_instance,
    save_if_changed,
)
from kerege.exchange.configuration.download import Downloaded, Downloader, persist
from kerege.exchange.configuration.fetcher import Fetcher, FetcherSettings, HttpFetcher
from kerege.exchange.configuration.local import LocalConfiguration
from kerege.xroad.addresses import shown
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import Anchor, GlobalConf, directory_name
from kerege.xroad.globalconf.federation import FederationFilter
from kerege.xroad.globalconf.signed_directory import SHARED_PARAMETERS
from kerege.xroad.globalconf.sources import (
    Location,
    VersionRange,
    anchor_locations,
    ordered_locations,
)
from kerege.xroad.globalconf.tree import INSTANCE_IDENTIFIER_FILE, private_parameters_in

MAX_ANCHOR_BYTES = 1024 * 1024
"""A certificate per central server node; real anchors have 3 KB."""

PARTNER_SECONDS = 120.0
"""Longest time for one federated instance: some megabytes on a slow line."""
PARTNERS_SECONDS = 240.0
"""For all of them, so that however slow they are, the own instance's configuration,
which holds for ten minutes, is asked for in time."""
PARTNERS_AT_ONCE = 8
"""Each may have its configuration in memory."""

NOT_THERE = frozenset(
    {
        "global_conf_download_url_connection_failure",
        "global_conf_get_version_failed",
    }
)
"""Codes that say nothing about the configuration itself."""

FOLLOW_SECONDS = 3.0
"""How often a process that does not download looks at the disk."""

P = ParamSpec("P")
Result = TypeVar("Result")
Failure: TypeAlias = tuple[str, XRoadError]
"""A location's URL, and why it did not work."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ConfigurationSettings:
    """How a configuration client works."""

    directory: Path
    """Where the configuration is kept."""
    allowed_federations: str = "none"
    """``configuration-client.allowed-federations``."""
    update_interval_seconds: float = 60.0
    versions: VersionRange = field(default_factory=VersionRange)
    fetcher: FetcherSettings = field(default_factory=FetcherSettings)


@dataclass(frozen=True, slots=True)
class ConfigurationStatus:
    """How the last rounds went, for operators."""

    last_attempt: datetime | None = None
    last_success: datetime | None = None
    source_url: str = ""
    """Where the own configuration came from."""
    failures: tuple[Failure, ...] = ()
    """Locations of the last round that did not work, and why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One instance's configuration, and what is wanted of it."""

    anchor: Anchor
    only: Collection[str] | None = None
    """Content identifiers; None for all."""
    extra_certificates: tuple[bytes, ...] = ()
    """Certificates that vouch for the instance wherever it is found."""
    delete_others: bool = True
    """Whether its files that the directory does not have are to go."""


def read_anchor_file(path: Path) -> Anchor:
    """Read the trust anchor. Raises ``anchor_file_not_found``, ``malformed_anchor``."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_ANCHOR_BYTES + 1)
    except OSError as error:
        raise XRoadError(
            "anchor_file_not_found",
            f"Cannot download configuration, anchor file {path} cannot be read: "
            f"{error.strerror}",
            advice="Get the configuration anchor from the operator of the instance.",
        ) from error
    if len(data) > MAX_ANCHOR_BYTES:
        raise XRoadError(
            "malformed_anchor", f"{path} is larger than {MAX_ANCHOR_BYTES} bytes"
        )
    return Anchor.from_xml(data)


class ConfigurationClient:
    """Keeps the global configuration of one server up to date."""

    def __init__(
        self,
        anchor: Anchor | Path,
        settings: ConfigurationSettings,
        *,
        fetcher: Fetcher | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        shuffle: Callable[[list[Location]], object] = random.shuffle,
    ) -> None:
        """Do nothing yet.

        Args:
            anchor: The trust anchor, or its file, which is read in every round.
            settings: Where the configuration is kept, and the rules.
            fetcher: The way to the servers; by default HTTP.
            clock: Says what time it is, aware.
            shuffle: Puts a list into random order, in place.
        """
        self._anchor = anchor
        self._settings = settings
        self._fetcher = fetcher or HttpFetcher(settings.fetcher)
        self._downloader = Downloader(self._fetcher, settings.versions, clock)
        self._clock = clock
        self._shuffle = shuffle
        self._local = LocalConfiguration(settings.directory, clock=clock)
        self._last_good: dict[str, str] = {}
        self._round = asyncio.Lock()
        self.status = ConfigurationStatus()

    def current(self) -> GlobalConf:
        """Return the last good snapshot; see `LocalConfiguration.current`."""
        return self._local.current()

    def load(self) -> None:
        """Read what an earlier run has left on disk, so that a server can start.

        Raises ``malformed_global_conf`` if there is nothing.
        """
        self._local.load()

    async def update(self) -> None:
        """Do one round.

        Raises:
            XRoadError: why the own instance's configuration was not to be had from
                the last location that was tried. Federated instances that fail are in
                ``status`` only.
        """
        async with self._round:
            failures: list[Failure] = []
            self.status = replace(self.status, last_attempt=self._clock())
            try:
                await self._update_all(failures)
            finally:
                self.status = replace(self.status, failures=tuple(failures))

    async def run(self) -> None:
        """Do rounds until cancelled. Failures are logged and in ``status``."""
        try:
            while True:
                try:
                    await self.update()
                except XRoadError as error:
                    _log.warning("configuration_not_updated", reason=str(error))
                except Exception:  # noqa: BLE001 - a bug must not end the job
                    _log.exception("configuration_not_updated")
                await asyncio.sleep(self._settings.update_interval_seconds)
        finally:
            await self.aclose()

    async def run_following(self) -> None:
        """Reload what another process of this server downloads, until cancelled."""
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            try:
                if await asyncio.to_thread(lambda: self._local.has_changed):
                    await self._reload()
            except Exception:  # noqa: BLE001 - a bug must not end the job
                _log.exception("configuration_not_reloaded")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._fetcher.aclose()

    async def _update_all(self, failures: list[Failure]) -> None:
        if not self._local.is_loaded:
            await self._reload()
        try:
            anchor = await self._read_anchor()
            downloaded = await self._update_instance(Wanted(anchor), failures)
            file = self._settings.directory / INSTANCE_IDENTIFIER_FILE
            await _in_thread(save_if_changed, file, anchor.instance.encode())
            await self._reload()
            self.status = replace(
                self.status, last_success=self._clock(), source_url=downloaded.url
            )
            await self._update_federated(anchor, failures)
        finally:
            await self._reload()

    async def _update_federated(self, anchor: Anchor, failures: list[Failure]) -> None:
        wanted = await self._federated(anchor)
        keep = {anchor.instance, *(other.anchor.instance for other in wanted)}
        await _in_thread(delete_other_instances, self._settings.directory, keep)
        gate = asyncio.Semaphore(PARTNERS_AT_ONCE)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PARTNERS_SECONDS):
                await asyncio.gather(
                    *(self._update_partner(other, gate, failures) for other in wanted)
                )

    async def _update_partner(
        self, partner: Wanted, gate: asyncio.Semaphore, failures: list[Failure]
    ) -> None:
        try:
            async with gate, asyncio.timeout(PARTNER_SECONDS):
                await self._update_instance(partner, failures)
        except (XRoadError, TimeoutError) as error:
            _log.warning(
                "federated_configuration_not_updated",
                instance=partner.anchor.instance,
                reason=str(error) or "it takes too long",
            )

    async def _federated(self, anchor: Anchor) -> tuple[Wanted, ...]:
        """What the private parameters on disk name and the filter allows."""
        rules = FederationFilter(anchor.instance, self._settings.allowed_federations)
        files = await _in_thread(read_instance, self._folder(anchor.instance))
        private = private_parameters_in(files)
        return tuple(
            Wanted(
                other,
                only=(SHARED_PARAMETERS,),
                extra_certificates=_certificates(anchor)
                if other.instance == anchor.instance
                else (),
                delete_others=other.instance != anchor.instance,
            )
            for other in (private.anchors if private else ())
            if rules.allows(other.instance)
        )

    async def _update_instance(
        self, wanted: Wanted, failures: list[Failure]
    ) -> Downloaded:
        """Try the instance's locations until one gives a configuration; write it."""
        instance = wanted.anchor.instance
        folder = self._folder(instance)
        existing = await _in_thread(read_instance, folder)
        errors: list[Failure] = []
        for location in self._locations(wanted):
            try:
                downloaded = await self._downloader.download(
                    location, existing=existing, only=wanted.only
                )
            except XRoadError as error:
                errors.append((location.url, error))
                if self._last_good.get(instance) == location.url:
                    del self._last_good[instance]
            else:
                failures.extend(errors)
                await _in_thread(
                    persist, folder, downloaded, delete_others=wanted.delete_others
                )
                self._last_good[instance] = location.url
                return downloaded
        failures.extend(errors)
        raise _nowhere(instance, errors)

    def _locations(self, wanted: Wanted) -> list[Location]:
        instance = wanted.anchor.instance
        locations = ordered_locations(
            wanted.anchor,
            self._local.shared_parameters(instance),
            shuffle=self._shuffle,
            last_good=self._last_good.get(instance),
        )
        return [
            replace(
                location,
                verification_certificates=(
                    *location.verification_certificates,
                    *wanted.extra_certificates,
                ),
            )
            for location in locations
        ]

    def _folder(self, instance: str) -> Path:
        return self._settings.directory / directory_name(instance)

    async def _read_anchor(self) -> Anchor:
        if isinstance(self._anchor, Anchor):
            return self._anchor
        return await asyncio.to_thread(read_anchor_file, self._anchor)

    async def _reload(self) -> None:
        try:
            await self._local.reload()
        except XRoadError as error:
            if (self._settings.directory / INSTANCE_IDENTIFIER_FILE).exists():
                _log.warning("configuration_on_disk_not_usable", reason=str(error))
            else:  # nothing is wrong: the first start, before the first download
                _log.debug("no_configuration_on_disk")


def _certificates(anchor: Anchor) -> tuple[bytes, ...]:
    return tuple(
        certificate
        for location in anchor_locations(anchor)
        for certificate in location.verification_certificates
    )


def _nowhere(instance: str, errors: Sequence[Failure]) -> XRoadError:
    """The last error that is not about the way there, or else the last.

    The reference takes the last, whatever it is.
    """
    if not errors:
        return XRoadError(
            "global_conf_download_url_connection_failure",
            f"The anchor of instance {instance} names no location",
        )
    reasons = "; ".join(f"{shown(url)}: {error}" for url, error in errors)
    telling = [error for _, error in errors if error.code not in NOT_THERE]
    last = telling[-1] if telling else errors[-1][1]
    return XRoadError(
        last.code,
        f"Failed to download the configuration of instance {instance} from any "
        f"location: {reasons}",
        advice=last.advice,
    )


async def _in_thread(
    work: Callable[P, Result], *args: P.args, **kwargs: P.kwargs
) -> Result:
    """Do something with files; whatever the disk has against it is an XRoadError."""
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except OSError as error:
        raise XRoadError(
            "global_conf_part_file_save_failure",
            f"Cannot keep the configuration on disk: {error}",
        ) from error
