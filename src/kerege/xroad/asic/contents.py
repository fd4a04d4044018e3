"""Checks of what is in a container, beside what is signed.

The reference makes none of them: its verifier accepts a container without manifest,
one from which the body was removed, and one with files that nobody signed. Each check
returns what it has to say, or raises.
"""

from collections.abc import Collection
from hmac import compare_digest

from kerege.xroad.asic import manifests, names
from kerege.xroad.asic.reader import Container
from kerege.xroad.faults import XRoadError
from kerege.xroad.xml import parse

INVALID = "asic_invalid_container"
_HASH_CHAIN_ROOTS = (
    "{http://cyber.ee/hashchain}HashChain",
    "{http://cyber.ee/hashchain}HashChainResult",
)


def check_manifest(container: Container) -> dict[str, str]:
    """Check that ``manifest.xml`` lists exactly what is in the container.

    An entry that is listed and absent was removed after the container was written.

    Returns:
        The media type of each listed file.

    Raises:
        XRoadError: ``asic_manifest_not_found``, ``asic_invalid_mime_type`` or
            ``asic_invalid_container``.
    """
    if container.manifest is None:
        raise XRoadError("asic_manifest_not_found", f"{names.MANIFEST} is missing")
    listed = manifests.read_manifest(container.manifest)
    root = listed.pop("/", names.MIME_TYPE)
    if root != names.MIME_TYPE:
        raise XRoadError(
            "asic_invalid_mime_type",
            f"{names.MANIFEST} says that the container is {root[:64]!r}",
        )
    expected = dict.fromkeys(container.entries, manifests.TEXT_XML)
    expected |= {a.name: manifests.OCTET_STREAM for a in container.attachments}
    del expected[names.SIGNATURE]
    present = expected.keys() | {name for name, _ in container.unexpected}
    for name, media_type in listed.items():
        if name not in present:
            raise _invalid(name, f"is listed in {names.MANIFEST} but was removed")
        if media_type != expected.get(name, media_type):
            raise _invalid(name, f"has another media type in {names.MANIFEST}")
    return listed


def check_listed(
    container: Container, listed: Collection[str], unsigned: Collection[str]
) -> None:
    """Check that the manifest leaves nothing out.

    Args:
        container: The container.
        listed: From `check_manifest`.
        unsigned: Hash chain documents that nothing refers to: old servers left them
            in without listing them.

    Raises:
        XRoadError: ``asic_invalid_container``.
    """
    present = [name for name in container.entries if name != names.SIGNATURE]
    present += [attachment.name for attachment in container.attachments]
    for name in present:
        if name not in listed and name not in unsigned:
            raise _invalid(name, f"is not listed in {names.MANIFEST}")


def check_asic_manifest(container: Container) -> None:
    """Check that ``ASiCManifest.xml`` binds the time-stamp to what was stamped.

    Raises:
        XRoadError: ``asic_manifest_not_found``, ``asic_invalid_container``,
            ``invalid_reference`` or ``unsupported_algorithm``.
    """
    if container.asic_manifest is None:
        raise XRoadError(
            "asic_manifest_not_found",
            f"{names.ASIC_MANIFEST} is missing, and there is a batch time-stamp",
        )
    manifest = manifests.read_asic_manifest(container.asic_manifest)
    if manifest.signature_entry.lstrip("/") != names.TIMESTAMP:
        raise XRoadError(
            "invalid_reference",
            f"{names.ASIC_MANIFEST} does not refer to {names.TIMESTAMP}",
        )
    stamped = container.timestamp_chain_result or b""
    for reference in manifest.references:
        if reference.entry.lstrip("/") != names.TIMESTAMP_CHAIN_RESULT:
            raise XRoadError(
                "invalid_reference",
                f"{names.ASIC_MANIFEST} refers to {reference.entry[:64]!r}",
            )
        if not compare_digest(reference.algorithm.of(stamped), reference.digest):
            raise XRoadError(
                "invalid_reference",
                f"{names.ASIC_MANIFEST} has another digest of "
                f"{names.TIMESTAMP_CHAIN_RESULT}",
            )
    if not manifest.references:
        raise XRoadError(
            "invalid_reference",
            f"{names.ASIC_MANIFEST} does not refer to {names.TIMESTAMP_CHAIN_RESULT}",
        )


def check_entries(container: Container) -> tuple[str, ...]:
    """Check that there are no files that nobody signed.

    Returns:
        Names of hash chain documents that nothing refers to; they say nothing and
        were left in by old servers.

    Raises:
        XRoadError: ``asic_invalid_container``.
    """
    if container.comment not in (b"", names.COMMENT):
        raise _invalid("the ZIP comment", "is not that of a container")
    if container.asic_manifest is not None and not container.timestamp_chain_result:
        raise _invalid(names.ASIC_MANIFEST, "is there without a batch time-stamp")
    ignored = []
    for name, content in container.unexpected:
        if not _is_hash_chain(name, content):
            raise _invalid(name, "is in it, but nobody signed it")
        ignored.append(name)
    return tuple(ignored)


def _is_hash_chain(name: str, content: bytes) -> bool:
    if not name.startswith("hashchain"):
        return False
    try:
        root = parse(content, code=INVALID, what=name)
    except XRoadError:
        return False
    return root.tag in _HASH_CHAIN_ROOTS


def _invalid(what: str, why: str) -> XRoadError:
    return XRoadError(
        INVALID, f"The container is not as it was written: {what[:64]} {why}"
    )
