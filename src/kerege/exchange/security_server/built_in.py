"""Services that this server answers itself: metadata and monitoring.

They are called like any other service: the peer is known, the signature verified, both
messages signed and logged. Their own rule says who may call them, and what they answer
is taken as if a service had sent it, attachments and all: it gets its ``requestHash`` there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kerege.exchange.http.errors import BodyTooLarge
from kerege.exchange.security_server.soap_request import SoapRequest


class BuiltInBody:
    """A body that is in memory, to be read like one that arrives."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def read(self) -> bytes:
        """Return all of it, then nothing."""
        content, self._content = self._content, b""
        return content

    async def read_all(self, limit: int) -> bytes:
        """Return all of it. Raises BodyTooLarge."""
        if len(self._content) > limit:
            message = f"The body is longer than {limit} bytes."
            raise BodyTooLarge(message)
        return await self.read()


@dataclass(slots=True)
class BuiltInAnswer:
    """What such a service answers.

    ``content`` is an envelope with the header of the request, or a ``multipart/related``
    with the envelope as its first part; ``content_type`` says which.
    """

    content_type: str
    content: bytes = field(repr=False)
    status: int = 200
    body: BuiltInBody = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.body = BuiltInBody(self.content)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """As if it came by HTTP."""
        return [("Content-Type", self.content_type)]

    def release(self) -> None:
        """Nothing to give back."""


class BuiltInService(Protocol):
    """One or some of these services."""

    def handles(self, request: SoapRequest) -> bool:
        """Whether the request is for this one; asked before anything else is known."""
        ...

    def require_right(self, request: SoapRequest) -> None:
        """Check who asks. Raises ``access_denied``; does nothing if all may ask."""
        ...

    async def answer(self, request: SoapRequest) -> BuiltInAnswer:
        """Return the answer to a verified request. Raises XRoadError."""
        ...


def find(
    services: Sequence[BuiltInService], request: SoapRequest
) -> BuiltInService | None:
    """Return the service that handles the request, if one does."""
    return next((one for one in services if one.handles(request)), None)
