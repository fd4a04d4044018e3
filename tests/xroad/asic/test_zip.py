"""ZIP files: what we write anybody reads, and what strangers send is read strictly."""

import io
import struct
import zipfile
import zlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, strategies as st

from kerege.xroad.asic import zipwriter
from kerege.xroad.asic.zipreader import ZipFile, ZipLimits
from kerege.xroad.asic.zipwriter import STORED_LEVEL, ZipStream
from kerege.xroad.faults import XRoadError

TIME = datetime(2026, 11, 24, 5, 53, 27, tzinfo=UTC)
LIMITS = ZipLimits(entries=8, entry_bytes=1_000_000, total_bytes=1_500_000)
CODE = "asic_invalid_container"
FILES = {"mimetype": b"a/b", "folder/я.xml": b"<a/>" * 100, "empty": b""}


def streamed(
    files: dict[str, bytes], *, level: int = 6, comment: bytes = b"", chunk: int = 7
) -> bytes:
    stream = ZipStream(level=level, comment=comment)
    written = []
    for name, data in files.items():
        chunks = [data[i : i + chunk] for i in range(0, len(data), chunk)]
        written += stream.entry(name, chunks, TIME)
    written += stream.end()
    return b"".join(written)


def packed(
    files: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED, comment: bytes = b""
) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.comment = comment
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return file.getvalue()


def read(data: bytes, limits: ZipLimits = LIMITS) -> dict[str, bytes]:
    archive = ZipFile(data, limits, CODE)
    return {member.name: archive.read(member) for member in archive.members}


def refusal(data: bytes, limits: ZipLimits = LIMITS) -> str:
    with pytest.raises(XRoadError) as refused:
        read(data, limits)
    assert refused.value.code == CODE
    return refused.value.message


def code_of(data: bytes) -> str | None:
    """The code with which a file is refused, None if it is read."""
    try:
        read(data)
    except XRoadError as error:
        return error.code
    return None


def test_standard_library_reads_what_we_write():
    with zipfile.ZipFile(io.BytesIO(streamed(FILES, comment=b"note"))) as archive:
        assert archive.testzip() is None
        assert archive.comment == b"note"
        assert {i.filename: archive.read(i) for i in archive.infolist()} == FILES
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_DEFLATED
            assert info.date_time == (2026, 11, 24, 5, 53, 26)


def test_we_read_what_we_and_the_standard_library_write():
    assert read(streamed(FILES)) == FILES
    assert read(packed(FILES)) == FILES
    assert read(packed(FILES, method=zipfile.ZIP_STORED)) == FILES
    assert read(packed({})) == {}


def test_same_entries_give_the_same_bytes():
    assert streamed(FILES) == streamed(FILES)


def test_chunks_of_any_size_give_the_same_content():
    assert read(streamed(FILES, chunk=1)) == read(streamed(FILES, chunk=10_000))


def test_stored_level_does_not_compress():
    data = b"a" * 100_000
    assert len(streamed({"a": data})) < 1_000
    assert len(streamed({"a": data}, level=STORED_LEVEL)) > len(data)


def test_times_before_1980_and_in_other_zones_are_written():
    stream = ZipStream()
    old = datetime(1970, 1, 1, tzinfo=UTC)
    bishkek = TIME.astimezone(timezone(timedelta(hours=6)))
    data = b"".join(
        [*stream.entry("old", [], old), *stream.entry("b", [], bishkek), *stream.end()]
    )
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.getinfo("old").date_time == (1980, 1, 1, 0, 0, 0)
        assert archive.getinfo("b").date_time == (2026, 11, 24, 5, 53, 26)


def test_file_that_outgrows_the_format_is_refused(monkeypatch):
    monkeypatch.setattr(zipwriter, "MAX_ZIP_BYTES", 100)
    with pytest.raises(XRoadError) as refused:
        streamed({"a": bytes(range(200))})
    assert refused.value.code == "logging_failed"
    monkeypatch.undo()
    monkeypatch.setattr(zipwriter, "MAX_ZIP_ENTRIES", 1)
    with pytest.raises(XRoadError, match="too many entries"):
        streamed({"a": b"", "b": b""})


def test_entry_that_is_too_long_uncompressed_is_refused(monkeypatch):
    monkeypatch.setattr(zipwriter, "MAX_ZIP_BYTES", 1_000)
    with pytest.raises(XRoadError, match="an entry is too long"):
        streamed({"a": b"a" * 2_000}, chunk=2_000)


# --- strangers ---

END = struct.Struct("<4s4H2IH")


def with_end(data: bytes, **fields: int) -> bytes:
    """Return the ZIP file with other values in its end record."""
    names = ["signature", "disk", "start", "here", "count", "size", "offset", "comment"]
    start = data.rindex(b"PK\5\6")
    values = dict(zip(names, END.unpack_from(data, start), strict=True)) | fields
    return data[:start] + END.pack(*values.values()) + data[start + END.size :]


