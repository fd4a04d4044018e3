"""Disk: space, the speed at which it goes, who may write, who may read."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path

from kerege.exchange.doctor.background import in_daemon
from kerege.exchange.doctor.checks import Check
from kerege.exchange.doctor.examination import Examination
from kerege.exchange.doctor.findings import Code, Finding, Severity, good
from kerege.exchange.doctor.log_state import log_state
from kerege.exchange.doctor.words import listed, size
from kerege.exchange.security_server.settings import Settings
from kerege.exchange.storage.read_only import sqlite_file
from kerege.xroad.faults import XRoadError

MIB = 1024 * 1024
FULL_BYTES = 256 * MIB
"""Below this a busy hour fills the disk."""
LOW_BYTES = 2048 * MIB
"""Below this a busy night may."""
LOW_FILES_SHARE = 0.02
"""Of the files that a file system can have."""
DAYS_WARNED = 14
"""How long before the disk is full somebody is told."""
LEAST_HISTORY = timedelta(days=2)
"""A log younger than this says nothing about its growth."""
ARCHIVES_SEEN = timedelta(days=7)
"""A week has its working days and its others."""
MAX_ARCHIVES = 100_000
"""Files looked at: one of 32 MiB each quarter of an hour for three years."""

FULL = Code(
    "D-DISK-FULL",
    Severity.ERROR,
    f"A disk has less than {FULL_BYTES // MIB} MiB left.",
    "When it is full nothing can be logged, and so no message passes.",
    "Make room: move archives away, lower `keep_records_days`, or give the disk more "
    "space. See docs/how-to/keep-the-message-log.md",
)
LOW = Code(
    "D-DISK-LOW",
    Severity.WARNING,
    f"A disk has less than {LOW_BYTES // MIB // 1024} GiB left, or hardly any room for "
    "more files.",
    "When it is full nothing can be logged, and so no message passes.",
    "Make room before it is: move archives away, lower `keep_records_days`, or give the "
    "disk more space. See docs/how-to/keep-the-message-log.md",
)
SOON = Code(
    "D-DISK-SOON",
    Severity.WARNING,
    f"At the speed at which the message log grows, a disk is full within {DAYS_WARNED} "
    "days.",
    "When it is full nothing can be logged, and so no message passes.",
    "Move archives away, lower `keep_records_days`, or give the disk more space. See "
    "docs/how-to/keep-the-message-log.md",
)
READ_ONLY = Code(
    "D-DISK-READ-ONLY",
    Severity.ERROR,
    "A folder or file that the server writes cannot be written.",
    "Messages are refused, and the server does not start again.",
    "A disk that is read-only by itself has an error: look at `dmesg`. Else correct the "
    "owner and the rights of what is named.",
)
OPEN = Code(
    "D-FILE-OPEN",
    Severity.WARNING,
    "Others on this machine may read a file that holds keys, a password or messages.",
    "Whoever has an account here may read personal data, or answer in this server's "
    "place.",
    "`chmod o-rwx,g-rwx` it, and find out who has read it.",
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Something that lies on a disk."""

    what: str
    path: Path

    @property
    def name(self) -> str:
        return f"{self.what} {self.path}"

    @property
    def existing(self) -> Path:
        """The path, or the nearest folder above it that is there already."""
        path = self.path
        while not path.exists() and path != path.parent:
            path = path.parent
        return path


async def look_at_space(examination: Examination) -> Iterable[Finding]:
    """See how much space there is, and how long it lasts."""
    return await in_daemon(lambda: list(_space(examination)))


async def look_at_rights(examination: Examination) -> Iterable[Finding]:
    """See what can be written, and what others may read."""
    return await in_daemon(lambda: list(_rights(examination)))


def _places(settings: Settings) -> list[_Place]:
    places = [
        _Place("spool", settings.path(settings.spool)),
        _Place("archive", settings.path(settings.message_log.archive_directory)),
        _Place("OCSP responses", settings.path("ocsp")),
    ]
    if settings.configuration.anchor:
        folder = settings.path(settings.configuration.directory)
        places.append(_Place("global configuration", folder))
    file = _database_file(settings)
    if file is not None:
        places.append(_Place("database", file))
    return places


def _database_file(settings: Settings) -> Path | None:
    try:
        return sqlite_file(settings.database_url)
    except XRoadError:
        return None


