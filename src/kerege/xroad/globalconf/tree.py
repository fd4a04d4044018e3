"""A configuration as files: the reference's directory layout, in both directions.

* ``instance-identifier``: the own instance.
* ``<instance>/shared-params.xml``, ``private-params.xml`` and extension parts; the
  instance is percent-encoded as in a form (Java's ``URLEncoder``).
* ``<file>.metadata``: JSON with the expiry date and the version of the file. Without
  it the file is V2 and does not expire (containers' ``verificationconf``); a server
  that lives by expiry dates does not use such a file.

An instance that cannot be read is left out, with the reason in ``problems``; the
reference does the same (``VersionedConfigurationDirectory.java``).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote_plus

from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf._instance import (
    NEVER,
    InstanceConfiguration,
    InstanceIndex,
)
from kerege.xroad.globalconf.extensions import Extensions
from kerege.xroad.globalconf.private_parameters import PrivateParameters
from kerege.xroad.globalconf.shared_parameters import (
    MALFORMED,
    SharedParameters,
    require_version,
)
from kerege.xroad.globalconf.values import MINIMUM_VERSION
from kerege.xroad.globalconf.view import GlobalConf

INSTANCE_IDENTIFIER_FILE = "instance-identifier"
SHARED_PARAMETERS_FILE = "shared-params.xml"
PRIVATE_PARAMETERS_FILE = "private-params.xml"
METADATA_SUFFIX = ".metadata"

MAX_METADATA_BYTES = 64 * 1024
"""Six short strings; 200 bytes are usual."""
MAX_INSTANCE_CHARACTERS = 255
"""As in the reference's databases; also what a file system takes as a name."""


@dataclass(frozen=True, slots=True)
class PartMetadata:
    """What is kept beside each downloaded file."""

    expires: datetime = NEVER
    version: int = MINIMUM_VERSION
    content_identifier: str | None = None
    instance: str | None = None
    content_location: str | None = None
    content_file_name: str | None = None

    @classmethod
    def from_json(cls, data: bytes) -> "PartMetadata":
        """Read a ``.metadata`` file. Raises ``malformed_global_conf``."""
        fields = _json_object(data)
        expires = _text(fields, "expirationDate")
        version = fields.get("configurationVersion")
        try:
            return cls(
                _time(expires) if expires else NEVER,
                MINIMUM_VERSION if version is None else int(str(version)[:10]),
                _text(fields, "contentIdentifier"),
                _text(fields, "instanceIdentifier"),
                _text(fields, "contentLocation"),
                _text(fields, "contentFileName"),
            )
        except (ValueError, OverflowError) as error:
            raise XRoadError(MALFORMED, f"Metadata is wrong: {error}") from None

    def to_json(self) -> bytes:
        """Write a ``.metadata`` file."""
        expires = self.expires.astimezone(UTC).isoformat(timespec="seconds")
        fields = {
            "contentIdentifier": self.content_identifier,
            "instanceIdentifier": self.instance,
            "expirationDate": expires.replace("+00:00", "Z"),
            "contentFileName": self.content_file_name,
            "contentLocation": self.content_location,
            "configurationVersion": str(self.version),
        }
        known = {name: value for name, value in fields.items() if value is not None}
        return json.dumps(known, ensure_ascii=False).encode()


