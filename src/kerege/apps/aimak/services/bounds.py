"""Bounds of what is asked and answered."""

import re

from kerege.apps.aimak.models.persons import PIN_LENGTH

PIN = re.compile(rf"[0-9]{{{PIN_LENGTH}}}", re.ASCII)
"""What is looked up: 14 digits. Their meaning is not checked, for books hold wrong ones."""
MAX_PAGE = 500
"""Changes of one answer: about 100 KB."""
MAX_CURSOR = 80
"""Characters of a cursor; ours have under fifty."""
SETTLED_SECONDS = 120
"""Changes younger than this wait for the next call: one that began earlier may still be
on its way into the database, and a reader that has passed it would never see it. Longer
than the largest import takes."""


def is_pin(text: str) -> bool:
    """Return whether a text has the shape of a PIN."""
    return PIN.fullmatch(text) is not None
