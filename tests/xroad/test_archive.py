"""Log archives: names, the chain in linkinginfo, rotation, and what a verifier finds."""

import io
import zipfile
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, strategies as st

from kerege.xroad import archive as archives
from kerege.xroad.algorithms import SHA256, SHA512
from kerege.xroad.archive import (
    LINKING_INFO,
    NO_ARCHIVE,
    ArchiveLink,
    ArchiveWriter,
    LinkedContainer,
    LinkingInfo,
    archive_name,
    chain_step,
    read_archive,
    verify_archive,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId
from tests.xroad.asic.containers import entries_of, packed

FIRST = datetime(2026, 11, 24, 5, 53, 24, tzinfo=UTC)
LAST = FIRST + timedelta(seconds=25)
DIGEST = "c158052a318d8284aa69"
MEMBER = ClientId("TEST", "COM", "1234")
CONTAINERS = {"q-1-request-1.asice": b"one", "q-1-response-2.asice": b"two"}


def written(
    containers: dict[str, bytes] = CONTAINERS, **options: object
) -> tuple[bytes, ArchiveLink]:
    writer = ArchiveWriter(**options)
    pieces = []
    for number, (name, data) in enumerate(containers.items()):
        chunks = [data[:1], data[1:]]
        pieces += writer.add(name, chunks, FIRST + timedelta(seconds=number))
    pieces += writer.finish()
    return b"".join(pieces), writer.link()


def verified(data: bytes, previous: str | None = "") -> str:
    return verify_archive(read_archive(data), previous=previous)


def refused(data: bytes, previous: str | None = "") -> tuple[str, str]:
    with pytest.raises(XRoadError) as refusal:
        verified(data, previous)
    return refusal.value.code, refusal.value.message


# --- names ---


def test_name_has_times_and_the_beginning_of_the_digest():
    bishkek = timezone(timedelta(hours=6))
    expected = "mlog-20261124055324-20261124055349-c158052a318d8284.zip"
    assert archive_name(FIRST, LAST, DIGEST) == expected
    assert archive_name(FIRST.astimezone(bishkek), LAST, DIGEST) == expected
    encrypted = archive_name(FIRST, LAST, DIGEST, encrypted=True)
    assert encrypted == expected + ".gpg"


@pytest.mark.parametrize(
    ("group", "prefix"),
    [
        (MEMBER, "TEST_COM_1234-"),
        (ClientId("TEST", "COM", "1234", "Sub"), "TEST_COM_1234_Sub-"),
        (ClientId("T", "C", 'a\\<>:|*?\0\x85"'), 'T_C_a_________"-'),
        (ClientId("T", "C", "x" * 300), "T_C_" + "x" * 196),
    ],
)
def test_group_becomes_part_of_the_name(group, prefix):
    name = archive_name(FIRST, LAST, DIGEST, group=group)
    assert name.startswith(f"mlog-{prefix}20261124055324-")


# --- writing ---


def test_archive_has_containers_first_and_linkinginfo_last():
    data, link = written()
    entries = entries_of(data)
    assert list(entries) == [*CONTAINERS, LINKING_INFO]
    one = SHA512.of(SHA512.of(b"one").hex().encode()).hex()
    two = SHA512.of((one + SHA512.of(b"two").hex()).encode()).hex()
    assert entries[LINKING_INFO].decode() == (
        f"- - SHA-512\n{one} q-1-request-1.asice\n{two} q-1-response-2.asice\n"
    )
    assert link.digest == two
    assert link.file_name == archive_name(FIRST, FIRST + timedelta(seconds=1), two)


def test_archive_is_not_compressed_and_the_same_each_time():
    data, _ = written({"a.asice": b"a" * 10_000})
    assert len(data) > 10_000
    assert data == written({"a.asice": b"a" * 10_000})[0]


def test_next_archive_follows_the_one_before():
    first, link = written()
    second, _ = written({"c.asice": b"c"}, previous=link)
    assert verified(first) == link.digest
    verified(second, link.digest)
    verified(second, link.digest.upper())
    verified(second, None)
    info = read_archive(second).info
    assert info.previous == link
    assert refused(second)[0] == "invalid_reference"
    assert refused(first, link.digest)[0] == "invalid_reference"


def test_times_in_the_name_are_those_of_the_records_in_any_order():
    writer = ArchiveWriter()
    for name, seconds in (("b", 5), ("a", 0), ("c", 25)):
        list(writer.add(f"{name}.asice", [b"x"], FIRST + timedelta(seconds=seconds)))
    list(writer.finish())
    link = writer.link(group=MEMBER, encrypted=True)
    start = "mlog-TEST_COM_1234-20261124055324-20261124055349-"
    assert link.file_name == f"{start}{link.digest[:16]}.zip.gpg"


def test_archive_is_full_when_containers_exceed_the_limit(monkeypatch):
    writer = ArchiveWriter(max_bytes=5)
    assert writer.is_empty
    list(writer.add("a.asice", [b"12345"], FIRST))
    assert (writer.is_empty, writer.is_full) == (False, False)
    list(writer.add("b.asice", [b"6"], FIRST))
    assert writer.is_full
    monkeypatch.setattr(archives, "MAX_CONTAINERS", 1)
    small = ArchiveWriter()
    list(small.add("a.asice", [b""], FIRST))
    assert small.is_full


def test_other_digests_are_written_and_read():
    data, _ = written(algorithm=SHA256)
    assert read_archive(data).info.algorithm == SHA256
    assert len(verified(data)) == 64


# --- verifying ---


def changed(**entries: bytes | None) -> bytes:
    """An archive with entries changed or removed; ``info`` is linkinginfo."""
    found = entries_of(written()[0])
    names = {"one": "q-1-request-1.asice", "info": LINKING_INFO, "more": "more.asice"}
    for key, data in entries.items():
        if data is None:
            del found[names[key]]
        else:
            found[names[key]] = data
    return packed(found)


def test_changed_container_is_found():
    code, said = refused(changed(one=b"One"))
    assert code == "invalid_hash_chain"
    assert "q-1-request-1.asice" in said


def test_removed_container_is_found():
    code, said = refused(changed(one=None))
    assert code == "invalid_hash_chain_ref"
    assert "names q-1-request-1.asice, which is not in the archive" in said


def test_added_container_is_found():
    code, said = refused(changed(more=b"x"))
    assert code == "invalid_hash_chain_ref"
    assert "has more.asice" in said


def test_swapped_containers_are_found():
    entries = entries_of(written()[0])
    swapped = {name: entries[name] for name in (*reversed(CONTAINERS), LINKING_INFO)}
    code, said = refused(packed(swapped))
    assert code == "invalid_hash_chain_ref"
    assert "not in the order" in said


def test_archive_without_containers_is_refused():
    code, said = refused(changed(info=b"- - SHA-512\n", one=b"1"))
    assert code == "invalid_hash_chain_ref"
    assert "does not name" in said
    code, said = refused(packed({LINKING_INFO: b"- - SHA-512\n"}))
    assert code == "invalid_hash_chain_ref"
    assert "no containers" in said


def test_chain_that_starts_elsewhere_is_found():
    info = entries_of(written()[0])[LINKING_INFO]
    moved = changed(info=info.replace(b"- -", b"abcd mlog-x.zip", 1))
    assert refused(moved, "abcd")[0] == "invalid_hash_chain"


@pytest.mark.parametrize(
    ("info", "code"),
    [
        (None, "malformed_hash_chain"),
        (b"", "malformed_hash_chain"),
        (b"-\n", "malformed_hash_chain"),
        (b"- -\n", "malformed_hash_chain"),
        (b"\xff\n", "malformed_hash_chain"),
        (b"- - SHA-3\n", "unsupported_algorithm"),
        (b"- - SHA-512\nabcd\n", "malformed_hash_chain"),
        (b"- - SHA-512\nabcd a b\n", "malformed_hash_chain"),
        (b"- - SHA-512\nab a\ncd a\n", "malformed_hash_chain"),
    ],
)
def test_bad_linkinginfo_is_refused(info, code):
    assert refused(changed(info=info))[0] == code


def test_linkinginfo_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(archives, "MAX_LINKING_INFO_BYTES", 10)
    assert "too large" in refused(written()[0])[1]


def test_broken_zip_file_is_refused():
    assert refused(written()[0][:-1])[0] == "asic_invalid_container"
    assert refused(b"no archive")[0] == "asic_invalid_container"


def test_standard_library_reads_the_archive():
    with zipfile.ZipFile(io.BytesIO(written()[0])) as archive:
        assert archive.testzip() is None
        assert archive.getinfo("q-1-request-1.asice").date_time == (
            *(2026, 11, 24),
            *(5, 53, 24),
        )


def test_an_archive_ends_before_it_outgrows_the_zip_format(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(archives, "LARGEST_ARCHIVE_BYTES", 100)
    writer = ArchiveWriter(max_bytes=10**12)
    for _ in writer.add("q-request-1.asice", [bytes(100)], FIRST):
        assert not writer.is_full
    assert not writer.is_full
    list(writer.add("q-request-2.asice", [b"1"], FIRST))
    assert writer.is_full


def test_the_names_of_a_full_archive_are_compared_in_a_moment():
    class Counted(str):
        __slots__ = ()
        hashed = 0

        def __hash__(self) -> int:
            Counted.hashed += 1
            return super().__hash__()

    names = [Counted(f"q-request-{number}.asice") for number in range(2000)]
    info = LinkingInfo(
        NO_ARCHIVE, SHA512, tuple(LinkedContainer("ab", name) for name in names)
    )
    archives._verify_names(info, names)
    assert Counted.hashed < 10 * len(names)


# --- linkinginfo as a value ---


def test_windows_line_ends_and_group_names_with_blanks_are_read():
    data = b"ab mlog-A B-1.zip SHA-512\r\ncd x.asice\r\n"
    info = LinkingInfo.from_bytes(data)
    assert info.previous == ArchiveLink("ab", "mlog-A B-1.zip")
    assert info.containers == (LinkedContainer("cd", "x.asice"),)
    assert info.last_digest == "cd"


def test_last_digest_of_an_empty_chain_is_that_before():
    assert LinkingInfo(ArchiveLink("ab", "a.zip"), SHA512, ()).last_digest == "ab"


def test_step_of_the_chain():
    digest = SHA256.of(b"container")
    expected = SHA256.of(b"aabb" + digest.hex().encode()).hex()
    assert chain_step(SHA256, "aabb", digest) == expected


hexes = st.binary(min_size=1, max_size=64).map(bytes.hex)
file_names = st.text("abc-%+.", min_size=1, max_size=30)
infos = st.builds(
    LinkingInfo,
    st.just(NO_ARCHIVE) | st.builds(ArchiveLink, hexes, file_names.map("m".__add__)),
    st.sampled_from([SHA256, SHA512]),
    st.lists(
        st.builds(LinkedContainer, hexes, file_names), unique_by=lambda c: c.name
    ).map(tuple),
)


@given(infos)
def test_linkinginfo_that_is_written_is_read(info):
    assert LinkingInfo.from_bytes(info.to_bytes()) == info


@given(st.binary(max_size=200))
def test_any_bytes_are_linkinginfo_or_refused(data):
    for source in (data, b"- - SHA-512\n" + data):
        try:
            LinkingInfo.from_bytes(source)
        except XRoadError:
            continue


@given(st.data())
def test_mutated_archives_are_verified_or_refused(data):
    source = bytearray(written()[0])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(source) - 1))
        source[place] = data.draw(st.integers(0, 255))
    try:
        verified(bytes(source), None)
    except XRoadError:
        return
    assert entries_of(bytes(source)).keys() == entries_of(written()[0]).keys()
