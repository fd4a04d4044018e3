"""OCSP responses on disk, so that a restart does not need the responder."""

from pathlib import Path

from kerege.exchange.files import make_folder, replace_file
from kerege.xroad.ocsp import MAX_OCSP_RESPONSE_BYTES


class OcspStore:
    """A folder with one file for each certificate, named by its SHA-256.

    What is read here is as untrusted as what comes from the network: the fetcher
    verifies it. A file that cannot be read is as good as none.
    """

    def __init__(self, folder: Path) -> None:
        """Keep responses in ``folder``, which is made with the first one."""
        self._folder = folder

    @property
    def is_there(self) -> bool:
        """Whether anything has ever been kept."""
        return self._folder.is_dir()

    def load(self, certificate_sha256: bytes) -> bytes | None:
        """Return what was kept for this certificate, if anything was."""
        try:
            with self._path(certificate_sha256).open("rb") as file:
                data = file.read(MAX_OCSP_RESPONSE_BYTES + 1)
        except OSError:
            return None
        return data if 0 < len(data) <= MAX_OCSP_RESPONSE_BYTES else None

    def save(self, certificate_sha256: bytes, response: bytes) -> None:
        """Keep a response, in the place of the one before. Raises `OSError`."""
        make_folder(self._folder, mode=0o700)
        replace_file(self._path(certificate_sha256), response)

    def forget(self, certificate_sha256: bytes) -> None:
        """Remove what was kept for this certificate. Raises `OSError`."""
        self._path(certificate_sha256).unlink(missing_ok=True)

    def _path(self, certificate_sha256: bytes) -> Path:
        return self._folder / f"{certificate_sha256.hex()}.ocsp"
