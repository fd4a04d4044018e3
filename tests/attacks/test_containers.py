"""Containers that show two readers two things, or one reader too much.

Each begins as a good container and is given to `kerege verify`, which must say what is
wrong with it, fail, and leave nothing behind. The tables of the ZIP reader itself are in
``tests/xroad/asic/test_zip.py``.
"""

import io
import stat
import struct
import tracemalloc
import zipfile
import zlib
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from kerege.cli import main
from tests.cli.test_verify import configuration as verification_configuration
from tests.xroad.asic.containers import entries_of, with_body

configuration = verification_configuration
LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
MEMORY_BYTES = 24 * 1024 * 1024
"""What a bomb may make the verifier take; it would inflate to more."""


@contextmanager
def writing():
    """Write a ZIP file with the entries of the good container first."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries_of(with_body()).items():
            archive.writestr(name, data)
        yield archive, file


def with_more(*entries):
    """Return the good container with more entries, named freely."""
    with writing() as (archive, file):
        for name, data in entries:
            info = zipfile.ZipInfo("x" * len(name.encode()))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return file.getvalue()


def named(name):
    """Return a container with one more entry whose name no library would write."""
    raw = name.encode("utf-8", "surrogateescape")
    with writing() as (archive, file):
        archive.writestr("q" * len(raw), b"x")
    return file.getvalue().replace(b"q" * len(raw), raw)


def linked(target, mode):
    with writing() as (archive, file):
        info = zipfile.ZipInfo("attachment2")
        info.create_system = 3
        info.external_attr = (mode | 0o777) << 16
        archive.writestr(info, target)
    return file.getvalue()


def with_extra(kind, data):
    with writing() as (archive, file):
        info = zipfile.ZipInfo("attachment2")
        info.extra = struct.pack("<2H", kind, len(data)) + data
        archive.writestr(info, b"x")
    return file.getvalue()


def overlapping():
    """Two directory entries for one piece of data (Fifield 2019)."""
    with writing() as (archive, file):
        archive.writestr("attachment2", b"x" * 100)
    data = file.getvalue()
    first, second = _directory_offsets(data)[-2:]
    at = data[first + 42 : first + 46]
    return data[: second + 42] + at + data[second + 46 :]


def quoted():
    """A local header quoted inside the data of the entry before it."""
    inner = LOCAL + struct.pack("<5H3I2H", 20, 0, 0, 0, 0, 0, 1, 1, 1, 0) + b"zx"
    with writing() as (archive, file):
        archive.writestr(zipfile.ZipInfo("outer"), inner)
        archive.writestr(zipfile.ZipInfo("z"), b"x")
    data = file.getvalue()
    second = _directory_offsets(data)[-1]
    return (
        data[: second + 42] + struct.pack("<I", data.index(inner)) + data[second + 46 :]
    )


def _directory_offsets(data):
    offsets, at = [], struct.unpack_from("<I", data, data.rindex(END) + 16)[0]
    while data[at : at + 4] == CENTRAL:
        offsets.append(at)
        at += 46 + sum(struct.unpack_from("<3H", data, at + 28))
    return offsets


def prefixed(data):
    """Put bytes before the container, all offsets corrected (self-extracting)."""
    prefix = b"#!/bin/sh\nrm -rf /\n"
    changed = bytearray(prefix + data)
    for at in _directory_offsets(data):
        place = at + len(prefix) + 42
        offset = struct.unpack_from("<I", changed, place)[0]
        struct.pack_into("<I", changed, place, offset + len(prefix))
    place = len(prefix) + data.rindex(END) + 16
    offset = struct.unpack_from("<I", changed, place)[0]
    struct.pack_into("<I", changed, place, offset + len(prefix))
    return bytes(changed)


def zip64():
    """A ZIP64 end record that knows another directory than the old one."""
    data = with_body()
    end = data.rindex(END)
    record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 0, 0, 0, 0)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
    return data[:end] + record + locator + data[end:]


def hidden_bomb(megabytes):
    """An entry that says it has ten bytes."""
    with writing() as (archive, file), archive.open("attachment2", "w") as entry:
        for _ in range(megabytes):
            entry.write(bytes(1_000_000))
    data = bytearray(file.getvalue())
    at = _directory_offsets(bytes(data))[-1]
    local = struct.unpack_from("<I", data, at + 42)[0]
    struct.pack_into("<I", data, at + 24, 10)
    struct.pack_into("<I", data, local + 22, 10)
    return bytes(data)


def honest_bomb():
    """An entry of 4 GB, packed a thousand to one, that says so."""
    data = bytearray(hidden_bomb(1))
    at = _directory_offsets(bytes(data))[-1]
    local = struct.unpack_from("<I", data, at + 42)[0]
    for place in (at + 24, local + 22):
        struct.pack_into("<I", data, place, 0xFFFFFFF0)
    return bytes(data)


def many_entries(count):
    with writing() as (archive, file):
        for number in range(count):
            archive.writestr(f"attachment{number + 2}", b"")
    return file.getvalue()


def lying_descriptor():
    """The sizes behind the data are others than those in the directory."""
    data = with_body()
    at = data.index(b"PK\7\x08") + 4
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


ATTACKS = {
    # Names.
    "the same name": (lambda: named("attachment1"), "is there twice"),
    "the same name in capitals": (lambda: named("ATTACHMENT1"), "is there twice"),
    "the message in capitals": (lambda: named("Message.XML"), "is there twice"),
    "the folder in small letters": (
        lambda: named("meta-inf/SIGNATURES.xml"),
        "is there twice",
    ),
    "up": (lambda: named("../attachment9"), "not allowed"),
    "up from within": (lambda: named("META-INF/../../x"), "not allowed"),
    "absolute": (lambda: named("/etc/passwd"), "not allowed"),
    "backslashes": (lambda: named("..\\..\\x"), "not allowed"),
    "a drive": (lambda: named("C:x"), "not allowed"),
    "a share": (lambda: named("\\\\host\\x"), "not allowed"),
    "NUL": (lambda: named("attachment1\0.exe"), "not allowed"),
    "a line": (lambda: named("attachment1\nx"), "not allowed"),
    "an escape": (lambda: named("\x1b[2Jx"), "not allowed"),
    "no UTF-8": (lambda: named("attachment\udcff"), "not UTF-8"),
    "a second name": (
        lambda: with_extra(
            0x7075,
            b"\1" + struct.pack("<I", zlib.crc32(b"attachment2")) + b"message.xml",
        ),
        "has a second name",
    ),
    # What is no file.
    "a link": (lambda: linked("/etc/passwd", stat.S_IFLNK), "is a link"),
    "a device": (lambda: linked("", stat.S_IFCHR), "is a link, or no file"),
    "a pipe": (lambda: linked("", stat.S_IFIFO), "is a link, or no file"),
    # Structure.
    "overlapping entries": (overlapping, "overlaps"),
    "a quoted header": (quoted, "overlaps or follows a gap"),
    "a prefix": (lambda: b"MZ" + with_body(), "mimetype"),
    "a corrected prefix": (lambda: prefixed(with_body()), "mimetype"),
    "a trailer": (lambda: with_body() + b"<script>", "after its end"),
    "two containers": (lambda: with_body() + with_body(), "not where its end record"),
    "a lying descriptor": (lying_descriptor, "differs between its end"),
    "a ZIP64 directory": (zip64, "not where its end record says"),
    "ZIP64 sizes": (
        lambda: with_extra(1, struct.pack("<2Q", 10**12, 10**12)),
        "needs ZIP64",
    ),
    # Bombs.
    "a bomb that hides": (lambda: hidden_bomb(64), "larger than it says"),
    "a bomb that says so": (honest_bomb, "too large"),
    "a thousand entries": (lambda: many_entries(1000), "too many entries"),
}


@pytest.mark.parametrize("what", ATTACKS)
def test_it_is_refused_in_words_and_bounded_memory(what, configuration, tmp_path):
    make, words = ATTACKS[what]
    file = tmp_path / "c.asice"
    file.write_bytes(make())
    before = sorted(tmp_path.iterdir())
    tracemalloc.start()
    try:
        done = CliRunner().invoke(main, ["verify", "-c", str(configuration), str(file)])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert done.exit_code == 1, done.output
    assert "NOT VERIFIED" in done.output
    assert "(asic_" in done.output
    assert words in done.output
    assert "\x1b" not in done.output
    assert "Traceback" not in done.output
    assert peak < MEMORY_BYTES
    assert sorted(tmp_path.iterdir()) == before


def test_the_container_they_were_made_from_is_verified(configuration, tmp_path):
    file = tmp_path / "c.asice"
    with writing() as (_, made):
        pass
    file.write_bytes(made.getvalue())
    done = CliRunner().invoke(main, ["verify", "-c", str(configuration), str(file)])
    assert done.exit_code == 0
