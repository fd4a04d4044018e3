"""The signed directory: which files a configuration has, and who vouches for them.

Rules (PR-GCONF section 2.2, ``ConfigurationParser.java``):

* A MIME multipart with two parts: the directory, itself a multipart, and the signature.
* What is signed is the body of the first part, byte for byte.
* The key is found by its certificate's hash among the certificates that the anchor or
  the shared parameters name. There is no certificate path.
* Order of the checks: the signature (nothing unsigned is looked at), then the expiry
  date (an old directory cannot be replayed), then the items.
* Each item gives the hash of one file. The instance of each must be the anchor's: the
  reference does not check this, and another instance's central server could then
  replace our own parameters.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from kerege.xroad.algorithms import (
    Digest,
    digest_by_uri,
    signature_by_uri,
    verify_raw,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf._certificates import read_distributed_certificate
from kerege.xroad.globalconf._mime import (
    MALFORMED,
    Entity,
    fail_mime,
    parse_entity,
    split_parts,
    value_and_parameters,
)
from kerege.xroad.globalconf.tree import (
    METADATA_SUFFIX,
    PRIVATE_PARAMETERS_FILE,
    SHARED_PARAMETERS_FILE,
    PartMetadata,
)
from kerege.xroad.globalconf.values import MINIMUM_VERSION
from kerege.xroad.x509 import public_key

PRIVATE_PARAMETERS = "PRIVATE-PARAMETERS"
SHARED_PARAMETERS = "SHARED-PARAMETERS"

MAX_DIRECTORY_BYTES = 1024 * 1024
"""Real ones have 2 KB."""
MAX_VERSION_DIGITS = 9

_FILE_NAMES = {
    PRIVATE_PARAMETERS: PRIVATE_PARAMETERS_FILE,
    SHARED_PARAMETERS: SHARED_PARAMETERS_FILE,
}


@dataclass(frozen=True, slots=True)
class DirectoryItem:
    """One file of the configuration."""

    content_identifier: str
    """``SHARED-PARAMETERS``, ``PRIVATE-PARAMETERS``, or an extension part's name."""
    instance: str
    content_location: str
    """Relative to the directory's URL."""
    digest: Digest
    hash: bytes
    content_file_name: str | None = None

    @property
    def file_name(self) -> str:
        """The name on disk, without a folder."""
        name = _FILE_NAMES.get(self.content_identifier)
        return name or (self.content_file_name or self.content_location).split("/")[-1]

    def matches(self, content: bytes) -> bool:
        """Whether a file that is already there needs no download."""
        return hashlib.new(self.digest.hashlib_name, content).digest() == self.hash

    def verify(self, content: bytes) -> None:
        """Check a downloaded file.

        Raises ``global_conf_part_downloaded_file_integrity_failure``.
        """
        if not self.matches(content):
            raise XRoadError(
                "global_conf_part_downloaded_file_integrity_failure",
                f"{self.content_identifier} at {self.content_location} does not have "
                "the hash that the signed directory gives",
            )


@dataclass(frozen=True, slots=True)
class SignedDirectory:
    """A directory whose signature is good and which has not expired."""

    expires: datetime
    items: tuple[DirectoryItem, ...]
    version: int | None = None
    """None where the directory does not say: V2."""

    @property
    def effective_version(self) -> int:
        """The version by which the parts are read."""
        return MINIMUM_VERSION if self.version is None else self.version

    def metadata_of(self, item: DirectoryItem) -> PartMetadata:
        """Return what is kept beside the item's file."""
        return PartMetadata(
            expires=self.expires,
            version=self.effective_version,
            content_identifier=item.content_identifier,
            instance=item.instance,
            content_location=item.content_location,
            content_file_name=item.content_file_name,
        )

    @classmethod
    def from_bytes(
        cls,
        data: bytes,
        *,
        instance: str,
        verification_certificates: Sequence[bytes],
        at: datetime,
    ) -> "SignedDirectory":
        """Verify and read a downloaded directory.

        Args:
            data: The HTTP body.
            instance: Whose configuration it must be.
            verification_certificates: Certificates (DER) of keys that may sign it.
            at: The time now.

        Raises:
            XRoadError: one of ``global_conf_parsing_downloaded_conf_directory_failure``,
                ``global_conf_missing_signed_data``,
                ``global_conf_missing_signed_data_expiration_date``,
                ``global_conf_header_field_missing``, ``..._wrong_value``,
                ``..._missing_parameter``, ``global_conf_missing_verification_cert``,
                ``global_conf_signature_decode_failure``,
                ``global_conf_signature_verification_failure``,
                ``global_conf_outdated``,
                ``global_conf_part_invalid_instance_identifier``,
                ``unsupported_algorithm``.
        """
        signed, signature = _signed_and_signature(data, instance)
        _verify_signature(signed.body, signature, verification_certificates, instance)
        parts = split_parts(signed.body, signed.header("Content-Type"))
        if not parts:
            raise _missing_expiry(instance)
        head = parse_entity(parts[0])
        expires = _expiry(head)
        if at > expires:
            raise XRoadError(
                "global_conf_outdated",
                f"Configuration of instance {instance} expired at "
                f"{expires:%Y-%m-%dT%H:%M:%SZ}",
            )
        items = tuple(_item(parse_entity(part), instance) for part in parts[1:])
        _require_distinct(items)
        return cls(expires, items, _version(head))


