"""Questions about security servers."""

from collections.abc import Iterable

from cryptography import x509

from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf._instance import ServerAddress
from kerege.xroad.globalconf._lookup import Lookup
from kerege.xroad.globalconf.values import Maintenance
from kerege.xroad.identifiers import ClientId, SecurityServerId


class ServerQueries(Lookup):
    """Where providers are, and whose servers they are."""

    def addresses_of(
        self, provider: ClientId, server: SecurityServerId | None = None
    ) -> tuple[ServerAddress, ...]:
        """Return where a provider can be reached.

        Servers in maintenance are among them: see `available`.

        Args:
            provider: The member or subsystem that provides the service.
            server: The only server that is wanted, if the client names one.

        Raises:
            XRoadError: ``unknown_member`` if no server with an address has this
                client, ``invalid_security_server`` if ``server`` does not exist, has
                no address or does not have this client.
        """
        index = self._instances.get(provider.instance)
        addresses = index.addresses.get(provider, ()) if index else ()
        if not addresses:
            raise XRoadError(
                "unknown_member",
                f'Could not find addresses for service provider "{provider}"',
                advice=self._advice_for(provider.instance),
            )
        if server is None:
            return addresses
        chosen = tuple(a for a in addresses if a.server_id == server)
        if not chosen:
            problem = "Invalid" if self._has_address(server) else "Could not find"
            raise XRoadError(
                "invalid_security_server", f'{problem} security server "{server}"'
            )
        return chosen

    def server_of_auth_certificate(
        self, certificate: x509.Certificate
    ) -> SecurityServerId | None:
        """Return the server that uses this authentication certificate."""
        for index in self._instances.values():
            digest = certificate.fingerprint(index.auth_certificate_digest)
            servers = index.servers_by_hash.get(digest)
            if servers:
                return servers[-1]
        return None

    def auth_certificate_matches(
        self, certificate: x509.Certificate, client: ClientId
    ) -> bool:
        """Whether a server with this certificate is owned by, or has, the client."""
        return any(
            client in index.clients_of_server[server]
            for index in self._instances.values()
            for server in index.servers_by_hash.get(
                certificate.fingerprint(index.auth_certificate_digest), ()
            )
        )

    def security_servers(
        self, instance: str | None = None
    ) -> tuple[SecurityServerId, ...]:
        """Return the servers of one instance or of all, in file order."""
        return tuple(s for index in self._chosen(instance) for s in index.servers)

    def server_exists(self, server: SecurityServerId) -> bool:
        """Whether a server is registered."""
        index = self._instances.get(server.instance)
        return index is not None and server in index.servers

    def server_has_client(self, server: SecurityServerId, client: ClientId) -> bool:
        """Whether the client is registered at the server, or owns it."""
        index = self._instances.get(server.instance)
        return index is not None and client in index.clients_of_server.get(server, ())

    def servers_of_client(self, client: ClientId) -> tuple[SecurityServerId, ...]:
        """Return the servers at which a client is registered or which it owns."""
        index = self._instances.get(client.instance)
        servers = index.servers_of_client.get(client, ()) if index else ()
        return tuple(server.id for server in servers)

    def server_owner(self, server: SecurityServerId) -> ClientId | None:
        """Return who owns a server, or None if there is no such server."""
        return server.owner if self.server_exists(server) else None

    def server_address(self, server: SecurityServerId) -> str | None:
        """Return a server's address, if it is registered and has one."""
        index = self._instances.get(server.instance)
        found = index.servers.get(server) if index else None
        return found.address if found else None

    def maintenance_of(self, server: SecurityServerId) -> Maintenance | None:
        """Return that a server is in maintenance, or None."""
        index = self._instances.get(server.instance)
        found = index.servers.get(server) if index else None
        return found.maintenance if found else None

    def known_addresses(self) -> frozenset[str]:
        """Return the addresses of all servers: who may ask for OCSP responses."""
        return frozenset(
            server.address
            for index in self._instances.values()
            for server in index.shared.security_servers
            if server.address
        )

    def _has_address(self, server: SecurityServerId) -> bool:
        return self.server_address(server) is not None


def available(addresses: Iterable[ServerAddress]) -> tuple[ServerAddress, ...]:
    """Leave out servers in maintenance.

    Raises ``maintenance_mode`` with the administrator's words if none remains.
    """
    all_of_them = tuple(addresses)
    usable = tuple(a for a in all_of_them if not a.in_maintenance)
    if usable or not all_of_them:
        return usable
    first = all_of_them[0]
    message = (
        f'Security server "{first.server_id}" with address "{first.address}" '
        "is in maintenance mode"
    )
    if first.maintenance_message:
        message += (
            f'. Message from "{first.server_id}" administrator: '
            f"{first.maintenance_message}"
        )
    raise XRoadError("maintenance_mode", message)
