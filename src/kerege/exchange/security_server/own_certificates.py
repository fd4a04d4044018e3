"""Which certificates are this server's, and which may stand above them."""

from collections.abc import Iterator

from cryptography import x509

from kerege.exchange.security_server.runtime import ServerKeys
from kerege.exchange.security_server.upkeep import CurrentConfiguration


def own_certificates(keys: ServerKeys) -> Iterator[x509.Certificate]:
    """Yield what needs OCSP responses: for authentication, then for signing."""
    yield from keys.authentication_chain[:1]
    for signer in keys.signers.values():
        yield signer.certificate


def intermediates(configuration: CurrentConfiguration) -> list[x509.Certificate]:
    """Return the CA certificates that may belong into chains, of the own instance."""
    conf = configuration()
    return [
        certificate
        for authority in conf.trust(conf.instance).authorities
        for certificate in authority.intermediates
    ]
