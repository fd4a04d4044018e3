"""Chains of certificates as messages need them: without the trusted root.

A peer asks for the OCSP response of every certificate it gets, and a root has none.
"""

from collections.abc import Callable

from cryptography import x509

from kerege.xroad.globalconf import GlobalConf

MAX_REMEMBERED = 4096
"""Chains kept: the servers of a national exchange."""


class Chains:
    """Finds chains in the current configuration, and remembers them while it lasts."""

    def __init__(self, configuration: Callable[[], GlobalConf]) -> None:
        """Take the source of the current global configuration."""
        self._configuration = configuration
        self._found_in: GlobalConf | None = None
        self._found: dict[
            tuple[x509.Certificate, str], tuple[x509.Certificate, ...]
        ] = {}

    def without_root(
        self, certificate: x509.Certificate, instance: str
    ) -> tuple[x509.Certificate, ...]:
        """Return a certificate and the CAs above it, without the approved top CA."""
        configuration = self._configuration()
        if configuration is not self._found_in or len(self._found) > MAX_REMEMBERED:
            self._found.clear()
            self._found_in = configuration
        key = (certificate, instance)
        chain = self._found.get(key)
        if chain is None:
            tops = [a.top for a in configuration.trust(instance).authorities]
            whole = configuration.chain_of(certificate, instance)
            chain = self._found[key] = tuple(c for c in whole if c not in tops)
        return chain

    def of_own(self, certificate: x509.Certificate) -> tuple[x509.Certificate, ...]:
        """Return the chain of one of this server's own certificates."""
        return self.without_root(certificate, self._configuration().instance)
