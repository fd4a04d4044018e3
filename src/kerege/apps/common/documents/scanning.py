r"""Asking clamd whether a file is a virus: INSTREAM of clamd(8).

``zINSTREAM\0``, chunks of a length (4 bytes, big endian) and bytes, a length of zero;
the answer is ``stream: OK`` or ``stream: NAME FOUND``.
"""

import socket
import struct
from typing import IO
from urllib.parse import urlsplit

CHUNK = 65_536
TIMEOUT_SECONDS = 30
"""Large PDFs take a few seconds on an old machine."""
MAX_ANSWER_BYTES = 4096


class VirusFoundError(Exception):
    """The scanner says that the file is harmful."""


class ScannerError(Exception):
    """The scanner did not say anything that can be relied on."""


def scan(file: IO[bytes], address: str) -> None:
    """Let a file be judged.

    Args:
        file: What is read, from where it stands.
        address: ``unix:///run/clamav/clamd.ctl`` or ``tcp://127.0.0.1:3310``.

    Raises:
        VirusFoundError: It is harmful.
        ScannerError: There is no answer, or another than clamd's two.
    """
    try:
        with _connected(address) as connection:
            connection.sendall(b"zINSTREAM\0")
            while chunk := file.read(CHUNK):
                connection.sendall(struct.pack(">I", len(chunk)) + chunk)
            connection.sendall(struct.pack(">I", 0))
            answer = _answer(connection)
    except OSError as error:
        message = f"The virus scanner does not answer: {error}"
        raise ScannerError(message) from error
    if answer.endswith(b" FOUND"):
        raise VirusFoundError
    if answer != b"stream: OK":
        raise ScannerError("The virus scanner gave another answer than clamd's")


def _connected(address: str) -> socket.socket:
    parts = urlsplit(address)
    if parts.scheme == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(TIMEOUT_SECONDS)
        try:
            connection.connect(parts.path)
        except OSError:
            connection.close()
            raise
        return connection
    return socket.create_connection(
        (parts.hostname or "127.0.0.1", parts.port or 3310), TIMEOUT_SECONDS
    )


def _answer(connection: socket.socket) -> bytes:
    answer = b""
    while len(answer) < MAX_ANSWER_BYTES and b"\0" not in answer:
        piece = connection.recv(MAX_ANSWER_BYTES)
        if not piece:
            break
        answer += piece
    return answer.partition(b"\0")[0].strip()
