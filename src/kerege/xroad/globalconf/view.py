"""The global configuration as the servers ask it: an immutable snapshot.

Rules (``GlobalConfImpl.java``):

* The configuration is current while both parameter files of the own instance are.
  A federated instance whose files have expired is left out when a snapshot is made.
* A server's owner is its client without being listed.
* An authentication certificate is found by hash: SHA-1 for an instance whose
  parameters are V2, SHA-256 from V3 on (the reference uses the own instance's version
  for all instances; ours is right for each).
* Every method is a look-up: the message path calls them for each message.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from kerege.xroad.certificates import Trust
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf._instance import InstanceConfiguration
from kerege.xroad.globalconf._member_queries import MemberQueries
from kerege.xroad.globalconf._server_queries import ServerQueries
from kerege.xroad.globalconf._trust_queries import TrustQueries
from kerege.xroad.globalconf.extensions import Extensions
from kerege.xroad.globalconf.private_parameters import (
    ManagementService,
    PrivateParameters,
)
from kerege.xroad.identifiers import ClientId

LONG_AGO = datetime.min.replace(tzinfo=UTC)
"""When a configuration expires that is not complete."""


class GlobalConf(MemberQueries, ServerQueries, TrustQueries):
    """A snapshot of the own instance's configuration and of those federated with it."""

    def __init__(
        self,
        instance: str,
        configurations: Iterable[InstanceConfiguration],
        extensions: Extensions | None = None,
        problems: Iterable[XRoadError] = (),
    ) -> None:
        """Index the configurations.

        Args:
            instance: The own instance.
            configurations: The parameters of it and of others.
            extensions: The own instance's extension parts.
            problems: What could not be read, for operators.

        Raises:
            XRoadError: ``malformed_global_conf`` if a certificate is not one.
        """
        self.instance = instance
        self.extensions = extensions or Extensions()
        self.problems = tuple(problems)
        """Why an instance that is in the files is not in this view."""
        super().__init__(configurations)
        self._trust = {
            name: replace(
                index.trust,
                verify_ocsp_next_update=self.extensions.verify_ocsp_next_update,
            )
            for name, index in self._instances.items()
        }
        own = self._configurations.get(instance)
        self.expires = own.expires if own and own.private else LONG_AGO
        """When the own instance's parameters expire; long ago if they are missing."""

    def require_current(self, at: datetime) -> None:
        """Refuse to work with old parameters. Raises ``global_conf_outdated``."""
        if at > self.expires:
            when = (
                "is not complete"
                if self.expires == LONG_AGO
                else f"expired at {self.expires:%Y-%m-%dT%H:%M:%SZ}"
            )
            raise XRoadError(
                "global_conf_outdated",
                f"The global configuration of {self.instance} {when}",
                advice="Look at the configuration client's log: can the central "
                "server be reached, and is its configuration current?",
            )

    @property
    def version(self) -> int:
        """The version of the own instance's shared parameters."""
        return self.shared_parameters(self.instance).version

    def private_parameters(self, instance: str | None = None) -> PrivateParameters:
        """Return an instance's private parameters. Raises ``internal_error``."""
        name = self.instance if instance is None else instance
        configuration = self._configurations.get(name)
        if configuration is None or configuration.private is None:
            raise XRoadError(
                "internal_error",
                f"Private parameters of instance {name} are not known to this server",
            )
        return configuration.private

    @property
    def timestamping_interval_seconds(self) -> int:
        """Signatures are time-stamped at least this often."""
        return self.private_parameters().timestamping_interval_seconds

    @property
    def management_service(self) -> ManagementService:
        """Where security servers register."""
        return self.private_parameters().management_service

    @property
    def ocsp_freshness_seconds(self) -> int:
        """How old an OCSP response may be in the own instance."""
        return self.shared_parameters(self.instance).ocsp_freshness_seconds

    @property
    def monitoring_client(self) -> ClientId | None:
        """Who may read the monitoring data of all servers."""
        return self.extensions.monitoring_client

    def trust(self, instance: str) -> Trust:
        """Return the CAs that an instance trusts. Raises ``internal_error``."""
        self._index(instance)
        return self._trust[instance]