class TreeLoader:
    """Makes a snapshot from files, again and again.

    What was read for the last snapshot and is still the same is not read again: every
    minute only the expiry dates change.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, int], InstanceIndex] = {}
        self.loaded: Mapping[str, SharedParameters] = {}
        """All shared parameters of the last `load`, expired ones too."""

    def load(
        self, files: Mapping[str, bytes], *, at: datetime | None = None
    ) -> GlobalConf:
        """Read a configuration directory's files into a snapshot.

        Args:
            files: Paths, relative and with slashes, and contents.
            at: Leave out federated instances that have expired by then, and any that
                never expire; None leaves none out, as verifiers of old containers
                want it.

        Raises:
            XRoadError: ``malformed_global_conf`` if there is no instance identifier.
        """
        own = _own_instance(files)
        problems: list[XRoadError] = []
        instances: list[InstanceConfiguration] = []
        fresh: dict[tuple[bytes, int], InstanceIndex] = {}
        for directory in sorted({path.split("/")[0] for path in files if "/" in path}):
            with _noting(problems, directory):
                parts = dict(_files_of(files, directory))
                instance = self._load_instance(parts, fresh)
                if instance is not None:
                    _require_usable(instance, directory, own, at)
                    instances.append(instance)
        self._known = fresh
        self.loaded = {i.shared.instance: i.shared for i in fresh.values()}
        extensions = Extensions()
        with _noting(problems, own):
            extensions = Extensions.from_files(
                dict(_files_of(files, directory_name(own)))
            )
        return GlobalConf(own, instances, extensions, problems)

    def _load_instance(
        self,
        files: Mapping[str, bytes],
        fresh: dict[tuple[bytes, int], InstanceIndex],
    ) -> InstanceConfiguration | None:
        """Read the files of one instance; None without shared parameters."""
        if SHARED_PARAMETERS_FILE not in files:
            return None
        data = files[SHARED_PARAMETERS_FILE]
        metadata = _metadata(files, SHARED_PARAMETERS_FILE)
        key = (hashlib.sha256(data).digest(), metadata.version)
        index = self._known.get(key)
        if index is None:
            index = InstanceIndex(
                SharedParameters.from_xml(data, version=metadata.version)
            )
        fresh[key] = index
        expires = min(
            metadata.expires, _metadata(files, PRIVATE_PARAMETERS_FILE).expires
        )
        private = private_parameters_in(files)
        return InstanceConfiguration(index.shared, private, expires, index)


def load_tree(files: Mapping[str, bytes], *, at: datetime | None = None) -> GlobalConf:
    """Read a configuration directory's files into a snapshot, once.

    See `TreeLoader.load`.
    """
    return TreeLoader().load(files, at=at)


def private_parameters_in(files: Mapping[str, bytes]) -> PrivateParameters | None:
    """Read the private parameters among an instance's files, if they are there.

    Raises ``malformed_global_conf`` or ``invalid_client_identifier``.
    """
    if PRIVATE_PARAMETERS_FILE not in files:
        return None
    version = _metadata(files, PRIVATE_PARAMETERS_FILE).version
    require_version(version)
    return PrivateParameters.from_xml(files[PRIVATE_PARAMETERS_FILE], version=version)


def directory_name(instance: str) -> str:
    """Return the name of an instance's directory, as the reference encodes it.

    Raises ``malformed_global_conf`` for a name that is none or leads elsewhere.
    """
    name = quote_plus(instance, safe="*").replace("~", "%7E")
    if name in ("", ".", "..") or len(instance) > MAX_INSTANCE_CHARACTERS:
        raise XRoadError(
            MALFORMED, f"{instance[:255]!r} cannot be an instance identifier"
        )
    return name


@contextmanager
def _noting(problems: list[XRoadError], where: str) -> Iterator[None]:
    try:
        yield
    except XRoadError as error:
        problems.append(XRoadError(error.code, f"In {where}: {error.message}"))


def _own_instance(files: Mapping[str, bytes]) -> str:
    try:
        own = files[INSTANCE_IDENTIFIER_FILE].decode().strip()
        directory_name(own)
    except KeyError:
        raise XRoadError(
            MALFORMED,
            f"The configuration directory has no {INSTANCE_IDENTIFIER_FILE} file",
            advice="Let the configuration client download the configuration.",
        ) from None
    except UnicodeDecodeError:
        raise XRoadError(
            MALFORMED, f"The {INSTANCE_IDENTIFIER_FILE} file is not UTF-8"
        ) from None
    return own


def _files_of(
    files: Mapping[str, bytes], directory: str
) -> Iterator[tuple[str, bytes]]:
    prefix = directory + "/"
    for path, content in files.items():
        if path.startswith(prefix):
            yield path.removeprefix(prefix), content


def _require_usable(
    configuration: InstanceConfiguration,
    directory: str,
    own: str,
    at: datetime | None,
) -> None:
    instance = configuration.shared.instance
    if directory_name(instance) != directory:
        raise XRoadError(
            "global_conf_part_invalid_instance_identifier",
            f"The shared parameters are those of {instance}",
        )
    if at is not None and configuration.expires == NEVER:
        raise XRoadError(
            "global_conf_outdated",
            "The configuration does not say when it expires: it was not downloaded "
            "to its end",
        )
    if at is not None and instance != own and at >= configuration.expires:
        raise XRoadError(
            "global_conf_outdated",
            f"The configuration expired at {configuration.expires:%Y-%m-%dT%H:%M:%SZ}",
        )


def _metadata(files: Mapping[str, bytes], name: str) -> PartMetadata:
    data = files.get(name + METADATA_SUFFIX)
    return PartMetadata() if data is None else PartMetadata.from_json(data)


def _json_object(data: bytes) -> dict[str, object]:
    if len(data) > MAX_METADATA_BYTES:
        raise XRoadError(
            MALFORMED, f"Metadata is larger than {MAX_METADATA_BYTES} bytes"
        )
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        raise XRoadError(MALFORMED, "Metadata is not JSON") from None
    if not isinstance(fields, dict):
        raise XRoadError(MALFORMED, "Metadata is not a JSON object")
    return fields


def _text(fields: Mapping[str, object], name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) else None


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
