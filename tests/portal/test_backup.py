"""A backup of a portal that is being written, put back on an empty machine."""

import io
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from kerege.portal.backup import sealed
from kerege.portal.backup.sealed import SealedReader, SealError, SealingWriter
from tests.portal_folder import PortalFolder, new_portal

WRITE_UNTIL_TOLD = """
import sys
from pathlib import Path
from kerege.apps.common.audit.record import record
number = 0
while not Path(sys.argv[1]).exists():
    record(None, "view person", f"{number}")
    number += 1
    if number == 20:
        Path(sys.argv[1] + ".begun").touch()
print(number)
"""
COUNT = """
from kerege.apps.common.audit.models import Entry
print(Entry.objects.count())
"""
PASSPHRASE = "five old apple trees in bloom"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[PortalFolder, Path]:
    """A portal and its backup, which was made while another process wrote."""
    base = tmp_path_factory.mktemp("backup")
    folder = new_portal(base / "portal")
    document = folder.path / "documents" / "0a" / ("0a" * 16)
    document.parent.mkdir(parents=True)
    document.write_bytes(b"a deed" * 400_000)
    (base / "words").write_text(PASSPHRASE + "\n", encoding="utf-8")
    stop, begun = base / "stop", base / "stop.begun"
    writer = folder.start(
        ["-c", "import django; django.setup()\n" + WRITE_UNTIL_TOLD, str(stop)]
    )
    while not begun.exists():
        assert writer.poll() is None
    done = backup(folder, base / "file.backup", base / "words")
    stop.touch()
    written = int(folder.ended(writer).stdout)
    assert done.returncode == 0, done.stderr
    assert int(folder.python(COUNT).stdout) == written
    return folder, base / "file.backup"


def test_a_portal_goes_on_from_its_backup(made, tmp_path: Path):
    folder, file = made
    again = PortalFolder(tmp_path / "new machine")
    told = restored(again, file, PASSPHRASE)
    assert told.returncode == 0, told.stderr
    assert "entries in the audit log" in told.stdout
    kept, all_of_them = (int(each.python(COUNT).stdout) for each in (again, folder))
    assert 20 <= kept <= all_of_them
    for name in ("secret.key", "portal.toml", "documents/0a/" + "0a" * 16):
        assert (again.path / name).read_bytes() == (folder.path / name).read_bytes()
    assert (again.path / "secret.key").stat().st_mode & 0o777 == 0o600
    assert (again.path.stat().st_mode & 0o777) == 0o700


def test_nothing_of_the_portal_can_be_read_in_the_file(made):
    folder, file = made
    content = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    for clear in (b"view person", b"SQLite", (folder.path / "secret.key").read_bytes()):
        assert clear not in content


def test_another_passphrase_is_refused(made, tmp_path: Path):
    told = restored(PortalFolder(tmp_path / "new"), made[1], "six old apple trees")
    assert told.returncode == 1
    assert "or the passphrase is another" in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["words"]


def test_a_cut_file_and_a_flipped_byte_leave_nothing(made, tmp_path: Path):
    whole = made[1].read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for content, why in ((whole[:-1], "was cut"), (bytes(flipped), "was changed")):
        (tmp_path / "bad").write_bytes(content)
        told = restored(PortalFolder(tmp_path / "new"), tmp_path / "bad", PASSPHRASE)
        assert told.returncode == 1
        assert why in told.stderr
        assert {path.name for path in tmp_path.iterdir()} == {"words", "bad"}


def test_a_folder_in_use_is_not_touched(made):
    folder, file = made
    before = (folder.path / "secret.key").read_bytes()
    words = file.with_name("words")
    told = folder.kerege(
        "portal", "restore", str(file), "--passphrase-file", str(words)
    )
    assert (told.returncode, "is not empty" in told.stderr) == (1, True)
    assert (folder.path / "secret.key").read_bytes() == before


def test_a_short_passphrase_is_refused(made, tmp_path: Path):
    (tmp_path / "words").write_text("short\n", encoding="utf-8")
    told = backup(made[0], tmp_path / "file", tmp_path / "words")
    assert told.returncode == 1
    assert "has under 12 characters" in told.stderr
    assert not (tmp_path / "file").exists()


@pytest.fixture(scope="module")
def cheap() -> "pytest.MonkeyPatch":
    patch = pytest.MonkeyPatch()
    patch.setattr(sealed, "COST", (4, 1, 1))
    patch.setattr(sealed, "CHUNK", 16)
    yield patch
    patch.undo()


@given(st.lists(st.binary(max_size=50)), st.integers(1, 40))
@settings(max_examples=50)
def test_what_was_sealed_comes_out(cheap, pieces: list[bytes], size: int):
    reader = SealedReader(io.BytesIO(seal(pieces)), "words")
    plain = b"".join(iter(lambda: reader.read(size), b""))
    reader.finish()
    assert plain == b"".join(pieces)


@given(st.binary(max_size=80), st.data())
@settings(max_examples=100)
def test_every_changed_byte_and_every_cut_is_refused(cheap, plain: bytes, data):
    whole = seal([plain])
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[place] ^= data.draw(st.integers(1, 255))
    refuse(bytes(changed))
    refuse(whole[:place])
    refuse(whole + b"x")


def test_chunks_cannot_change_places_or_go(cheap):
    whole = seal([b"a" * 16, b"b" * 16, b"c" * 16])
    start, length = 43, 4 + 16 + 16
    first, second = (whole[start + i * length :][:length] for i in (0, 1))
    tail = whole[start + 2 * length :]
    refuse(whole[:start] + second + first + tail)
    refuse(whole[:start] + second + tail)
    refuse(whole[:start] + first + tail)


@given(st.binary())
def test_any_bytes_are_a_backup_or_refused(cheap, content: bytes):
    refuse(content)


def seal(pieces: list[bytes]) -> bytes:
    output = io.BytesIO()
    writer = SealingWriter(output, "words")
    for piece in pieces:
        writer.write(piece)
    writer.close()
    return output.getvalue()


def refuse(content: bytes) -> None:
    with pytest.raises(SealError):
        SealedReader(io.BytesIO(content), "words").finish()


def backup(folder: PortalFolder, file: Path, words: Path):
    return folder.kerege("portal", "backup", str(file), "--passphrase-file", str(words))


def restored(folder: PortalFolder, file: Path, passphrase: str):
    words = folder.path.with_name("words")
    words.write_text(passphrase + "\n", encoding="utf-8")
    return folder.kerege(
        "portal", "restore", str(file), "--passphrase-file", str(words)
    )
