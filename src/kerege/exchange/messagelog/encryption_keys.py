r"""The map of members to the OpenPGP keys that their archives are encrypted with.

Rules (X-Road 7.8 source, `EncryptionConfigProvider.java`; ug-ss 11.1.7):

* UTF-8 text; one ``<member identifier> = <key id>`` in a line, as often as a member has
  keys. White space around both does not count.
* Empty lines, and those that begin with ``#``, are comments.
* In the identifier ``\=`` is ``=`` and ``\#`` is ``#``; a backslash before ``\=`` or
  ``\#`` stays. So ``\\=`` is ``\=``.
* Archives of a subsystem go by its member. A member that is not there has the default
  key.

The reference ignores a line that is no mapping, and that member's archives silently get
the default key. We name the line and do not archive.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kerege.exchange.messagelog.gpg import Keyring
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId

MAX_MAP_BYTES = 4 * 1024 * 1024
"""Tens of thousands of members."""
MAX_KEYS = 100
"""Most keys of one member: each is an argument of a program."""
_SPLIT = re.compile(r"(?<!\\)=")
"""The first that has no backslash before it."""

KeyMap = Mapping[str, tuple[str, ...]]
"""Key ids in the order of the file, by the member's identifier with slashes."""


def parse_key_map(text: str) -> tuple[KeyMap, list[int]]:
    """Return the map, and the numbers of the lines that are no mappings."""
    found: dict[str, list[str]] = {}
    wrong: list[int] = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        member, *rest = _SPLIT.split(stripped, maxsplit=1)
        key = rest[0].strip() if rest else ""
        member = member.strip()
        if not member or not key:
            wrong.append(number)
            continue
        member = member.replace("\\=", "=").replace("\\#", "#")
        keys = found.setdefault(member, [])
        if key not in keys:
            keys.append(key)
    return {member: tuple(keys) for member, keys in found.items()}, wrong


def read_key_map(path: Path) -> KeyMap:
    """Read the map's file.

    Raises ``validation_error`` if it cannot be read, or a line is no mapping.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_MAP_BYTES + 1)
        if len(data) > MAX_MAP_BYTES:
            raise _unusable(path, f"it is larger than {MAX_MAP_BYTES} bytes")
        found, wrong = parse_key_map(data.decode("utf-8-sig"))
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise _unusable(path, "it is not UTF-8 text") from error
    if wrong:
        raise _unusable(path, f"line {wrong[0]} is not <member identifier> = <key id>")
    for member, keys in found.items():
        if len(keys) > MAX_KEYS:
            raise _unusable(path, f"{member[:255]} has more than {MAX_KEYS} keys")
    return found


@dataclass(frozen=True, slots=True)
class ArchiveEncryption:
    """With which keys archives and downloads are encrypted."""

    keyring: Keyring
    default_key: str = ""
    """Key id for whom the map does not name; empty: the server's own."""
    key_map: Path | None = None
    """File of the map; read each time, so that it may be edited at any time."""

    def recipients(self, client: ClientId | None) -> tuple[str, ...]:
        """Return the keys for a group's client, or for everything; empty: our own.

        Raises ``validation_error`` if the map cannot be read.
        """
        keys: tuple[str, ...] = ()
        if client is not None and self.key_map is not None:
            keys = read_key_map(self.key_map).get(client.member.short, ())
        return keys or ((self.default_key,) if self.default_key else ())

    def require_usable(self) -> None:
        """Look whether archives can be encrypted. Blocks: it asks ``gpg``.

        Raises ``action_not_possible`` if ``gpg`` is not installed, ``key_not_found``
        if a key is not in the keyring, ``validation_error``.
        """
        if not self.keyring.has("", secret=True):
            raise XRoadError(
                "key_not_found",
                f"The keyring {self.keyring.home} has no secret key to sign archives",
                advice="Make one: gpg --homedir "
                f"{self.keyring.home} --quick-generate-key NAME default default never",
            )
        known = {} if self.key_map is None else read_key_map(self.key_map)
        wanted = {key for keys in known.values() for key in keys}
        if self.default_key:
            wanted.add(self.default_key)
        for key in sorted(wanted):
            if not self.keyring.has(key):
                raise XRoadError(
                    "key_not_found",
                    f"The keyring {self.keyring.home} has no key {key[:255]}",
                    advice=f"Import it: gpg --homedir {self.keyring.home} --import FILE",
                )


def _unusable(path: Path, why: str) -> XRoadError:
    return XRoadError(
        "validation_error",
        f"The map of archive encryption keys {path} cannot be used: {why}",
        advice="Correct the file; archives are written with the next run.",
    )
