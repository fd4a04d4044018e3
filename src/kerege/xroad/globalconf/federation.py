"""Which federated instances' configuration this server wants.

Source: parameter ``configuration-client.allowed-federations``,
``FederationConfigurationSourceFilter.java``.
"""

from dataclasses import dataclass, field

NONE = "none"
ALL = "all"


@dataclass(frozen=True, slots=True)
class FederationFilter:
    """A comma list of instances, without case: ``none`` beats ``all`` beats names.

    >>> FederationFilter("KG", "KZ, uz").allows("UZ")
    True
    """

    own_instance: str
    """Always allowed."""
    allowed: str = NONE
    _names: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        names = (name.strip().lower() for name in self.allowed.split(","))
        object.__setattr__(self, "_names", frozenset(n for n in names if n))

    def allows(self, instance: str) -> bool:
        """Whether the configuration of this instance is to be had."""
        name = instance.lower()
        if name == self.own_instance.lower():
            return True
        if NONE in self._names:
            return False
        return ALL in self._names or name in self._names
