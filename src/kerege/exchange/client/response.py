"""The answer of a service."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from kerege.exchange.client.errors import ServiceStatusError


class Head:
    """What an answer says before its body; common to `Response` and the streamed ones."""

    __slots__ = ()

    status: int
    reason: str
    headers: Mapping[str, str]
    """Names in any case; of a repeated one the first value."""
    query_id: str
    """``X-Road-Id``: the message's id in both servers' logs."""

    @property
    def is_success(self) -> bool:
        """Whether the service's status is below 400."""
        return self.status < 400

    @property
    def request_id(self) -> str:
        """``X-Road-Request-Id``: the id that our own server gave to this one message."""
        return self.headers.get("X-Road-Request-Id", "")

    @property
    def request_hash(self) -> str:
        """``X-Road-Request-Hash``: ties the answer to the request, in the signature."""
        return self.headers.get("X-Road-Request-Hash", "")

    def raise_for_status(self) -> None:
        """Raise `ServiceStatusError` if the service's status is 400 or more."""
        if not self.is_success:
            raise ServiceStatusError(self.status, self.reason, query_id=self.query_id)


@dataclass(frozen=True, slots=True)
class Response(Head):
    """An answer that both Security Servers have signed, checked and logged."""

    status: int
    reason: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    """The body as received; empty if it was written ``into`` a file."""
    query_id: str

    @property
    def text(self) -> str:
        """The body as text, in the charset that the service names, else UTF-8.

        Bytes that are none in that charset become U+FFFD.
        """
        message = Message()
        message["Content-Type"] = self.headers.get("Content-Type", "")
        charset = message.get_content_charset("utf-8")
        try:
            return self.content.decode(charset, errors="replace")
        except (LookupError, ValueError):
            return self.content.decode(errors="replace")

    def json(self) -> Any:  # noqa: ANN401 - it is JSON
        """Return the body read as JSON. Raises `ValueError` if it is not."""
        return json.loads(self.content)
