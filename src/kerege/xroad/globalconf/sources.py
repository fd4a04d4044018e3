"""Where a configuration is asked for, in which order, and in which version.

Rules (``SharedParametersConfigurationLocations.java``,
``ConfigurationDownloadUtils.java``, ``LocationVersionResolver.java``):

* The last good shared parameters name all central server nodes (V3); they come before
  the anchor's own sources, so that nodes and keys can change without a new anchor.
* A node has the path of the anchor's first source. A path that is ``internalconf`` or
  ``externalconf`` takes the certificates for it, any other (a configuration proxy)
  takes both kinds.
* An http source is tried by https first. Inside each group the order is random.
* The location that worked last is asked first. A URL that both the shared parameters
  and the anchor name is asked once, and the certificates of both are good for it.
* Versions are asked from the newest down; only 404 means "not there". The oldest is
  used without asking. A version that is already in the URL is kept, unless one is set.

Unlike the reference, https sources of an anchor are used, too.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from kerege.xroad.addresses import shown
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf.anchor import Anchor
from kerege.xroad.globalconf.shared_parameters import SharedParameters
from kerege.xroad.globalconf.values import (
    CURRENT_VERSION,
    MINIMUM_VERSION,
    ConfigurationSource,
)

INTERNAL = "internalconf"
EXTERNAL = "externalconf"

_ANCHOR_URL = re.compile(r"https?://[^/]*/")
_HTTP = "http://"
_HTTPS = "https://"


@dataclass(frozen=True, slots=True)
class Location:
    """A URL of a signed directory, and the certificates that may have signed it."""

    instance: str
    url: str
    verification_certificates: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class VersionRange:
    """Which versions are asked for. One that is fixed beats one in the URL."""

    minimum: int = MINIMUM_VERSION
    maximum: int = CURRENT_VERSION
    fixed: int | None = None


def anchor_locations(anchor: Anchor) -> tuple[Location, ...]:
    """Return the locations that the anchor names."""
    return tuple(
        Location(anchor.instance, source.download_url, source.verification_certificates)
        for source in anchor.sources
    )


def shared_parameter_locations(
    anchor: Anchor, shared: SharedParameters | None
) -> tuple[Location, ...]:
    """Return the central server nodes of the shared parameters, https ones first.

    There are none before the first download, in V2, and if the anchor's URL has no
    path to go by.
    """
    path = _path_of(anchor)
    if path is None or shared is None:
        return ()
    secure = [
        Location(
            anchor.instance,
            f"{_HTTPS}{source.address}/{path}",
            _certificates(path, source),
        )
        for source in shared.sources
    ]
    return (*secure, *(replace(s, url=_to_http(s.url)) for s in secure))


def prefer_https(
    locations: Iterable[Location], shuffle: Callable[[list[Location]], object]
) -> list[Location]:
    """Return every http location by https as well, https ones first.

    ``shuffle`` puts a list into random order, in place.
    """
    given = list(locations)
    secure = [
        replace(location, url=_to_https(location.url))
        for location in given
        if location.url.startswith((_HTTP, _HTTPS))
    ]
    plain = [location for location in given if not location.url.startswith(_HTTPS)]
    secure = list(dict.fromkeys(secure))
    plain = list(dict.fromkeys(plain))
    shuffle(secure)
    shuffle(plain)
    return secure + plain


def ordered_locations(
    anchor: Anchor,
    shared: SharedParameters | None,
    *,
    shuffle: Callable[[list[Location]], object],
    last_good: str | None = None,
) -> list[Location]:
    """Return where to look, the best place first.

    Args:
        anchor: The trust anchor of the instance.
        shared: The last good shared parameters of the same instance.
        shuffle: Puts a list into random order, in place.
        last_good: URL of the location that worked last; it comes first.
    """
    certificates: dict[str, dict[bytes, None]] = {}
    for location in (
        *prefer_https(shared_parameter_locations(anchor, shared), shuffle),
        *prefer_https(anchor_locations(anchor), shuffle),
    ):
        known = certificates.setdefault(location.url, {})
        known |= dict.fromkeys(location.verification_certificates)
    locations = [
        Location(anchor.instance, url, tuple(known))
        for url, known in certificates.items()
    ]
    return sorted(locations, key=lambda location: location.url != last_good)


def versioned_urls(url: str, versions: VersionRange) -> tuple[str, ...]:
    """Return the URLs to ask in turn; after any answer but 404 no other is asked.

    Raises ``global_conf_get_version_failed`` for what is not a URL.
    """
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError as error:
        raise XRoadError(
            "global_conf_get_version_failed",
            f"Cannot determine a configuration version from {shown(url)[:255]!r}: {error}",
        ) from None
    others = [(name, value) for name, value in query if name != "version"]
    if versions.fixed is None and len(others) < len(query):
        return (url,)
    asked = (
        range(versions.maximum, versions.minimum - 1, -1)
        if versions.fixed is None
        else (versions.fixed,)
    )
    return tuple(
        urlunsplit(parts._replace(query=urlencode([*others, ("version", version)])))
        for version in asked
    )


def _path_of(anchor: Anchor) -> str | None:
    """The path of the first source: an http one, else an https one."""
    urls = [source.download_url for source in anchor.sources]
    for url in (*(u for u in urls if u.startswith(_HTTP)), *urls):
        found = _ANCHOR_URL.match(url)
        if found:
            return url[found.end() :]
        if url.startswith(_HTTP):
            return None
    return None


def _certificates(path: str, source: ConfigurationSource) -> tuple[bytes, ...]:
    if path == INTERNAL:
        return source.internal_verification_certificates
    if path == EXTERNAL:
        return source.external_verification_certificates
    return (
        source.internal_verification_certificates
        + source.external_verification_certificates
    )


def _to_https(url: str) -> str:
    return _HTTPS + url[len(_HTTP) :] if url.startswith(_HTTP) else url


def _to_http(url: str) -> str:
    return _HTTP + url.removeprefix(_HTTPS)
