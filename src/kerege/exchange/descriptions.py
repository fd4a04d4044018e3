"""Fetching the description of a service: its WSDL or OpenAPI document.

The address is an operator's, but what stands behind it and where it leads are a
service's. So a fetch has limits:

* http and https only.
* Never to an address of one link only (169.254.0.0/16, fe80::/10), where clouds keep
  the credentials of their machines, nor to the others that clouds keep for that, nor to
  group, unspecified and reserved addresses. Every address is judged right before it is
  connected to, so a name cannot change its meaning in between. Settings may allow them.
* A redirect is followed on the same host and port only, or from http to https there:
  beside a service may be others that answer their own machine only.
* Bytes, the time as a whole, and silence are bounded.
"""

import ssl
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from kerege.exchange.fetching import (
    REDIRECTS,
    AnswerTooLong,
    Fetch,
    Fetched,
    FetchFailed,
    Patience,
    fetch,
    redirected,
)
from kerege.exchange.http import ClientLimits, ClientPool, OnUse
from kerege.xroad.addresses import shown
from kerege.xroad.faults import XRoadError
from kerege.xroad.metadata import MAX_DESCRIPTION_BYTES

MAX_REDIRECTS = 3
"""Redirects that are followed: to another path, to https, and one more."""
PATIENCE = Patience(total=30.0, connect=10.0, silence=20.0)
"""How long a description may take: a message waits for it."""
MAX_URL_CHARACTERS = 2048
"""Longest address."""

_CLOUD_METADATA = frozenset(
    map(
        ip_address,
        ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"),
    )
)
"""Where Alibaba, Azure, Oracle and Amazon keep credentials, besides link-local ones."""
_TRANSLATED = ip_network("64:ff9b::/96")
"""IPv4 addresses as NAT64 writes them (RFC 6052)."""


@dataclass(frozen=True, slots=True)
class Description:
    """A document as it was fetched."""

    content: bytes
    content_type: str
    url: str
    """Where it was found in the end."""


def may_connect(address: str) -> bool:
    """Whether a description may be fetched from an IP address."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    ip = _plain(ip)
    return not (
        ip.is_link_local
        or ip.is_multicast
        or ip.is_unspecified
        or ip in _CLOUD_METADATA
        or (ip.is_reserved and not ip.is_loopback)
        or (isinstance(ip, IPv4Address) and ip.packed[0] == 0)
    )


async def fetch_description(
    url: str,
    *,
    context: ssl.SSLContext | None = None,
    on_use: OnUse | None = None,
    anywhere: bool = False,
) -> Description:
    """Fetch a description.

    Args:
        url: Where it is; http or https.
        context: For https; by default the system's CAs are trusted.
        on_use: Judges an https server before it is asked.
        anywhere: Also from addresses that are otherwise refused.

    Raises:
        XRoadError: ``invalid_url``, or ``internal_error`` if it cannot be fetched;
            texts name no address, for they may go to callers, the advice does.
            What ``on_use`` raises.
    """
    limits = ClientLimits(may_connect=None if anywhere else may_connect)
    async with ClientPool(limits) as pool:
        for _ in range(MAX_REDIRECTS + 1):
            _require_http(url)
            wanted = Fetch(
                url,
                limit=MAX_DESCRIPTION_BYTES,
                patience=PATIENCE,
                headers=[("Accept", "*/*")],
                context=context,
                on_use=on_use,
            )
            fetched = await _fetched(pool, wanted)
            if fetched.status not in REDIRECTS or not fetched.location:
                return _description(fetched, url)
            try:
                url = redirected(url, fetched.location)
            except FetchFailed as error:
                raise _failed(str(error), url) from error
    msg = f"more than {MAX_REDIRECTS} redirects"
    raise _failed(msg, url)


async def _fetched(pool: ClientPool, wanted: Fetch) -> Fetched:
    try:
        return await fetch(pool, wanted)
    except AnswerTooLong as error:
        reason = f"it is larger than {MAX_DESCRIPTION_BYTES} bytes"
        raise _failed(reason, wanted.url) from error
    except FetchFailed as error:
        raise _failed("nothing was received", wanted.url, f" ({error})") from error


def _description(fetched: Fetched, url: str) -> Description:
    if fetched.status != 200:
        reason = f"Received HTTP error: {fetched.status} - {fetched.reason}"
        raise _failed(reason, url)
    return Description(fetched.body, fetched.content_type, url)


def _require_http(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_good = False
    if not is_good or len(url) > MAX_URL_CHARACTERS:
        raise XRoadError(
            "invalid_url",
            "The address of a description must be one of http or https",
            advice=f"Not so: {shown(url)[:255]}",
        )


def _failed(reason: str, url: str, more: str = "") -> XRoadError:
    return XRoadError(
        "internal_error",
        f"The service's description cannot be fetched: {reason}",
        advice=f"Look whether this machine can fetch {_without_secrets(url)}{more}",
    )


def _without_secrets(url: str) -> str:
    """Return an address for logs: no user, no password, no query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:255]


def _plain(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 one carries, or the address itself."""
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return ip.ipv4_mapped
        if ip.sixtofour is not None:
            return ip.sixtofour
        if ip in _TRANSLATED:
            return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip
