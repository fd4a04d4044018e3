"""Finding the index of an instance: what all kinds of questions start with."""

from collections.abc import Iterable, Iterator

from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf._instance import InstanceConfiguration, InstanceIndex
from kerege.xroad.globalconf.shared_parameters import SharedParameters


class Lookup:
    """The instances of a snapshot, by name."""

    def __init__(self, configurations: Iterable[InstanceConfiguration]) -> None:
        self._configurations = {c.shared.instance: c for c in configurations}
        self._instances = {
            instance: configuration.index
            for instance, configuration in self._configurations.items()
        }

    @property
    def instances(self) -> tuple[str, ...]:
        """The own instance and those federated with it, as far as they are known."""
        return tuple(self._instances)

    def shared_parameters(self, instance: str) -> SharedParameters:
        """Return an instance's shared parameters. Raises ``internal_error``."""
        return self._index(instance).shared

    def _chosen(self, instance: str | None) -> Iterator[InstanceIndex]:
        if instance is None:
            yield from self._instances.values()
        else:
            yield self._index(instance)

    def _index(self, instance: str) -> InstanceIndex:
        try:
            return self._instances[instance]
        except KeyError:
            raise XRoadError(
                "internal_error",
                f"Shared parameters of instance {instance} are not known to "
                "this server",
                advice=self._advice_for(instance),
            ) from None

    def _advice_for(self, instance: str) -> str:
        if instance in self._instances:
            return ""
        return (
            f"Instance {instance} is not in the global configuration. Is it "
            "federated, and among this server's allowed federations?"
        )
