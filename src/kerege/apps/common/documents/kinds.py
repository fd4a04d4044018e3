"""What a file is, by its first bytes; a name proves nothing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file that is taken."""

    media_type: str
    ending: str
    """With which it is downloaded, whatever it was called."""


_BEGINNINGS = (
    (b"%PDF-", Kind("application/pdf", ".pdf")),
    (b"\x89PNG\r\n\x1a\n", Kind("image/png", ".png")),
    (b"\xff\xd8\xff", Kind("image/jpeg", ".jpg")),
)
HEAD_BYTES = 16
"""As many decide."""


def kind_of(head: bytes) -> Kind | None:
    """Return the kind that begins like this; None: it is not taken.

    PDF and pictures only: pages that run in a browser (HTML, SVG), programs and files
    with macros are no evidence that a clerk can look at safely.
    """
    return next((kind for start, kind in _BEGINNINGS if head.startswith(start)), None)
