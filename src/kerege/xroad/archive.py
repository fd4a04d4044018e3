"""Message log archives: ZIP files of containers, linked by a hash chain.

Rules (`LogArchiveWriter.java`, `LogArchiveCache.java`, `LinkingInfoBuilder.java`,
`ArchiveHashChainVerifier.java`):

* Containers come first, in the order of the chain; ``linkinginfo`` is the last entry.
  Entries are not compressed: containers are ZIP files already.
* ``linkinginfo`` is ASCII with LF line ends. First line: digest and file name of the
  archive before (``-`` if there is none), and the digest's name. Then one line for each
  container: its step of the chain, and its name.
* A step is ``hex(H(previous || hex(H(container))))`` over the text, where ``previous``
  is the step before; for the first container the last step of the archive before, or
  nothing.
* A new archive starts when the containers together exceed 32 MiB, and when the group
  changes. Each group has a chain of its own.

What this proves: no container was changed, removed, added or moved since the archive
was written, if one later digest is known from elsewhere.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

from kerege.xroad.algorithms import SHA512, Digest, digest_by_name
from kerege.xroad.asic.zipreader import ZipFile, ZipLimits, ZipMember
from kerege.xroad.asic.zipwriter import (
    MAX_ZIP_BYTES,
    MAX_ZIP_ENTRIES,
    STORED_LEVEL,
    ZipStream,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId

LINKING_INFO = "linkinginfo"
MAX_ARCHIVE_BYTES = 32 * 1024 * 1024
"""Sum of the containers above which the next archive starts, by default."""
LARGEST_ARCHIVE_BYTES = 1024**3
"""The same at most, so that one more container still fits into the ZIP format."""
MAX_CONTAINERS = MAX_ZIP_ENTRIES - 1
"""What fits into a ZIP file beside ``linkinginfo``."""
MAX_GROUP_CHARACTERS = 200
"""Of the group's name in the file name."""
DIGEST_IN_NAME = 16
"""Characters of the last digest in the file name."""
MAX_LINKING_INFO_BYTES = 32 * 1024 * 1024
"""The most containers, each with a SHA-512 in hex and a name of 255 characters."""
ARCHIVE_LIMITS = ZipLimits(
    entries=MAX_ZIP_ENTRIES, entry_bytes=MAX_ZIP_BYTES, total_bytes=MAX_ZIP_BYTES
)
"""An archive is 32 MiB and one container; bodies may have been large."""

_UNSAFE = re.compile(r"[\\<>/:|*?\x00-\x1f\x7f-\x9f]")
_NONE = "-"
_MALFORMED = "malformed_hash_chain"


@dataclass(frozen=True, slots=True)
class ArchiveLink:
    """What the next archive says about the one before it."""

    digest: str
    """Last step of its chain, hex; empty if there is no archive before."""
    file_name: str
    """Its file name; empty if there is none."""


NO_ARCHIVE = ArchiveLink("", "")
"""What the first archive of a chain is linked to."""


@dataclass(frozen=True, slots=True)
class LinkedContainer:
    """A line of ``linkinginfo``."""

    digest: str
    """The chain's step, hex."""
    name: str
    """The container's entry name."""


