"""Judging a downloaded part before it may replace the one on disk.

Source: ``ConfigurationDownloader.verifyContent``, ``ContentHandler.java``.
"""

from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf._instance import InstanceIndex
from kerege.xroad.globalconf.private_parameters import PrivateParameters
from kerege.xroad.globalconf.shared_parameters import (
    SharedParameters,
    require_version,
)
from kerege.xroad.globalconf.signed_directory import (
    PRIVATE_PARAMETERS,
    SHARED_PARAMETERS,
    DirectoryItem,
)


def verify_part(item: DirectoryItem, content: bytes, version: int) -> None:
    """Check a part's hash and, of the two parameter files, that we can use it.

    Extension parts are not looked at: a server works without them.

    Raises:
        XRoadError: ``global_conf_part_downloaded_file_integrity_failure``,
            ``malformed_global_conf``,
            ``global_conf_part_invalid_instance_identifier``.
    """
    item.verify(content)
    if item.content_identifier == SHARED_PARAMETERS:
        shared = SharedParameters.from_xml(content, version=version)
        _require_instance(item, shared.instance)
        InstanceIndex(shared)
    elif item.content_identifier == PRIVATE_PARAMETERS:
        require_version(version)
        private = PrivateParameters.from_xml(content, version=version)
        _require_instance(item, private.instance)


def _require_instance(item: DirectoryItem, instance: str) -> None:
    if instance != item.instance:
        raise XRoadError(
            "global_conf_part_invalid_instance_identifier",
            f"Content part {item.content_identifier} has invalid instance identifier "
            f"(expected {item.instance}, but was {instance[:255]})",
        )
