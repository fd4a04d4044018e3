"""What an examination of a container found: one verdict for each check."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from kerege.xroad.asic.message import MessageInfo
from kerege.xroad.faults import XRoadError
from kerege.xroad.signature import VerifiedSignature
from kerege.xroad.timestamp import Timestamp


class CheckName(Enum):
    """The checks, in the order in which they are made."""

    CONTAINER = "container"
    REFERENCES = "references"
    TIMESTAMP_CHAIN = "time-stamp hash chain"
    TIMESTAMP = "time-stamp"
    MESSAGE = "message"
    HASH_CHAIN = "hash chain"
    SIGNER = "signer"
    SIGNATURE = "signature"
    CERTIFICATE = "certificate and OCSP"
    ATTACHMENTS = "attachments"
    ENTRIES = "entries"
    MANIFEST = "manifest"
    ASIC_MANIFEST = "ASiC manifest"


class Verdict(Enum):
    """How a check ended."""

    PASSED = "passed"
    NOTE = "note"
    """Passed, but there is something to know."""
    FAILED = "failed"
    NOT_REACHED = "not reached"
    """An earlier check that it needs failed."""
    NOT_NEEDED = "not needed"
    """The container has nothing of this kind."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check and its verdict."""

    name: CheckName
    verdict: Verdict
    text: str
    """What was found, one sentence or more for people."""
    code: str = ""
    """The fault code, if it failed."""


@dataclass(frozen=True, slots=True)
class ContainerReport:
    """Everything that is known about a container."""

    checks: tuple[Check, ...]
    message: MessageInfo | None
    """Who wrote to whom; believe it only if the container is verified."""
    timestamp: Timestamp | None
    signature: VerifiedSignature | None
    missing: tuple[str, ...]
    """Attachments that were signed but are not in the container."""
    error: XRoadError | None
    """The first thing that is wrong."""

    @property
    def is_verified(self) -> bool:
        """Whether no check failed."""
        return self.error is None

    def check(self, name: CheckName) -> Check:
        """Return one check."""
        return next(check for check in self.checks if check.name is name)


class CheckList:
    """The checks made so far."""

    def __init__(self) -> None:
        self._checks: dict[CheckName, Check] = {}
        self._error: XRoadError | None = None

    def step(
        self,
        name: CheckName,
        check: Callable[[], str | Check],
        *,
        needs: Sequence[CheckName] = (),
    ) -> None:
        """Make a check, if those that it needs passed.

        Args:
            name: Its name.
            check: Makes it: returns what was found, or raises `XRoadError`.
            needs: Checks that must have passed before.
        """
        open_need = self.first_open(needs)
        if open_need is not None:
            self.not_reached(name, open_need)
            return
        try:
            found = check()
        except XRoadError as error:
            self.failed(name, error)
        else:
            if isinstance(found, str):
                found = Check(name, Verdict.PASSED, found)
            self._checks[name] = found

    def first_open(self, needs: Sequence[CheckName]) -> CheckName | None:
        """Return the first of these checks that did not pass."""
        closed = (Verdict.PASSED, Verdict.NOTE, Verdict.NOT_NEEDED)
        still_open = (n for n in needs if self._checks[n].verdict not in closed)
        return next(still_open, None)

    def passed(self, name: CheckName, text: str) -> None:
        """Note that a check passed."""
        self._checks[name] = Check(name, Verdict.PASSED, text)

    def not_needed(self, name: CheckName, text: str) -> None:
        """Note that there is nothing to check."""
        self._checks[name] = Check(name, Verdict.NOT_NEEDED, text)

    def not_reached(self, name: CheckName, need: CheckName) -> None:
        """Note that a check could not be made."""
        text = f"Needs the check of the {need.value}."
        self._checks[name] = Check(name, Verdict.NOT_REACHED, text)

    def failed(self, name: CheckName, error: XRoadError) -> None:
        """Note that a check failed; the first failure is the report's."""
        self._checks[name] = Check(name, Verdict.FAILED, error.message, error.code)
        if self._error is None:
            self._error = error

    def report(
        self,
        message: MessageInfo | None = None,
        timestamp: Timestamp | None = None,
        signature: VerifiedSignature | None = None,
    ) -> ContainerReport:
        """Return the report, when all checks are made."""
        missing = tuple(uri for uri, _ in signature.trusted) if signature else ()
        return ContainerReport(
            checks=tuple(self._checks[name] for name in CheckName),
            message=message,
            timestamp=timestamp,
            signature=signature,
            missing=missing,
            error=self._error,
        )


def unreadable(error: XRoadError) -> ContainerReport:
    """Return the report on a file that cannot be read as a container."""
    checks = CheckList()
    checks.failed(CheckName.CONTAINER, error)
    for name in CheckName:
        if name is not CheckName.CONTAINER:
            checks.not_reached(name, CheckName.CONTAINER)
    return checks.report()
