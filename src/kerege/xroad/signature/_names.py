"""Distinguished names as RFC 2253 text, the way ``X500Principal.getName`` writes them.

The reference compares nothing against this text; people and other verifiers read it.
"""

from cryptography import x509
from cryptography.x509.oid import NameOID

_KEYWORDS = {
    NameOID.COMMON_NAME: "CN",
    NameOID.COUNTRY_NAME: "C",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.STREET_ADDRESS: "STREET",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.USER_ID: "UID",
}
"""RFC 2253 section 2.3; everything else is written as OID and hexadecimal DER."""
_SPECIAL = ',+"\\<>;'


def rfc2253_name(name: x509.Name) -> str:
    """Return the name, last RDN first (RFC 2253 section 2.1)."""
    return ",".join(
        "+".join(_attribute(attribute) for attribute in rdn)
        for rdn in reversed(name.rdns)
    )


def _attribute(attribute: x509.NameAttribute[str | bytes]) -> str:
    keyword = _KEYWORDS.get(attribute.oid)
    value = attribute.value
    if keyword is None or isinstance(value, bytes):
        return f"{attribute.oid.dotted_string}=#{_value_der(attribute).hex()}"
    return f"{keyword}={_escape(value)}"


def _escape(value: str) -> str:
    """Escape a value (RFC 2253 section 2.4)."""
    text = "".join(f"\\{c}" if c in _SPECIAL else c for c in value)
    if value.startswith(("#", " ")):
        text = "\\" + text
    if value.endswith(" ") and len(value) > 1:
        text = text[:-1] + "\\ "
    return text


def _value_der(attribute: x509.NameAttribute[str | bytes]) -> bytes:
    """Return the DER of the value alone: a name of one attribute, peeled."""
    der = x509.Name([attribute]).public_bytes()
    for _ in range(3):  # SEQUENCE { SET { SEQUENCE { OID, value } } }
        der = der[_header_size(der) :]
    return der[_header_size(der) + der[1] :]


def _header_size(der: bytes) -> int:
    """Return the size of tag and length; our own encoder wrote them."""
    return 2 if der[1] < 0x80 else 2 + (der[1] & 0x7F)
