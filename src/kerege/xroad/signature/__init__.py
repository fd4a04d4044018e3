"""The XAdES signature profile of X-Road: building and verifying.

Rules (facts as in `SignatureXmlBuilder.java`, `SignatureVerifier.java`,
ug-sigdoc, ETSI TS 101 903, W3C XML Signature):

* A message without attachments that is signed alone: one Reference ``/message.xml``
  over its raw bytes. Everything else is signed through a hash chain result
  (`kerege.xroad.hashchain`), one signature for all messages of a batch.
* Two References: the document, and the SignedProperties of this signature, which hold
  the digest of the signing certificate.
* Digests are SHA-512 by default, canonicalization is inclusive C14N 1.0 without
  comments. ECDSA values stand as r||s.
* Unsigned properties carry intermediate certificates, OCSP responses (signing
  certificate first) and, in containers, the time-stamp.
* Verifiers also accept one Reference per part, exclusive canonicalization, RSA-PSS, a
  bare ``ds:Signature`` as root, and the layout of early versions.
* Codes here have no prefix but ``malformed_signature`` before those of the hash chain;
  the message path puts ``signature_verification`` before them (`Verifier.java`).
"""

from kerege.xroad.signature._model import (
    ATTACHMENT,
    HASH_CHAIN_NAME,
    HASH_CHAIN_RESULT_NAME,
    MESSAGE,
    Part,
    SignatureData,
    Signer,
    attachment_name,
)
from kerege.xroad.signature._parse import ParsedSignature, Reference, parse_signature
from kerege.xroad.signature._sign import (
    PreparedBatch,
    prepare_messages,
    sign_messages,
)
from kerege.xroad.signature._template import PreparedSignature, SignatureTemplate
from kerege.xroad.signature._timestamp import with_signature_timestamp
from kerege.xroad.signature._verify import (
    MESSAGE_RULES,
    SignatureVerifier,
    VerificationRules,
    VerifiedSignature,
    verify_signature,
)

__all__ = [
    "ATTACHMENT",
    "HASH_CHAIN_NAME",
    "HASH_CHAIN_RESULT_NAME",
    "MESSAGE",
    "MESSAGE_RULES",
    "ParsedSignature",
    "Part",
    "PreparedBatch",
    "PreparedSignature",
    "Reference",
    "SignatureData",
    "SignatureTemplate",
    "SignatureVerifier",
    "Signer",
    "VerificationRules",
    "VerifiedSignature",
    "attachment_name",
    "parse_signature",
    "prepare_messages",
    "sign_messages",
    "verify_signature",
    "with_signature_timestamp",
]