def _signed_and_signature(data: bytes, instance: str) -> tuple[Entity, Entity]:
    if len(data) > MAX_DIRECTORY_BYTES:
        fail_mime(f"it is larger than {MAX_DIRECTORY_BYTES} bytes")
    outer = parse_entity(data)
    parts = split_parts(outer.body, outer.header("Content-Type"))
    if not parts:
        raise XRoadError(
            "global_conf_missing_signed_data",
            f"Configuration instance {instance} is missing signed data",
        )
    if len(parts) == 1:
        raise _missing_expiry(instance)
    if len(parts) > 2:
        fail_mime("it has more than two parts")
    return parse_entity(parts[0]), parse_entity(parts[1])


def _verify_signature(
    signed: bytes, signature: Entity, certificates: Iterable[bytes], instance: str
) -> None:
    _require(signature, "Content-Type", "application/octet-stream")
    _require(signature, "Content-Transfer-Encoding", "base64")
    algorithm = signature_by_uri(_require(signature, "Signature-Algorithm-Id"))
    wanted, parameters = value_and_parameters(
        _require(signature, "Verification-certificate-hash")
    )
    uri = parameters.get("hash-algorithm-id")
    if not uri:
        raise _missing_parameter("Verification-certificate-hash", "hash-algorithm-id")
    certificate = _certificate(wanted, digest_by_uri(uri), certificates, instance)
    value = _base64(signature.body, "global_conf_signature_decode_failure")
    try:
        key = public_key(read_distributed_certificate(certificate))
        verify_raw(algorithm, key, value, signed)
    except XRoadError as error:
        raise XRoadError(
            "global_conf_signature_verification_failure",
            f"Failed to verify signature of configuration instance {instance}: "
            f"{error.message}",
        ) from error


def _certificate(
    wanted: str, digest: Digest, certificates: Iterable[bytes], instance: str
) -> bytes:
    for certificate in certificates:
        found = hashlib.new(digest.hashlib_name, certificate).digest()
        if base64.b64encode(found).decode() == wanted:
            return certificate
    raise XRoadError(
        "global_conf_missing_verification_cert",
        f"Cannot verify signature of configuration instance {instance}: could not "
        f"find verification certificate for certificate hash {wanted[:255]}",
        advice="The central server signs with a key that neither the anchor nor the "
        "last good shared parameters name. If its keys were changed while this "
        "server was off, upload a fresh anchor.",
    )


def _expiry(head: Entity) -> datetime:
    text = _require(head, "Expire-date")
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _wrong_value("Expire-date", text) from None


def _version(head: Entity) -> int | None:
    text = head.header("Version")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > MAX_VERSION_DIGITS:
        raise _wrong_value("Version", text)
    return int(text)


def _item(entity: Entity, instance: str) -> DirectoryItem:
    _require(entity, "Content-Type", "application/octet-stream")
    _require(entity, "Content-Transfer-Encoding", "base64")
    location = _require(entity, "Content-location")
    digest = digest_by_uri(_require(entity, "Hash-algorithm-id"))
    identifier, parameters = value_and_parameters(entity.header("Content-identifier"))
    item_instance = parameters.get("instance", "").strip()
    if identifier in _FILE_NAMES and not item_instance:
        raise _missing_parameter("Content-identifier", "instance")
    if item_instance and item_instance != instance:
        raise XRoadError(
            "global_conf_part_invalid_instance_identifier",
            f"Content part {identifier[:255]} is for instance {item_instance[:255]}, "
            f"the anchor is for {instance}",
        )
    item = DirectoryItem(
        identifier,
        instance,
        location,
        digest,
        _base64(entity.body, MALFORMED),
        entity.header("Content-file-name") or None,
    )
    _require_plain_name(item)
    return item


def _require_plain_name(item: DirectoryItem) -> None:
    """Refuse a name that leads to another folder or to another file's metadata."""
    name = item.file_name
    if (
        not name
        or name.startswith(".")
        or name.endswith(METADATA_SUFFIX)
        or not name.isprintable()
        or any(c in name for c in '/\\:?*"<>|')
    ):
        fail_mime(f"{name[:255]!r} is no name for a file")


def _require_distinct(items: Sequence[DirectoryItem]) -> None:
    names = [item.file_name for item in items]
    if len(set(names)) < len(names):
        fail_mime("two of its items have the same file name")


def _require(entity: Entity, name: str, expected: str | None = None) -> str:
    value = entity.header(name)
    if not value.strip():
        raise XRoadError("global_conf_header_field_missing", f"Missing header {name}")
    if expected is not None and value != expected:
        raise XRoadError(
            "global_conf_header_field_wrong_value",
            f"Header {name} must be {expected!r}, not {value[:255]!r}",
        )
    return value


def _base64(body: bytes, code: str) -> bytes:
    try:
        return base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error:
        raise XRoadError(code, "A base64 value cannot be decoded") from None


def _missing_expiry(instance: str) -> XRoadError:
    return XRoadError(
        "global_conf_missing_signed_data_expiration_date",
        f"Configuration instance {instance} is missing signed data expiration date",
    )


def _missing_parameter(field: str, parameter: str) -> XRoadError:
    return XRoadError(
        "global_conf_header_field_missing_parameter",
        f"Header {field} is missing parameter {parameter}",
    )


def _wrong_value(field: str, value: str) -> XRoadError:
    return XRoadError(
        "global_conf_header_field_wrong_value",
        f"Header {field} must not be {value[:255]!r}",
    )
