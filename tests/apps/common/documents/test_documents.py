"""Documents: judged by content, scanned by a real socket, given out by right only."""

import errno
import socketserver
import struct
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given, strategies as st

from kerege.apps.common.audit.models import Entry
from kerege.apps.common.documents import store as storing
from kerege.apps.common.documents.kinds import kind_of
from kerege.apps.common.documents.models import Document
from kerege.apps.common.documents.store import DocumentRefusedError, path_of, store
from kerege.apps.common.staff.rights import Role
from tests.apps.common.people import browser_of, office, staff

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7\n" + b"a deed " * 20_000
VIRUS = b"%PDF-1.7\nEICAR"


class Clamd(socketserver.BaseRequestHandler):
    """A scanner that speaks clamd's INSTREAM and fears the word EICAR."""

    def handle(self) -> None:
        assert self._exactly(10) == b"zINSTREAM\0"
        content = b""
        while length := struct.unpack(">I", self._exactly(4))[0]:
            content += self._exactly(length)
        found = b"Eicar-Test FOUND" if b"EICAR" in content else b"OK"
        self.request.sendall(b"stream: " + found + b"\0")

    def _exactly(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            piece = self.request.recv(length - len(data))
            assert piece
            data += piece
        return data


@pytest.fixture
def folder(settings, tmp_path: Path) -> Path:
    settings.CONFIGURATION = replace(settings.CONFIGURATION, folder=tmp_path)
    return tmp_path


@pytest.fixture
def scanner(folder: Path, settings) -> Iterator[None]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Clamd) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"tcp://127.0.0.1:{server.server_address[1]}"
        settings.CONFIGURATION = replace(settings.CONFIGURATION, virus_scanner=address)
        yield
        server.shutdown()
        thread.join()


def put(content: bytes, name: str = "акт.pdf") -> Document:
    clerk = staff("aigul", Role.CLERK)
    return store(SimpleUploadedFile(name, content), actor=clerk, office=office())


def test_a_document_is_kept_under_a_name_that_tells_nothing(folder: Path):
    document = put(PDF, "../../etc/Асанов\r\n.pdf")
    assert document.name == "Асанов.pdf"
    assert document.public_id not in document.name
    path = path_of(document)
    assert path.relative_to(folder).parts[0] == "documents"
    assert path.read_bytes() == PDF
    assert path.stat().st_mode & 0o777 == 0o600
    assert (document.media_type, document.scanned) == ("application/pdf", False)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<html><script>", "kind"),
        (b"MZ\x90\x00", "kind"),
        (b"%PDF-" + b"x" * storing.MAX_BYTES, "too large"),
    ],
)
def test_what_is_not_taken_leaves_nothing(folder: Path, content: bytes, reason: str):
    with pytest.raises(DocumentRefusedError) as refused:
        put(content, "looks-good.pdf")
    assert refused.value.reason == reason
    assert not list(folder.rglob("*"))
    assert not Document.objects.exists()
    assert Entry.objects.get().outcome == "refused"


def test_the_scanner_lets_good_files_pass_and_bad_ones_not(folder, scanner: None):
    assert put(PDF).scanned
    clerk = Document.objects.get().created_by
    with pytest.raises(DocumentRefusedError, match="virus"):
        store(SimpleUploadedFile("x", VIRUS), actor=clerk, office=office())
    assert Document.objects.count() == 1


def test_without_its_scanner_nothing_is_taken(folder: Path, settings):
    settings.CONFIGURATION = replace(
        settings.CONFIGURATION, virus_scanner=f"unix://{folder}/nobody.sock"
    )
    with pytest.raises(DocumentRefusedError, match="not scanned"):
        put(PDF)


def test_a_full_disk_is_told_and_leaves_no_half_file(folder: Path, monkeypatch):
    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storing, "_sync", full)
    with pytest.raises(DocumentRefusedError, match="no room") as refused:
        put(PDF)
    assert "There is no room for the file" in str(refused.value.text)
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_a_colleague_downloads_it_as_a_file_and_is_recorded(folder: Path):
    document = put(PDF)
    answer = browser_of(staff("bakyt", Role.CLERK)).get(
        f"/documents/{document.public_id}/"
    )
    assert b"".join(answer) == PDF
    assert answer["Content-Disposition"].startswith("attachment; filename")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "no-store"
    last = Entry.objects.order_by("-pk")[0]
    assert (last.action, last.subject) == ("read document", document.public_id)


def test_another_office_an_auditor_and_a_stranger_get_nothing(folder: Path):
    document = put(PDF)
    other = staff("bakyt", Role.CLERK)
    other.assignments.update(office=office("alamedin"))
    for user in (other, staff("cholpon", Role.AUDITOR), staff("dinara")):
        answer = browser_of(user).get(f"/documents/{document.public_id}/")
        assert answer.status_code == 403
    assert Entry.objects.filter(outcome="refused").count() == 3


@given(st.binary(max_size=16))
def test_any_bytes_have_a_kind_or_none(head: bytes):
    kind = kind_of(head)
    assert kind is None or head.startswith((b"%PDF-", b"\x89PNG", b"\xff\xd8\xff"))
