"""Hash chains: one signature or time-stamp that covers many documents.

Rules (``hashchain.xsd``; `HashChainBuilder.java`, `HashChainVerifier.java`):

* A hash step is a list of digests. Its value is the DER encoding of the list, each
  digest with the URI of its algorithm and an empty list of transforms.
* A step's entries are ``DataRef`` (the digest of a document), ``StepRef`` (the digest
  of another step) and ``HashValue`` (a digest that is just given).
* The hash chain result names the first step and gives its digest: that is what is
  signed or time-stamped.
* Several inputs form a binary tree; each gets its own chain from the top down to
  itself. A message with attachments enters the tree as its own step.
* Who verifies recomputes the first step from the inputs at hand. Every input given
  must be used by the chain, else somebody could sign less than was sent.
"""

from kerege.xroad.hashchain._build import (
    SIGNATURE_CHAIN_NAME,
    TIMESTAMP_CHAIN_NAME,
    HashChainInput,
    HashChains,
    build_hash_chains,
)
from kerege.xroad.hashchain._digest_list import digest_list
from kerege.xroad.hashchain._verify import (
    HashChainReport,
    InputDigest,
    verify_hash_chain,
)

__all__ = [
    "SIGNATURE_CHAIN_NAME",
    "TIMESTAMP_CHAIN_NAME",
    "HashChainInput",
    "HashChainReport",
    "HashChains",
    "InputDigest",
    "build_hash_chains",
    "digest_list",
    "verify_hash_chain",
]
