"""What a signature in a message may contain: the profile as a grammar.

The reference validates messages against the XAdES schema. This grammar is narrower: it
has only what X-Road's signatures contain, in all forms seen since version 6, so that
nothing travels in a signature that no rule looks at. Containers are not checked: old
ones hold elements that the standard never had.
"""

from lxml import etree

from kerege.xroad.faults import XRoadError

_NAMESPACES = {
    "asic": "http://uri.etsi.org/02918/v1.2.1#",
    "old": "http://uri.etsi.org/02918/v1.1.1#",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "xades": "http://uri.etsi.org/01903/v1.3.2#",
}

_TEXT = "text"
_ELEMENTS: dict[str, tuple[str, str]] = {
    "asic:XAdESSignatures": ("", "ds:Signature"),
    "old:XAdESSignatures": ("", "ds:Signature"),
    "ds:Signature": ("Id?", "ds:SignedInfo ds:SignatureValue ds:KeyInfo ds:Object"),
    "ds:SignedInfo": (
        "Id?",
        "ds:CanonicalizationMethod ds:SignatureMethod ds:Reference+",
    ),
    "ds:CanonicalizationMethod": ("Algorithm", ""),
    "ds:SignatureMethod": ("Algorithm", ""),
    "ds:Reference": (
        "Id? Type? URI",
        "ds:Transforms? ds:DigestMethod ds:DigestValue",
    ),
    "ds:Transforms": ("", "ds:Transform"),
    "ds:Transform": ("Algorithm", ""),
    "ds:DigestMethod": ("Algorithm", ""),
    "ds:DigestValue": ("", _TEXT),
    "ds:SignatureValue": ("Id?", _TEXT),
    "ds:KeyInfo": ("Id?", "ds:X509Data"),
    "ds:X509Data": ("", "ds:X509Certificate+"),
    "ds:X509Certificate": ("", _TEXT),
    "ds:X509IssuerName": ("", _TEXT),
    "ds:X509SerialNumber": ("", _TEXT),
    "ds:Object": ("Id?", "xades:QualifyingProperties"),
    "xades:QualifyingProperties": (
        "Id? Target",
        "xades:SignedProperties xades:UnsignedProperties",
    ),
    "xades:SignedProperties": (
        "Id",
        "xades:SignedSignatureProperties xades:SignedDataObjectProperties?",
    ),
    "xades:SignedSignatureProperties": (
        "Id?",
        (
            "xades:SigningTime "
            "xades:SigningCertificate|xades:SigningCertificateV2 "
            "xades:SignaturePolicyIdentifier?"
        ),
    ),
    "xades:SigningTime": ("", _TEXT),
    "xades:SigningCertificate": ("", "xades:Cert"),
    "xades:SigningCertificateV2": ("", "xades:Cert"),
    "xades:Cert": (
        "URI?",
        "xades:CertDigest xades:IssuerSerial|xades:IssuerSerialV2|",
    ),
    "xades:CertDigest": ("", "ds:DigestMethod ds:DigestValue"),
    "xades:IssuerSerial": ("", "ds:X509IssuerName ds:X509SerialNumber"),
    "xades:IssuerSerialV2": ("", _TEXT),
    "xades:SignaturePolicyIdentifier": ("", "xades:SignaturePolicyId"),
    "xades:SignaturePolicyId": (
        "",
        "xades:SigPolicyId xades:SigPolicyHash xades:SigPolicyQualifiers?",
    ),
    "xades:SigPolicyId": ("", "xades:Identifier xades:Description?"),
    "xades:Identifier": ("Qualifier?", _TEXT),
    "xades:Description": ("", _TEXT),
    "xades:SigPolicyHash": ("", "ds:DigestMethod ds:DigestValue"),
    "xades:SigPolicyQualifiers": ("", "xades:SigPolicyQualifier+"),
    "xades:SigPolicyQualifier": ("", "xades:SPURI"),
    "xades:SPURI": ("", _TEXT),
    "xades:SignedDataObjectProperties": ("Id?", "xades:DataObjectFormat*"),
    "xades:DataObjectFormat": ("ObjectReference", "xades:MimeType"),
    "xades:MimeType": ("", _TEXT),
    "xades:UnsignedProperties": ("Id?", "xades:UnsignedSignatureProperties"),
    "xades:UnsignedSignatureProperties": (
        "Id?",
        (
            "xades:SignatureTimeStamp? xades:CompleteCertificateRefs? "
            "xades:CertificateValues? xades:RevocationValues"
        ),
    ),
    "xades:SignatureTimeStamp": ("Id?", "xades:EncapsulatedTimeStamp"),
    "xades:EncapsulatedTimeStamp": ("Id?", _TEXT),
    "xades:CompleteCertificateRefs": ("Id?", "xades:CertRefs"),
    "xades:CertRefs": ("", "xades:Cert+"),
    "xades:CertificateValues": ("Id?", "xades:EncapsulatedX509Certificate+"),
    "xades:EncapsulatedX509Certificate": ("Id?", _TEXT),
    "xades:RevocationValues": ("Id?", "xades:OCSPValues"),
    "xades:OCSPValues": ("", "xades:EncapsulatedOCSPValue+"),
    "xades:EncapsulatedOCSPValue": ("Id?", _TEXT),
}
"""Element: its attributes, its children in order. ``?``, ``*``, ``+`` as usual,
``a|b`` is a choice and ``a|`` may be absent; everything else is an error."""
_ROOTS = ("asic:XAdESSignatures", "old:XAdESSignatures", "ds:Signature")
_REPEATS = {"?": "optional", "*": "zeroOrMore", "+": "oneOrMore"}


