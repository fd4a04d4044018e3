"""Writing ZIP files as a stream, the way the reference's containers look.

Rules (PKWARE APPNOTE 6.3, `java.util.zip.ZipOutputStream`):

* Sizes and CRC follow each entry in a data descriptor, so nothing is known beforehand
  and memory stays flat. Names are UTF-8; each entry has an extended time stamp.
* All entries use the deflate method; archives use it with level 0.
* The same entries give the same bytes.
* No ZIP64: containers and archives stay far below its limits, and what does not is
  refused.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from struct import Struct

from kerege.xroad.faults import XRoadError

MAX_ZIP_BYTES = 0xFFFFFFFF - 1
"""Above this a ZIP file needs ZIP64."""
MAX_ZIP_ENTRIES = 0xFFFF - 1
"""Above this a ZIP file needs ZIP64."""
DEFAULT_LEVEL = 6
STORED_LEVEL = 0
"""Deflate blocks without compression, as the reference writes archives."""

LOCAL_HEADER = Struct("<4s5H3I2H")
CENTRAL_HEADER = Struct("<4s6H3I5H2I")
END_RECORD = Struct("<4s4H2IH")
DESCRIPTOR = Struct("<4s3I")
EXTENDED_TIME = Struct("<2sHBI")

LOCAL_SIGNATURE = b"PK\x03\x04"
CENTRAL_SIGNATURE = b"PK\x01\x02"
END_SIGNATURE = b"PK\x05\x06"
DESCRIPTOR_SIGNATURE = b"PK\x07\x08"

FLAG_DESCRIPTOR = 0x0008
FLAG_UTF8 = 0x0800
DEFLATED = 8
STORED = 0

_VERSION = 20
_FLAGS = FLAG_DESCRIPTOR | FLAG_UTF8
_FIRST_DOS_TIME = datetime(1980, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Written:
    name: bytes
    dos_time: tuple[int, int]
    extra: bytes
    crc: int
    compressed: int
    size: int
    offset: int


class ZipStream:
    """A ZIP file in the making: call `entry` for each entry, then `end` once.

    Both yield the bytes to be written, in order; each iterator must be exhausted
    before the next call.
    """

    def __init__(self, *, level: int = DEFAULT_LEVEL, comment: bytes = b"") -> None:
        self._level = level
        self._comment = comment
        self._entries: list[_Written] = []
        self._offset = 0

    def entry(
        self, name: str, content: Iterable[bytes], time: datetime
    ) -> Iterator[bytes]:
        """Yield the bytes of one entry.

        Args:
            name: Name inside the ZIP file.
            content: The entry's bytes, in any chunks.
            time: Modification time, aware.

        Raises:
            XRoadError: ``logging_failed``, if the file outgrows the ZIP format.
        """
        if len(self._entries) >= MAX_ZIP_ENTRIES:
            raise _too_large("it has too many entries")
        raw_name, start, times = name.encode(), self._offset, _dos_time(time)
        extra = _extended_time(time)
        yield self._count(_local_header(raw_name, times, extra))
        body_start = self._offset
        crc, size = 0, 0
        deflate = zlib.compressobj(self._level, zlib.DEFLATED, -zlib.MAX_WBITS)
        for chunk in content:
            crc, size = zlib.crc32(chunk, crc), size + len(chunk)
            if packed := deflate.compress(chunk):
                yield self._count(packed)
        yield self._count(deflate.flush())
        compressed = self._offset - body_start
        if size > MAX_ZIP_BYTES:
            raise _too_large("an entry is too long")
        yield self._count(DESCRIPTOR.pack(DESCRIPTOR_SIGNATURE, crc, compressed, size))
        self._entries.append(
            _Written(raw_name, times, extra, crc, compressed, size, start)
        )

    def end(self) -> Iterator[bytes]:
        """Yield the central directory and the end record."""
        start = self._offset
        for entry in self._entries:
            yield self._count(_central_header(entry))
        count, size = len(self._entries), self._offset - start
        yield (
            END_RECORD.pack(
                END_SIGNATURE, 0, 0, count, count, size, start, len(self._comment)
            )
            + self._comment
        )

    def _count(self, chunk: bytes) -> bytes:
        self._offset += len(chunk)
        if self._offset > MAX_ZIP_BYTES:
            raise _too_large("it needs ZIP64")
        return chunk


def _local_header(name: bytes, times: tuple[int, int], extra: bytes) -> bytes:
    fields = (_VERSION, _FLAGS, DEFLATED, *times, 0, 0, 0, len(name), len(extra))
    return LOCAL_HEADER.pack(LOCAL_SIGNATURE, *fields) + name + extra


def _central_header(entry: _Written) -> bytes:
    return (
        CENTRAL_HEADER.pack(
            CENTRAL_SIGNATURE,
            *(_VERSION, _VERSION, _FLAGS, DEFLATED, *entry.dos_time),
            *(entry.crc, entry.compressed, entry.size),
            *(len(entry.name), len(entry.extra), 0, 0, 0, 0, entry.offset),
        )
        + entry.name
        + entry.extra
    )


def _dos_time(time: datetime) -> tuple[int, int]:
    utc = max(time.astimezone(UTC), _FIRST_DOS_TIME)
    return (
        utc.hour << 11 | utc.minute << 5 | utc.second // 2,
        (utc.year - 1980) << 9 | utc.month << 5 | utc.day,
    )


def _extended_time(time: datetime) -> bytes:
    seconds = min(max(int(time.timestamp()), 0), 0xFFFFFFFF)
    return EXTENDED_TIME.pack(b"UT", 5, 1, seconds)


def _too_large(why: str) -> XRoadError:
    return XRoadError("logging_failed", f"The ZIP file is too large: {why}")