def patched(data: bytes, marker: bytes, offset: int, value: bytes) -> bytes:
    """Return the data with bytes replaced, at an offset from a marker's first place."""
    place = data.index(marker) + offset
    return data[:place] + value + data[place + len(value) :]


def in_both(data: bytes, local: int, central: int, value: bytes) -> bytes:
    """Change a field of the first entry, in its header and in the directory."""
    return patched(patched(data, b"PK\3\4", local, value), b"PK\1\2", central, value)


def renamed(old: bytes, new: bytes) -> bytes:
    """Return a ZIP file whose entry has a name that libraries would not write."""
    assert len(old) == len(new)
    return packed({old.decode(): b"x", "other": b""}).replace(old, new)


PLAIN = packed({"a": b"0123456789" * 30, "b": b"b"})
SEPARATE = packed({"first": b"1" * 9, "second": b"2" * 9}, method=zipfile.ZIP_STORED)
BAD_STRUCTURE = {
    "nothing": (b"", "no end record"),
    "text": (b"This is no ZIP file", "no end record"),
    "cut off": (PLAIN[:-5], "no end record"),
    "cut at the start": (PLAIN[10:], "not where its end record says"),
    "bytes after the end": (PLAIN + b"x", "after its end"),
    "bytes before the start": (b"x" + PLAIN, "not where its end record says"),
    "a second file before": (
        packed({"x": b""}) + PLAIN,
        "not where its end record says",
    ),
    "end record in the comment": (
        packed({"a": b""}, comment=b"PK\5\6" + bytes(30)),
        "after its end",
    ),
    "several disks": (with_end(PLAIN, disk=1), "several disks"),
    "ZIP64": (with_end(PLAIN, here=0xFFFF, count=0xFFFF), "ZIP64"),
    "too few entries": (with_end(PLAIN, here=1, count=1), "more than its entries"),
    "too many entries": (with_end(PLAIN, here=3, count=3), "directory is cut off"),
    "no entries": (with_end(PLAIN, here=0, count=0), "directory is too large"),
    "more entries than allowed": (
        packed({str(n): b"" for n in range(9)}),
        "too many entries",
    ),
    "directory elsewhere": (with_end(PLAIN, offset=1), "not where"),
    "directory damaged": (patched(PLAIN, b"PK\1\2", 0, b"XX"), "directory is damaged"),
    "name beyond the directory": (
        patched(PLAIN, b"PK\1\2", 28, b"\xff\xff"),
        "directory is cut off",
    ),
    "on another disk": (patched(PLAIN, b"PK\1\2", 34, b"\1"), "directory is damaged"),
    "encrypted": (in_both(PLAIN, 6, 8, b"\1"), "'a' is encrypted"),
    "strongly encrypted": (in_both(PLAIN, 6, 8, b"\x41"), "'a' is encrypted"),
    "bzip2": (in_both(PLAIN, 8, 10, b"\x0c"), "'a' is neither stored nor deflated"),
    "stored with two sizes": (in_both(PLAIN, 8, 10, b"\0"), "two different sizes"),
    "header and directory differ": (
        patched(PLAIN, b"PK\3\4", 14, b"\0\0\0\0"),
        "'a' differs between its header and the directory",
    ),
    "names differ": (patched(PLAIN, b"PK\3\4", 30, b"z"), "'a' differs"),
    "no header": (patched(PLAIN, b"PK\3\4", 0, b"XX"), "'a' differs"),
    "CRC wrong": (in_both(PLAIN, 14, 16, b"\0\0\0\0"), "'a' is damaged: its CRC"),
    "deflated data damaged": (patched(PLAIN, b"PK\3\4", 31, b"\xff"), "'a' is damaged"),
    "size too small": (in_both(PLAIN, 22, 24, b"\1\0"), "'a' is larger than it says"),
    "size too large": (in_both(PLAIN, 22, 24, b"\xff"), "'a' is larger|'a' is shorter"),
    "entry too large": (packed({"a": bytes(1_000_001)}), "'a' is too large"),
    "entries too large together": (
        packed({"a": bytes(800_000), "b": bytes(800_000)}),
        "too large together",
    ),
    "folder with content": (renamed(b"file", b"dir/"), "'dir/' is a folder"),
    "gap between entries": (
        patched(SEPARATE, b"PK\3\4", 28, b"\1\0"),
        "gap|differs|directory",
    ),
    "two entries at one place": (
        SEPARATE[: SEPARATE.rindex(b"PK\1\2") + 42]
        + bytes(4)
        + SEPARATE[SEPARATE.rindex(b"PK\1\2") + 46 :],
        "overlaps",
    ),
    "entry reaches into the directory": (
        patched(packed({"a": b"1"}, method=0), b"PK\3\4", 28, b"\x60\0"),
        "reaches into the directory",
    ),
    "descriptor differs": (
        patched(streamed({"a": b"1"}), b"PK\7\x08", 4, b"\0\0\0\0"),
        "'a' differs between its end and the directory",
    ),
}


