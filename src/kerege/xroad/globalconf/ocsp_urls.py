"""In which order OCSP responders are asked, when some of them cost money.

Source: ``CostTypePrioritizer.java``, parameter ``signer.ocsp-prioritization-strategy``.
"""

from collections.abc import Iterable
from enum import Enum

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from kerege.xroad.globalconf.values import CostType, OCSPResponder


class OCSPPriority(Enum):
    """Which responders are asked, and which first."""

    NONE = "NONE"
    """All, in the order of the configuration."""
    ONLY_FREE = "ONLY_FREE"
    FREE_FIRST = "FREE_FIRST"
    ONLY_PAID = "ONLY_PAID"
    PAID_FIRST = "PAID_FIRST"


_ONLY = {OCSPPriority.ONLY_FREE: CostType.FREE, OCSPPriority.ONLY_PAID: CostType.PAID}
_RANK = {
    OCSPPriority.FREE_FIRST: {CostType.FREE: 0, CostType.PAID: 1},
    OCSPPriority.PAID_FIRST: {CostType.PAID: 0, CostType.FREE: 1},
}


def ordered_urls(
    responders: Iterable[OCSPResponder], priority: OCSPPriority = OCSPPriority.NONE
) -> list[str]:
    """Return the URLs of the responders that ``priority`` allows, best first.

    Responders of which the cost is not known come last, and are not asked at all
    where only one kind is. Blank URLs are left out.
    """
    chosen = [responder for responder in responders if responder.url]
    if priority in _ONLY:
        chosen = [r for r in chosen if r.cost_type is _ONLY[priority]]
    if priority in _RANK:
        rank = _RANK[priority]
        chosen.sort(key=lambda r: rank.get(r.cost_type, 2) if r.cost_type else 2)
    return [responder.url for responder in chosen]


def ocsp_url_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the OCSP responder that the certificate itself names, if it does."""
    try:
        access = certificate.extensions.get_extension_for_class(
            x509.AuthorityInformationAccess
        )
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return ()
    for description in access.value:
        location = description.access_location
        if description.access_method == AuthorityInformationAccessOID.OCSP and (
            isinstance(location, x509.UniformResourceIdentifier)
        ):
            return (location.value.strip(),)
    return ()