@dataclass(frozen=True, slots=True)
class LinkingInfo:
    """The chain of one archive."""

    previous: ArchiveLink
    algorithm: Digest
    containers: tuple[LinkedContainer, ...]

    @property
    def last_digest(self) -> str:
        """The step that the next archive starts from."""
        return self.containers[-1].digest if self.containers else self.previous.digest

    def to_bytes(self) -> bytes:
        """Return the file."""
        previous = self.previous
        first = (
            f"{previous.digest or _NONE} {previous.file_name or _NONE} "
            f"{self.algorithm.name}\n"
        )
        lines = (f"{entry.digest} {entry.name}\n" for entry in self.containers)
        return (first + "".join(lines)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "LinkingInfo":
        """Read the file.

        Raises:
            XRoadError: ``malformed_hash_chain``; ``unsupported_algorithm``.
        """
        try:
            first, *lines = data.decode().removesuffix("\n").split("\n")
        except UnicodeDecodeError:
            raise _malformed("it is not UTF-8 text") from None
        # Group names may have blanks, and so may the archive's name between the two.
        digest, _, rest = first.rstrip("\r").partition(" ")
        name, _, algorithm = rest.rpartition(" ")
        if not digest or not name:
            raise _malformed("its first line does not have three fields")
        previous = ArchiveLink(
            "" if digest == _NONE else digest, "" if name == _NONE else name
        )
        containers = tuple(_linked(line.rstrip("\r")) for line in lines)
        if len({container.name for container in containers}) != len(containers):
            raise _malformed("it names a container twice")
        return cls(previous, digest_by_name(algorithm), containers)


def chain_step(algorithm: Digest, previous: str, container_digest: bytes) -> str:
    """Return the chain's step for a container's digest. ``previous`` is hex or empty."""
    return algorithm.of(f"{previous}{container_digest.hex()}".encode()).hex()


def archive_name(
    first: datetime,
    last: datetime,
    digest: str,
    *,
    group: ClientId | None = None,
    encrypted: bool = False,
) -> str:
    """Return an archive's file name.

    Args:
        first: Time of the earliest record, aware; written as UTC.
        last: Time of the latest record.
        digest: Last step of its chain, hex.
        group: The member or subsystem whose archive it is, if archives are grouped.
        encrypted: Whether it will be encrypted with OpenPGP.
    """
    times = "-".join(f"{t.astimezone(UTC):%Y%m%d%H%M%S}" for t in (first, last))
    prefix = ""
    if group is not None:
        prefix = _UNSAFE.sub("_", group.short + "-")[:MAX_GROUP_CHARACTERS]
    suffix = "zip.gpg" if encrypted else "zip"
    return f"mlog-{prefix}{times}-{digest[:DIGEST_IN_NAME]}.{suffix}"


class ArchiveWriter:
    """One archive in the making.

    Call `add` for each container and write what it yields, until `is_full` or until
    the group changes; then `finish`, write what it yields, and keep `link` for the
    next archive of the group. One instance makes one archive.
    """

    def __init__(
        self,
        previous: ArchiveLink = NO_ARCHIVE,
        *,
        algorithm: Digest = SHA512,
        max_bytes: int = MAX_ARCHIVE_BYTES,
    ) -> None:
        self._previous = previous
        self._algorithm = algorithm
        self._max_bytes = max_bytes
        self._stream = ZipStream(level=STORED_LEVEL)
        self._containers: list[LinkedContainer] = []
        self._step = previous.digest
        self._bytes = 0
        self._times: list[datetime] = []

    @property
    def is_empty(self) -> bool:
        """Whether there is no container yet: such an archive is not written."""
        return not self._containers

    @property
    def is_full(self) -> bool:
        """Whether the next container belongs into the next archive."""
        too_many = len(self._containers) >= MAX_CONTAINERS
        return too_many or self._bytes > min(self._max_bytes, LARGEST_ARCHIVE_BYTES)

    @property
    def info(self) -> LinkingInfo:
        """The chain so far."""
        return LinkingInfo(self._previous, self._algorithm, tuple(self._containers))

    def add(
        self, name: str, container: Iterable[bytes], time: datetime
    ) -> Iterator[bytes]:
        """Yield the bytes of one more container; exhaust it before the next call.

        Args:
            name: File name, from `container_name`.
            container: Its bytes in chunks.
            time: Time of the log record, aware.
        """
        state = self._algorithm.new()

        def hashed() -> Iterator[bytes]:
            for chunk in container:
                state.update(chunk)
                self._bytes += len(chunk)
                yield chunk

        yield from self._stream.entry(name, hashed(), time)
        self._step = chain_step(self._algorithm, self._step, state.digest())
        self._containers.append(LinkedContainer(self._step, name))
        self._times.append(time)
        self._times = [min(self._times), max(self._times)]

    def finish(self) -> Iterator[bytes]:
        """Yield ``linkinginfo`` and the end of the ZIP file."""
        info = self.info.to_bytes()
        yield from self._stream.entry(LINKING_INFO, (info,), self._times[-1])
        yield from self._stream.end()

    def link(
        self, *, group: ClientId | None = None, encrypted: bool = False
    ) -> ArchiveLink:
        """Return this archive's file name and last digest."""
        first, last = self._times[0], self._times[-1]
        name = archive_name(first, last, self._step, group=group, encrypted=encrypted)
        return ArchiveLink(self._step, name)


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive whose structure is sound; `verify_archive` checks the chain."""

    info: LinkingInfo
    archive: ZipFile
    members: tuple[ZipMember, ...]
    """The containers, in the order of the file."""

    def chunks(self, member: ZipMember) -> Iterator[bytes]:
        """Yield a container's bytes, while the archive's file is open."""
        return self.archive.chunks(member)


def read_archive(
    source: bytes | IO[bytes], *, limits: ZipLimits = ARCHIVE_LIMITS
) -> Archive:
    """Read an archive's directory and ``linkinginfo``.

    Raises:
        XRoadError: ``asic_invalid_container``, if the ZIP file breaks a rule;
            ``malformed_hash_chain``; ``unsupported_algorithm``.
    """
    archive = ZipFile(source, limits, "asic_invalid_container")
    found = {member.name: member for member in archive.members}
    member = found.get(LINKING_INFO)
    if member is None:
        raise XRoadError(_MALFORMED, f"The archive has no {LINKING_INFO}")
    if member.size > MAX_LINKING_INFO_BYTES:
        raise _malformed("it is too large")
    info = LinkingInfo.from_bytes(archive.read(member))
    members = tuple(m for m in archive.members if m is not member)
    return Archive(info, archive, members)


def verify_archive(archive: Archive, *, previous: str | None) -> str:
    """Check the chain of an archive and return its last digest.

    Args:
        archive: From `read_archive`.
        previous: Last digest of the archive before; empty if this is the first one;
            None if it is not known, and so not compared.

    Raises:
        XRoadError: ``invalid_reference``, if it is linked to another archive;
            ``invalid_hash_chain_ref``, if the containers are not the ones it names;
            ``invalid_hash_chain``, if a container was changed.
    """
    info = archive.info
    if previous is not None and previous.lower() != info.previous.digest.lower():
        raise XRoadError(
            "invalid_reference",
            f"The archive follows {info.previous.digest or 'none'}, "
            f"not {previous or 'none'}",
            advice="Give the last digest of the archive before, or --first.",
        )
    _verify_names(info, [member.name for member in archive.members])
    step = info.previous.digest
    for member, linked in zip(archive.members, info.containers, strict=True):
        state = info.algorithm.new()
        for chunk in archive.chunks(member):
            state.update(chunk)
        step = chain_step(info.algorithm, step, state.digest())
        if step != linked.digest.lower():
            raise XRoadError(
                "invalid_hash_chain",
                f"Container {member.name} or its digest in {LINKING_INFO} was changed",
            )
    return step


def _verify_names(info: LinkingInfo, stored: Sequence[str]) -> None:
    named = [container.name for container in info.containers]
    all_stored, all_named = set(stored), set(named)
    missing = [name for name in named if name not in all_stored]
    added = [name for name in stored if name not in all_named]
    if missing:
        why = f"{LINKING_INFO} names {missing[0]}, which is not in the archive"
    elif added:
        why = f"the archive has {added[0]}, which {LINKING_INFO} does not name"
    elif not named:
        why = "the archive has no containers"
    elif list(stored) != named:
        why = f"the containers are not in the order of {LINKING_INFO}"
    else:
        return
    raise XRoadError("invalid_hash_chain_ref", f"The archive is not complete: {why}")


def _linked(line: str) -> LinkedContainer:
    digest, _, name = line.partition(" ")
    if not digest or not name or " " in name:
        raise _malformed("a line does not have two fields")
    return LinkedContainer(digest, name)


def _malformed(why: str) -> XRoadError:
    return XRoadError(_MALFORMED, f"{LINKING_INFO} is not valid: {why}")
