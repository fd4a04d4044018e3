"""Chains of archives: which archive follows which, and what is missing between them.

Rules (X-Road 7.8 source, `LogArchiveWriter.java`, `ArchiveHashChainVerifier.java`):

* An archive names the last digest of the one before it; the first one of a group names
  none. So the order is in the archives, whatever their files are called.
* Each group has a chain of its own, with its first archive.

What a folder of archives can show: that one was changed (its own digests), that one
between two others is missing, that two follow the same one, that one is there twice.
What it cannot show by itself is that the last ones are missing: for that the last
digest must be known from elsewhere.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from kerege.xroad.archive import ArchiveLink


@dataclass(frozen=True, slots=True)
class NamedArchive:
    """What of an archive says where it stands in its chain."""

    name: str
    """Of its file."""
    previous: ArchiveLink
    last_digest: str


class Beginning(Enum):
    """How a chain begins."""

    FIRST = "first"
    """Its first archive follows none."""
    KNOWN = "known"
    """It follows one whose digest was told."""
    MISSING = "missing"
    """It follows one that is not there."""
    FORK = "fork"
    """It follows one that another archive follows too."""
    COPY = "copy"
    """It has the digests of another one."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Archives, each of which follows the one before it."""

    beginning: Beginning
    archives: tuple[NamedArchive, ...]
    other: str = ""
    """FORK and COPY: the name of the other archive."""

    @property
    def last_digest(self) -> str:
        """What the next archive would follow."""
        return self.archives[-1].last_digest


def chains_of(
    archives: Sequence[NamedArchive], known: Sequence[str] = ()
) -> list[Chain]:
    """Sort archives into their chains.

    Args:
        archives: In any order.
        known: Last digests of archives that are kept elsewhere, and may be followed.

    Returns:
        Every archive is in one chain. Chains that begin at a first archive come first.
    """
    by_digest: dict[str, NamedArchive] = {}
    copies: list[Chain] = []
    for archive in sorted(archives, key=lambda one: one.name):
        twin = by_digest.setdefault(archive.last_digest.lower(), archive)
        if twin is not archive:
            copies.append(Chain(Beginning.COPY, (archive,), twin.name))
    followers: dict[str, list[NamedArchive]] = defaultdict(list)
    for archive in by_digest.values():
        followers[archive.previous.digest.lower()].append(archive)
    told = {digest.lower() for digest in known}
    chains: list[Chain] = []
    for digest, following in followers.items():
        for place, archive in enumerate(following):
            beginning = _beginning(digest, place, told, by_digest)
            if beginning is not None:
                other = following[0].name if beginning is Beginning.FORK else ""
                chain = _from(archive, followers, len(by_digest))
                chains.append(Chain(beginning, chain, other))
    chains.sort(key=lambda chain: list(Beginning).index(chain.beginning))
    return chains + _circles(chains, by_digest) + copies


def _beginning(
    digest: str, place: int, told: set[str], by_digest: dict[str, NamedArchive]
) -> Beginning | None:
    """Return how a chain begins with an archive; None if it is inside one."""
    if not digest:
        return Beginning.FIRST  # of its group; every group has one
    if place:
        return Beginning.FORK
    if digest in by_digest:
        return None
    return Beginning.KNOWN if digest in told else Beginning.MISSING


def _from(
    first: NamedArchive, followers: dict[str, list[NamedArchive]], most: int
) -> tuple[NamedArchive, ...]:
    chain = [first]
    while len(chain) <= most:
        following = followers.get(chain[-1].last_digest.lower())
        if not following:
            break
        chain.append(following[0])
    return tuple(chain)


def _circles(chains: list[Chain], by_digest: dict[str, NamedArchive]) -> list[Chain]:
    """Return archives that only follow each other, which no digest can really do."""
    placed = {archive.name for chain in chains for archive in chain.archives}
    left = [one for one in by_digest.values() if one.name not in placed]
    return [Chain(Beginning.MISSING, (one,)) for one in left]