@pytest.mark.parametrize("kind", BAD_STRUCTURE)
def test_bad_structure_is_refused(kind):
    data, expected = BAD_STRUCTURE[kind]
    said = refusal(data)
    assert any(part in said for part in expected.split("|")), said


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"abcdefg", b"../../x"),
        (b"abcdefg", b"/abcdef"),
        (b"abcdefg", b"abc\\def"),
        (b"abcdefg", b"abc//de"),
        (b"abcdefg", b"./abcde"),
        (b"abcdefg", b"c:abcde"),
        (b"abcdefg", b"abc\x00def"),
        (b"abcdefg", b"abc\x1b[2m"),
        (b"abcdefg", b"abcd\x7fef"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(old, new):
    assert "has a name that is not allowed" in refusal(renamed(old, new))


def test_names_that_are_no_text_are_refused():
    assert "not UTF-8" in refusal(renamed(b"abcdefg", b"abc\xffdef"))


def test_names_that_are_too_long_are_refused():
    assert "not allowed" in refusal(packed({"a" * 1_025: b""}))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_collide_are_refused():
    assert "is there twice" in refusal(packed({"Message.xml": b"", "message.xml": b""}))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", b"1")
        archive.writestr("a", b"2")
    assert "is there twice" in refusal(file.getvalue())


@pytest.mark.parametrize("where", [b"PK\3\4", b"PK\1\2"])
def test_a_second_name_that_other_programs_show_is_refused(where):
    other = b"\1" + struct.pack("<I", zlib.crc32(b"message.xml")) + b"attachment1"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        entry = zipfile.ZipInfo("message.xml")
        entry.extra = struct.pack("<2H", 0x5455, 1) + b"\0"
        entry.extra += struct.pack("<2H", 0x7075, len(other)) + other
        archive.writestr(entry, b"text")
    data = file.getvalue()
    assert data.count(b"up\x10\0") == 2
    kept = data.index(b"up\x10\0", data.index(where))
    data = data.replace(b"up\x10\0", b"xx\x10\0")
    data = data[:kept] + b"up" + data[kept + 2 :]
    assert "'message.xml' has a second name" in refusal(data)


def test_an_extra_field_that_reaches_too_far_is_refused():
    data = streamed({"a": b"1"})
    assert data.count(b"UT\x05\0") == 2
    longer = data.replace(b"UT\x05\0", b"UT\x06\0")
    assert "'a' has a damaged extra field" in refusal(longer)


def test_bomb_that_hides_its_size_stops_at_the_size_that_it_says():
    bomb = packed({"a": bytes(50_000_000)})
    hidden = in_both(bomb, 22, 24, struct.pack("<I", 10))
    archive = ZipFile(hidden, LIMITS, CODE)
    with pytest.raises(XRoadError, match="larger than it says"):
        next(archive.chunks(archive.members[0]))


def test_data_after_the_deflated_data_is_refused():
    data = streamed({"a": b"1" * 10})
    end = data.index(b"PK\7\x08")
    packed_size = end - len(b"PK\3\4" + bytes(26) + b"a" + bytes(9))
    longer = data[:end] + b"hidden" + data[end:]
    size = struct.pack("<I", packed_size + 6)
    longer = patched(longer, b"PK\7\x08", 8, size)
    longer = patched(longer, b"PK\1\2", 20, size)
    longer = with_end(longer, offset=data.index(b"PK\1\2") + 6)
    assert "wrong end of data" in refusal(longer)


def test_bytes_between_entries_and_directory_are_refused():
    place = PLAIN.index(b"PK\1\2")
    padded = with_end(PLAIN[:place] + b"hidden" + PLAIN[place:], offset=place + 6)
    assert "between its entries and its directory" in refusal(padded)


def test_deflated_data_with_more_to_come_at_a_bound_is_read_whole():
    # All input is taken in when the bound of the output is met, one byte waits inside.
    data = bytes(64 * 1024 + 1)
    assert read(streamed({"a": data}, chunk=len(data))) == {"a": data}


def test_descriptor_without_signature_is_read():
    data = streamed({"a": b"1" * 10})
    end = data.index(b"PK\7\x08")
    short = data[:end] + data[end + 4 :]
    short = with_end(short, offset=data.index(b"PK\1\2") - 4)
    assert read(short) == {"a": b"1" * 10}


def test_file_object_is_read_from_its_start():
    file = io.BytesIO(PLAIN)
    file.seek(20)
    archive = ZipFile(file, LIMITS, CODE)
    assert archive.read(archive.members[1]) == b"b"


names = st.text("abcxyz._-", min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..")
)


@given(st.dictionaries(names, st.binary(max_size=300), max_size=8))
def test_what_is_written_is_read(files):
    assert read(streamed(files)) == files


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data):
    for source in (data, data + PLAIN[-22:], PLAIN[:60] + data):
        assert code_of(source) in (None, CODE)


@given(st.data())
def test_mutated_files_are_read_or_refused(data):
    source = bytearray(data.draw(st.sampled_from([PLAIN, SEPARATE, streamed(FILES)])))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(source) - 1))
        source[place] = data.draw(st.integers(0, 255))
    assert code_of(bytes(source)) in (None, CODE)
