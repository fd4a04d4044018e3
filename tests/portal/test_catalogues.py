"""No text of the sources is missing in the catalogues."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import kerege

SOURCE = Path(kerege.__file__).parent
ROOMS = sorted(p.parent.parent for p in SOURCE.rglob("locale/ky/LC_MESSAGES"))
MAKE = ("makemessages", "-v0", "--locale", "ky", "--no-wrap")
MSGID = re.compile(r'^msgid ((?:".*"\n?)+)', re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize(
    "room", [r.parent for r in ROOMS], ids=lambda r: str(r.relative_to(SOURCE))
)
def test_every_text_of_a_room_is_in_its_catalogues(room: Path, tmp_path: Path):
    if shutil.which("xgettext") is None:
        pytest.skip("xgettext is missing; on Debian: apt-get install gettext")
    copied = tmp_path / room.name
    shutil.copytree(room, copied, ignore=shutil.ignore_patterns("*.mo", "*.po"))
    subprocess.run(
        [sys.executable, "-P", "-m", "django", *MAKE],
        cwd=copied,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "kerege.portal.settings_test"},
        check=True,
    )
    wanted = texts(copied / "locale/ky/LC_MESSAGES/django.po")
    for language in ("ky", "ru"):
        missing = sorted(wanted - all_texts(language))
        assert missing == [], f"{language}: scripts/collect-translations brings them"


def all_texts(language: str) -> set[str]:
    """Django makes one catalogue of all rooms' catalogues."""
    found = [
        texts(room / language / "LC_MESSAGES/django.po")
        for room in ROOMS
        if (room / language).exists()
    ]
    return set().union(*found)


def texts(catalogue: Path) -> set[str]:
    found = MSGID.findall(catalogue.read_text("utf-8"))
    return {"".join(re.findall(r'"(.*)"', text)) for text in found} - {""}
