"""Who takes part in an exchange for tests. No imports but the standard library's."""

import re
from dataclasses import dataclass, field

_CODE = re.compile(r"[^/%:;\\\x00-\x1f\x7f]{1,255}")
"""A code that is the same in a path, percent-encoded or not, but for its letters."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The identifiers of an exchange for tests; override the fixture `xroad_plan`.

    Both are subsystems, of two different members of one instance, written
    ``INSTANCE/CLASS/MEMBER/SUBSYSTEM``. Give those of the real exchange, and what is
    tested need not know that it is in a test.
    """

    consumer: str = "TEST/GOV/10000001/consumer"
    """In whose name services are called."""
    provider: str = "TEST/GOV/10000002/provider"
    """Whose services they are."""
    keys: str = "EC-P256"
    """Of everybody: ``EC-P256``, made in a moment, or ``RSA-2048``, as most have."""
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    """Further environment variables of the exchange's process."""

    def __post_init__(self) -> None:
        """Refuse what the exchange could not be made of. Raises `ValueError`."""
        consumer, provider = map(_codes, (self.consumer, self.provider))
        if consumer[0] != provider[0]:
            raise ValueError("Consumer and provider must be of one instance")
        if consumer[:3] == provider[:3]:
            raise ValueError(
                "Consumer and provider must be of two members: each has a server"
            )
        if self.keys not in ("EC-P256", "RSA-2048"):
            msg = f"Keys are EC-P256 or RSA-2048, not {self.keys!r}"
            raise ValueError(msg)


def _codes(identifier: str) -> tuple[str, ...]:
    codes = tuple(identifier.split("/"))
    if len(codes) != 4 or not all(map(_CODE.fullmatch, codes)):
        msg = f"{identifier!r} is not of the form INSTANCE/CLASS/MEMBER/SUBSYSTEM"
        raise ValueError(msg)
    return codes
