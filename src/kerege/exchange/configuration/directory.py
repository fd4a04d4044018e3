"""The configuration on disk, in the reference's layout.

Each file is replaced whole and durably (`kerege.exchange.files`). A reader that comes
at any moment finds an old file or a new one, never half of one.

Source: `kerege.xroad.globalconf.tree` for the layout, ``ConfigurationDirectory.java``,
``FSGlobalConfValidator.java``.
"""

import shutil
from collections.abc import Collection, Iterator
from datetime import datetime
from enum import Enum
from pathlib import Path

from kerege.exchange.files import make_folder, replace_file
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf, directory_name, load_tree
from kerege.xroad.globalconf.tree import (
    INSTANCE_IDENTIFIER_FILE,
    METADATA_SUFFIX,
    SHARED_PARAMETERS_FILE,
)
from kerege.xroad.xml import MAX_XML_BYTES

FILE_LIST = "files"
"""A list that central servers keep in the same folder; it is no configuration."""
VERIFICATION_CONFIGURATION = "verificationconf"
"""The folder in the file that security servers give to verifiers of containers."""
MAX_FILES = 10_000
"""Instances times parts; a federation of a thousand instances has 4,000."""
READABLE = 0o644
"""A configuration is public; verifiers of containers may read it."""


class Readiness(Enum):
    """Whether a directory can be loaded, and if not, why."""

    READY_TO_INIT = "READY_TO_INIT"
    FAILURE_CONFIGURATION_ERROR = "FAILURE_CONFIGURATION_ERROR"
    """The path is not a directory."""
    FAILURE_MALFORMED = "FAILURE_MALFORMED"
    """There is no instance in it: nothing has been downloaded yet."""
    FAILURE_MISSING_INSTANCE_IDENTIFIER = "FAILURE_MISSING_INSTANCE_IDENTIFIER"
    """Nobody knows whose configuration it is."""


def readiness(path: Path) -> Readiness:
    """Return whether `load_directory` has something to load."""
    if not path.is_dir():
        return Readiness.FAILURE_CONFIGURATION_ERROR
    if not any(entry.is_dir() for entry in path.iterdir()):
        return Readiness.FAILURE_MALFORMED
    if not (path / INSTANCE_IDENTIFIER_FILE).is_file():
        return Readiness.FAILURE_MISSING_INSTANCE_IDENTIFIER
    return Readiness.READY_TO_INIT


def load_directory(path: Path, *, at: datetime | None = None) -> GlobalConf:
    """Read a configuration directory, or an unpacked ``verificationconf``.

    Args:
        path: The folder that holds ``instance-identifier``, or in which
            ``verificationconf.zip`` was unpacked.
        at: Leave out federated instances that have expired by then.

    Raises:
        XRoadError: ``malformed_global_conf`` if there is no configuration, or too
            much of it. What is wrong inside an instance is in ``problems``.
    """
    inside = path / VERIFICATION_CONFIGURATION
    if not (path / INSTANCE_IDENTIFIER_FILE).is_file() and inside.is_dir():
        path = inside
    return load_tree(read_files(path), at=at)


def read_files(path: Path) -> dict[str, bytes]:
    """Return the files of a configuration directory, by relative path.

    Raises ``malformed_global_conf`` beyond the bounds, or if it cannot be read.
    """
    files: dict[str, bytes] = {}
    try:
        for file in _walk(path):
            if len(files) >= MAX_FILES:
                raise XRoadError(
                    "malformed_global_conf", f"{path} has more than {MAX_FILES} files"
                )
            files[file.relative_to(path).as_posix()] = _read(file)
    except OSError as error:
        raise XRoadError(
            "malformed_global_conf", f"Cannot read the configuration: {error}"
        ) from error
    return files


def read_instance(folder: Path) -> dict[str, bytes]:
    """Return the files of one instance, by name; none if there is no such folder."""
    if not folder.is_dir():
        return {}
    return {file.name: _read(file) for file in _plain_files(folder)}


def configuration_files(path: Path) -> tuple[str, ...]:
    """Return the configuration's parts, without what is only kept beside them."""
    relative = (file.relative_to(path).as_posix() for file in _walk(path))
    return tuple(
        name
        for name in relative
        if not name.endswith((FILE_LIST, INSTANCE_IDENTIFIER_FILE, METADATA_SUFFIX))
    )


def save(file: Path, content: bytes) -> None:
    """Write or replace a file atomically, and its folder if there is none."""
    make_folder(file.parent)
    replace_file(file, content, mode=READABLE)


def save_if_changed(file: Path, content: bytes) -> None:
    """Write a small file unless it already says the same."""
    if not file.is_file() or file.read_bytes() != content:
        save(file, content)


def delete_other_files(folder: Path, keep: Collection[str]) -> None:
    """Delete the files that an instance's new configuration no longer has."""
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        is_folder = entry.is_dir() and not entry.is_symlink()  # not one of ours
        if not is_folder and entry.name not in keep:
            entry.unlink(missing_ok=True)


def delete_other_instances(path: Path, keep: Collection[str]) -> None:
    """Delete the folders of instances that are no longer federated with this one.

    Somebody may have chosen a folder that holds other things: those are left alone.
    """
    names = {directory_name(instance) for instance in keep}
    for entry in path.iterdir():
        if entry.name not in names and _is_configuration(entry):
            shutil.rmtree(entry)


def _is_configuration(folder: Path) -> bool:
    """Whether a folder has an instance's parameters, and no folders in it."""
    return (
        not folder.is_symlink()
        and (folder / SHARED_PARAMETERS_FILE).is_file()
        and all(entry.is_file() for entry in folder.iterdir())
    )


def _walk(path: Path) -> Iterator[Path]:
    """Yield the files of a folder and of the folders in it, in a stable order."""
    for entry in sorted(path.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _plain_files(entry)
        elif entry.is_file():
            yield entry


def _plain_files(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.iterdir()
        if file.is_file() and not file.name.startswith(".")
    )


def _read(file: Path) -> bytes:
    if file.stat().st_size > MAX_XML_BYTES:
        raise XRoadError(
            "malformed_global_conf", f"{file} is larger than {MAX_XML_BYTES} bytes"
        )
    return file.read_bytes()
