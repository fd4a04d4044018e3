"""When and where a message passed, noted on its way for operational monitoring.

And what its client may ask, until the message has ended.
"""

import time
from dataclasses import dataclass, field

from kerege.exchange.security_server.limiting import Admission, BodySource, SizeBound


@dataclass(slots=True)
class Trace:
    """One message on one side. Times are Unix times in seconds."""

    request_in: float = field(default_factory=time.time)
    """When its head had come."""
    request_out: float | None = None
    """When it began to leave: for the other server, or the service."""
    response_in: float | None = None
    """When the head of the answer had come."""
    other_address: str | None = None
    """Of the other security server, as the global configuration has it."""
    response_bytes: int = 0
    """Of the answer's block or envelope, without what comes with it."""

    attachments: tuple[int, int] = (0, 0)
    """Of the request and of the answer."""
    admission: Admission | None = None
    """The bounds of its client; None if it has none."""

    @property
    def request_bound(self) -> SizeBound | None:
        """How large the request may be."""
        return None if self.admission is None else self.admission.request

    @property
    def answer_bound(self) -> SizeBound | None:
        """How large the answer may be."""
        return None if self.admission is None else self.admission.answer

    def require_room(self, announced: int | None, *, around: int = 0) -> None:
        """Refuse a request by its length before it is read.

        Args:
            announced: Its Content-Length, if there is one.
            around: How much of that may not count.

        Raises ``invalid_message``.
        """
        bound = self.request_bound
        if bound is not None and announced is not None:
            bound.require(announced - around)

    def of_request(self, body: BodySource) -> BodySource:
        """Return the request's body with its client's bound, if it has one."""
        bound = self.request_bound
        return body if bound is None else bound.around(body)

    def of_answer(self, body: BodySource, length: int | None) -> BodySource:
        """Return the answer's body likewise.

        Raises ``invalid_message`` if its length is known and above the bound.
        """
        bound = self.answer_bound
        if bound is None:
            return body
        bound.require(length)
        return bound.around(body)

    def release(self) -> None:
        """Note that the message is no longer under way."""
        if self.admission is not None:
            self.admission.release()

    def sent(self) -> None:
        """Note that the request begins to leave."""
        self.request_out = time.time()

    def answered(self) -> None:
        """Note that the head of the answer has come."""
        self.response_in = time.time()
