"""Which function does which kind of job."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kerege.apps.common.jobs import queue
from kerege.apps.common.jobs.models import Job

HANDLERS: "dict[str, Handler]" = {}


class MayPassError(Exception):
    """What hinders a job may be gone later: a server that does not answer, a lock."""


@dataclass(slots=True)
class Work:
    """A job in the hands of its handler."""

    job: Job
    result: dict[str, object] = field(default_factory=dict)
    """What the job's page shows when it is done."""

    @property
    def payload(self) -> Mapping[str, object]:
        """What `enqueue` was given."""
        payload: Mapping[str, object] = self.job.payload
        return payload

    def advance(self, done: int, total: int = 0, stage: str = "") -> None:
        """Say how far it is; call it at least every half minute.

        Raises:
            queue.StoppedError: The job is to stop; let it through.
        """
        queue.advance(self.job, done=done, total=total, stage=stage)


Handler = Callable[[Work], None]


def handler(kind: str) -> Callable[[Handler], Handler]:
    """Register a function for a kind of job; an app does so when it is loaded."""

    def register(function: Handler) -> Handler:
        if HANDLERS.setdefault(kind, function) is not function:
            message = f"Two handlers want the jobs of the kind {kind}"
            raise ValueError(message)
        return function

    return register
