"""The global configuration: who is in an instance, whom it trusts, where they are.

`GlobalConf` answers the servers' questions; `load_tree` makes one from files;
`SharedParameters`, `PrivateParameters` and `Anchor` are the documents, and
`SignedDirectory` is what ties them to the central server's key.
"""

from kerege.xroad.globalconf._instance import (
    NEVER,
    InstanceConfiguration,
    MemberInfo,
    ServerAddress,
)
from kerege.xroad.globalconf._server_queries import available
from kerege.xroad.globalconf.anchor import Anchor, AnchorSource, anchor_fingerprint
from kerege.xroad.globalconf.directory_builder import (
    DirectoryContent,
    DirectoryPart,
    build_signed_directory,
)
from kerege.xroad.globalconf.extensions import Extensions
from kerege.xroad.globalconf.federation import FederationFilter
from kerege.xroad.globalconf.ocsp_urls import OCSPPriority
from kerege.xroad.globalconf.private_parameters import (
    ManagementService,
    PrivateParameters,
)
from kerege.xroad.globalconf.shared_parameters import SharedParameters
from kerege.xroad.globalconf.signed_directory import SignedDirectory
from kerege.xroad.globalconf.tree import PartMetadata, directory_name, load_tree
from kerege.xroad.globalconf.view import GlobalConf

__all__ = [
    "NEVER",
    "Anchor",
    "AnchorSource",
    "DirectoryContent",
    "DirectoryPart",
    "Extensions",
    "FederationFilter",
    "GlobalConf",
    "InstanceConfiguration",
    "ManagementService",
    "MemberInfo",
    "OCSPPriority",
    "PartMetadata",
    "PrivateParameters",
    "ServerAddress",
    "SharedParameters",
    "SignedDirectory",
    "anchor_fingerprint",
    "available",
    "build_signed_directory",
    "directory_name",
    "load_tree",
]
