"""What a metadata service answers, in the form of a service's answer."""

from dataclasses import dataclass, field

from kerege.exchange.security_server.outgoing import BodySource


@dataclass(slots=True)
class Content:
    """A body that is there already."""

    data: bytes = field(repr=False)

    async def read(self) -> bytes:
        """Return everything, then nothing."""
        data, self.data = self.data, b""
        return data


@dataclass(slots=True)
class MetaserviceAnswer:
    """An answer of this server's own."""

    headers: list[tuple[str, str]] = field(repr=False)
    body: BodySource | None
    last_headers: tuple[tuple[str, str], ...] = ()
    """What stands after the headers that the server adds."""
    status: int = 200
    reason: str = "OK"

    def release(self) -> None:
        """There is no connection to give back."""