def require_profile(root: etree._Element) -> None:
    """Check a signature document against the grammar of messages.

    Raises:
        XRoadError: ``malformed_signature``, naming the element that does not fit.
    """
    if not _GRAMMAR.validate(root):
        error = _GRAMMAR.error_log.last_error
        what = error.message if error is not None else "unknown reason"
        raise XRoadError(
            "malformed_signature",
            f"The signature does not follow the profile: {what[:255]}",
        )


def _grammar() -> etree.RelaxNG:
    """Write the table as RELAX NG, which libxml2 compiles and runs."""
    namespaces = "".join(f' xmlns:{k}="{v}"' for k, v in _NAMESPACES.items())
    roots = "".join(_reference(name) for name in _ROOTS)
    defines = "".join(_define(name, *rule) for name, rule in _ELEMENTS.items())
    return etree.RelaxNG(
        etree.fromstring(
            f'<grammar xmlns="http://relaxng.org/ns/structure/1.0"{namespaces}>'
            f"<start><choice>{roots}</choice></start>{defines}</grammar>"
        )
    )


def _define(name: str, attributes: str, children: str) -> str:
    content = "".join(_attribute(token) for token in attributes.split())
    if children == _TEXT:
        content += "<text/>"
    else:
        content += "".join(_child(token) for token in children.split())
    return (
        f'<define name="{name.replace(":", ".")}"><element name="{name}">'
        f"{content or '<empty/>'}</element></define>"
    )


def _attribute(token: str) -> str:
    element = f'<attribute name="{token.removesuffix("?")}"/>'
    return f"<optional>{element}</optional>" if token.endswith("?") else element


def _child(token: str) -> str:
    names = token.rstrip("?*+|").split("|")
    if len(names) > 1:
        choice = f"<choice>{''.join(map(_reference, names))}</choice>"
        return f"<optional>{choice}</optional>" if token.endswith("|") else choice
    repeat = _REPEATS.get(token[-1])
    reference = _reference(names[0])
    return f"<{repeat}>{reference}</{repeat}>" if repeat else reference


def _reference(name: str) -> str:
    return f'<ref name="{name.replace(":", ".")}"/>'


_GRAMMAR = _grammar()
