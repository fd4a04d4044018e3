"""Certificates of an X-Road instance: who is trusted, for what, and in whose name.

Public names: `ApprovedCA` and `Trust` (what the global configuration says),
`load_certificate`, `certificate_sha256`, the ``require_`` functions (what a
certificate may be used for). Private modules hold the rules, one subject each.
"""

from kerege.xroad.certificates._chain import (
    ChainVerifier,
    VerifiedChain,
    verify_chain,
)
from kerege.xroad.certificates._profiles import member_of, member_of_subject
from kerege.xroad.certificates._subjects import authentication_subject, signing_subject
from kerege.xroad.certificates._trust import ApprovedCA, MemberProfile, Trust
from kerege.xroad.certificates._usage import (
    is_authentication_certificate,
    is_signing_certificate,
    require_authentication_certificate,
    require_signing_certificate,
)
from kerege.xroad.x509 import (
    LEGACY,
    STRONG,
    AlgorithmPolicy,
    certificate_sha256,
    load_certificate,
)

__all__ = [
    "LEGACY",
    "STRONG",
    "AlgorithmPolicy",
    "ApprovedCA",
    "ChainVerifier",
    "MemberProfile",
    "Trust",
    "VerifiedChain",
    "authentication_subject",
    "certificate_sha256",
    "is_authentication_certificate",
    "is_signing_certificate",
    "load_certificate",
    "member_of",
    "member_of_subject",
    "require_authentication_certificate",
    "require_signing_certificate",
    "signing_subject",
    "verify_chain",
]
