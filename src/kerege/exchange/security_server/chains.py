"""Chains of certificates as messages need them: without the trusted root.

A peer asks for the OCSP response of every certificate it gets, and a root has none.
"""

from collections.abc import Callable

from cryptography import x509

from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.identity import ByIdentity

MAX_REMEMBERED = 4096
"""Chains kept: the servers of a national exchange."""


Chain = tuple[x509.Certificate, ...]


class Chains:
    """Finds chains in the current configuration, and remembers them while it lasts."""

    def __init__(self, configuration: Callable[[], GlobalConf]) -> None:
        """Take the source of the current global configuration."""
        self._configuration = configuration
        self._found_in: GlobalConf | None = None
        self._found: dict[str, ByIdentity[x509.Certificate, Chain]] = {}

    def without_root(self, certificate: x509.Certificate, instance: str) -> Chain:
        """Return a certificate and the CAs above it, without the approved top CA."""
        configuration = self._configuration()
        if configuration is not self._found_in:
            self._found.clear()
            self._found_in = configuration
        chains = self._found.get(instance)
        if chains is None:
            chains = ByIdentity(_finder(configuration, instance), MAX_REMEMBERED)
            self._found[instance] = chains
        return chains(certificate)

    def of_own(self, certificate: x509.Certificate) -> Chain:
        """Return the chain of one of this server's own certificates."""
        return self.without_root(certificate, self._configuration().instance)


def _finder(
    configuration: GlobalConf, instance: str
) -> Callable[[x509.Certificate], Chain]:
    def find(certificate: x509.Certificate) -> Chain:
        tops = [a.top for a in configuration.trust(instance).authorities]
        whole = configuration.chain_of(certificate, instance)
        return tuple(c for c in whole if c not in tops)

    return find
