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
from kerege.xroad.globalconf.extensions import Extensions
from kerege.xroad.globalconf.ocsp_urls import OCSPPriority
from kerege.xroad.globalconf.private_parameters import (
    ManagementService,
    PrivateParameters,
)
from kerege.xroad.globalconf.shared_parameters import SharedParameters
from kerege.xroad.globalconf.tree import PartMetadata, directory_name, load_tree
from kerege.xroad.globalconf.view import GlobalConf

__all__ = [
    "NEVER",
    "Anchor",
    "AnchorSource",
    "Extensions",
    "GlobalConf",
    "InstanceConfiguration",
    "ManagementService",
    "MemberInfo",
    "OCSPPriority",
    "PartMetadata",
    "PrivateParameters",
    "ServerAddress",
    "SharedParameters",
    "anchor_fingerprint",
    "available",
    "directory_name",
    "load_tree",
]
