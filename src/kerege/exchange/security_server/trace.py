"""When and where a message passed, noted on its way for operational monitoring."""

import time
from dataclasses import dataclass, field


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

    def sent(self) -> None:
        """Note that the request begins to leave."""
        self.request_out = time.time()

    def answered(self) -> None:
        """Note that the head of the answer has come."""
        self.response_in = time.time()