def _space(examination: Examination) -> Iterator[Finding]:
    by_disk: dict[int, list[_Place]] = {}
    for place in _places(examination.settings):
        by_disk.setdefault(place.existing.stat().st_dev, []).append(place)
    growth = _growth_per_day(examination)
    least = None
    for places in by_disk.values():
        disk = os.statvfs(places[0].existing)
        free = disk.f_bavail * disk.f_frsize
        least = free if least is None else min(least, free)
        names = listed([place.name for place in places])
        here = sum(growth.get(place.what, 0.0) for place in places)
        yield from _judged(names, free, here)
        few = LOW_FILES_SHARE * disk.f_files
        if disk.f_files and disk.f_favail < few and free >= LOW_BYTES:
            yield LOW.at(names, f"Room for {disk.f_favail} more files is left.")
    yield good(f"{size(least or 0)} free")


def _judged(names: str, free: int, growth: float) -> Iterator[Finding]:
    left = f"{size(free)} are left."
    if free < FULL_BYTES:
        yield FULL.at(names, left)
    elif growth and free < growth * DAYS_WARNED:
        days = free / growth
        said = f"{left} They grow by {size(growth)} a day: enough for {days:.0f} days."
        yield SOON.at(names, said)
    elif free < LOW_BYTES:
        yield LOW.at(names, left)


def _growth_per_day(examination: Examination) -> dict[str, float]:
    """Return the bytes a day by which the database and the archives grow."""
    settings = examination.settings
    archive = settings.path(settings.message_log.archive_directory)
    since = (examination.clock() - ARCHIVES_SEEN).timestamp()
    return {
        "database": _growth_of_log(settings),
        "archive": _written_since(archive, since) / ARCHIVES_SEEN.days,
    }


def _growth_of_log(settings: Settings) -> float:
    """Return by how much a SQLite file grew a day, from its first record on.

    One that has every record of the days that records are kept grows no more: it uses
    again what is removed.
    """
    file = _database_file(settings)
    try:
        state = log_state(settings.database_url)
        used = file.stat().st_size if file else 0
    except (XRoadError, OSError):
        return 0.0
    if state.first_record is None or state.last_record is None:
        return 0.0
    history = state.last_record - state.first_record
    kept = timedelta(days=settings.message_log.keep_records_days)
    if not LEAST_HISTORY <= history < kept:
        return 0.0
    return used / (history.total_seconds() / 86_400)


def _written_since(folder: Path, since: float) -> float:
    """Return the bytes of the files that came into a folder."""
    written = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in islice(entries, MAX_ARCHIVES):
            found = entry.stat(follow_symlinks=False)
            if found.st_mtime >= since:
                written += found.st_size
    return written


def _rights(examination: Examination) -> Iterator[Finding]:
    yield from _not_writable(examination.settings)
    for path in _secret(examination):
        mode = path.stat().st_mode
        if mode & 0o044 and _can_be_reached(path.parent):
            yield OPEN.at(str(path), f"It has mode {mode & 0o777:o}.")
    yield good("what the server writes can be written, secrets are its own")


def _not_writable(settings: Settings) -> Iterator[Finding]:
    """Yield one finding for all that cannot be written: the cause is mostly one."""
    reasons: dict[str, str] = {}
    for place in _places(settings):
        path = place.existing
        if not os.access(path, os.W_OK):
            reasons[place.name] = _why_not(path)
        elif place.what == "database" and not os.access(path.parent, os.W_OK):
            reasons[f"folder {path.parent}"] = _why_not(path.parent)
    if reasons:
        said = " ".join(dict.fromkeys(reasons.values()))
        yield READ_ONLY.at(listed(list(reasons)), said)


def _why_not(path: Path) -> str:
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        return f"The disk of {path} is read-only."
    mode = path.stat().st_mode & 0o777
    return (
        f"This user may not write {path} (owner {path.stat().st_uid}, mode {mode:o})."
    )


def _secret(examination: Examination) -> list[Path]:
    """Return the files that nobody else should read."""
    settings = examination.settings
    paths = [settings.directory / "internal.key"]
    file = _database_file(settings)
    if file is not None:
        paths.append(file)
    elif ":" in settings.database.partition("://")[2].rpartition("@")[0]:
        paths.append(examination.config)  # it has the password
    return [path for path in paths if path.is_file()]


def _can_be_reached(folder: Path) -> bool:
    """Whether others can come to the files in a folder: from the root, step by step."""
    steps = (folder.resolve(), *folder.resolve().parents)
    return all(step.stat().st_mode & 0o011 for step in steps)


CHECKS = (
    Check("disk space", look_at_space, (FULL, LOW, SOON)),
    Check("files", look_at_rights, (READ_ONLY, OPEN)),
)
