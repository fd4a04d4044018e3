"""PINs: where they come from, what they must be, how often they may be wrong.

Rules:

* A PIN is read from a file descriptor, a systemd credential or a prompt. Never from an
  argument or the environment: other users and core dumps can see both.
* The reference accepts any PIN unless its policy is switched on
  (`signer.enforce-token-pin-policy`, off by default; `TokenPinPolicy.java`): so do we.
* Wrong PINs in a row make the next try wait, twice as long each time.
"""

import getpass
import os
import stat
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

from kerege.xroad.faults import XRoadError

MAX_PIN_BYTES = 1024
"""A PIN is typed by a person or made by a machine; more is a mistake or an attack."""
STRICT_LENGTH = 10
STRICT_CLASSES = 3
FREE_ATTEMPTS = 3
"""Wrong PINs in a row that cost nothing: people mistype."""
LONGEST_WAIT = timedelta(minutes=5)
"""A bound to the waiting, so that nobody can lock a server out for long."""

GIVE_PIN = (
    "Start the command again and give the token's PIN: at the prompt, or with "
    "--pin-from fd:N or credential:NAME."
)
"""For who meets a token that nobody has opened."""
RIGHT_PIN = (
    "It is the one that was chosen with `kerege security-server init`, or later with "
    "`keys change-pin`. A lost PIN cannot be recovered: new keys are needed then."
)
"""For who gave another PIN."""

CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"
"""Where systemd says in which folder it put the credentials."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A PIN that does not show itself in logs, tracebacks and debuggers."""

    value: str = field(repr=False)

    def __str__(self) -> str:
        return "Pin(***)"

    @classmethod
    def of(cls, pin: "Pin | str") -> "Pin":
        """Return ``pin`` as a `Pin`.

        Raises ``pin_incorrect`` if it is empty or longer than `MAX_PIN_BYTES`.
        """
        made = pin if isinstance(pin, Pin) else cls(pin)
        if not made.value:
            raise XRoadError("pin_incorrect", "The PIN is empty")
        if len(made.value.encode("utf-8", "surrogatepass")) > MAX_PIN_BYTES:
            raise XRoadError(
                "pin_incorrect", f"The PIN is longer than {MAX_PIN_BYTES} bytes"
            )
        return made


class PinPolicy(Enum):
    """What a new PIN must be."""

    ANY = "any"
    """Anything that is not empty; the reference's default."""
    STRICT = "strict"
    """Ten printable ASCII characters of three kinds, `TokenPinPolicy.java`."""

    def require(self, pin: Pin) -> None:
        """Raise ``token_pin_policy_failure`` if ``pin`` does not satisfy the policy."""
        if self is PinPolicy.ANY:
            return
        kinds = {_kind(character) for character in pin.value}
        if "" in kinds or len(kinds) < STRICT_CLASSES or len(pin.value) < STRICT_LENGTH:
            raise XRoadError(
                "token_pin_policy_failure",
                f"A PIN needs at least {STRICT_LENGTH} printable ASCII characters of "
                f"at least {STRICT_CLASSES} kinds: digits, capitals, small letters, "
                "other characters",
            )


@dataclass(slots=True)
class PinAttempts:
    """Counts wrong PINs in a row and makes the next try wait."""

    clock: Callable[[], datetime]
    wrong: int = 0
    not_before: datetime | None = None

    def require_allowed(self) -> None:
        """Raise ``login_failed`` while the wait after wrong PINs is not over."""
        if self.not_before is None:
            return
        left = (self.not_before - self.clock()).total_seconds()
        if left > 0:
            raise XRoadError(
                "login_failed",
                f"{self.wrong} wrong PINs in a row: try again in {left:.0f} seconds",
            )

    def failed(self) -> None:
        """Note a wrong PIN."""
        self.wrong += 1
        over = self.wrong - FREE_ATTEMPTS
        if over >= 0:
            wait = min(timedelta(seconds=2 ** min(over, 16)), LONGEST_WAIT)
            self.not_before = self.clock() + wait

    def succeeded(self) -> None:
        """Forget the wrong PINs."""
        self.wrong = 0
        self.not_before = None


def read_pin(
    source: str, *, ask: str = "PIN: ", environ: Mapping[str, str] = os.environ
) -> Pin:
    """Read a PIN from where ``source`` says.

    Args:
        source: ``fd:<number>``, ``credential:<name>`` or ``prompt``.
        ask: What the prompt says.
        environ: tells where systemd keeps credentials; holds no PIN itself.

    Raises:
        XRoadError: ``pin_incorrect`` if nothing usable is there, ``invalid_parameters``
            if ``source`` has another form.
    """
    kind, _, value = source.partition(":")
    if kind == "fd" and value.isdecimal() and len(value) < 10:
        return pin_from_descriptor(int(value))
    if kind == "credential" and value:
        return pin_from_credential(value, environ=environ)
    if source == "prompt":
        return pin_from_prompt(ask)
    raise XRoadError(
        "invalid_parameters",
        "A PIN is read from fd:<number>, credential:<name> or prompt",
        advice="PINs are not taken from arguments or the environment: "
        "other users of this machine could read them.",
    )


def pin_from_descriptor(descriptor: int) -> Pin:
    """Read a PIN from an open file descriptor up to its end, and close it.

    Raises ``pin_incorrect`` if the descriptor cannot be read or has no PIN.
    """
    try:
        with os.fdopen(descriptor, "rb", closefd=True) as file:
            return _decoded(file.read(MAX_PIN_BYTES + 2), f"descriptor {descriptor}")
    except OSError as error:
        raise XRoadError(
            "pin_incorrect",
            f"No PIN can be read from descriptor {descriptor}: {error.strerror}",
        ) from error


def pin_from_credential(name: str, *, environ: Mapping[str, str] = os.environ) -> Pin:
    """Read a PIN from a systemd credential (`LoadCredential=`, systemd.exec(5)).

    Raises ``pin_incorrect`` if there is no such credential.
    """
    folder = environ.get(CREDENTIALS_DIRECTORY, "")
    if not folder:
        raise XRoadError(
            "pin_incorrect",
            f"No credentials folder: {CREDENTIALS_DIRECTORY} is not set",
            advice="Start the service with LoadCredentialEncrypted= in its unit.",
        )
    if "/" in name or name in (".", ".."):
        raise XRoadError("invalid_parameters", f"Not a credential name: {name[:64]!r}")
    path = Path(folder, name)
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise XRoadError("pin_incorrect", f"Credential {name} is not a file")
            return _decoded(file.read(MAX_PIN_BYTES + 2), f"credential {name}")
    except OSError as error:
        raise XRoadError(
            "pin_incorrect", f"Credential {name} cannot be read: {error.strerror}"
        ) from error


def is_there(source: str, *, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether `read_pin` has somewhere to read from: a credential, a person.

    A service that was started without either is not started wrongly: somebody logs it
    in later.
    """
    kind, _, name = source.partition(":")
    if kind == "credential":
        folder = environ.get(CREDENTIALS_DIRECTORY, "")
        return bool(folder) and Path(folder, name).exists()
    return source != "prompt" or _has_terminal()


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return sys.stdin is not None and sys.stdin.isatty()
    return True


def pin_from_prompt(text: str) -> Pin:
    """Ask the person at the terminal, without echo. Raises ``pin_incorrect``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return Pin.of(getpass.getpass(text))
    except getpass.GetPassWarning:
        raise XRoadError(
            "pin_incorrect",
            "There is no terminal where the PIN can be typed unseen",
            advice="Give it with --pin-from fd:3 3< FILE, or --pin-from "
            "credential:NAME under systemd.",
        ) from None
    except EOFError:
        raise XRoadError("pin_incorrect", "No PIN was typed") from None
    except UnicodeError:
        raise XRoadError(
            "pin_incorrect", "The PIN that was typed is not UTF-8"
        ) from None


def _decoded(data: bytes, where: str) -> Pin:
    line = data.removesuffix(b"\n").removesuffix(b"\r")
    if not line:
        raise XRoadError("pin_incorrect", f"The PIN in {where} is empty")
    try:
        return Pin.of(line.decode())
    except UnicodeDecodeError:
        raise XRoadError("pin_incorrect", f"The PIN in {where} is not UTF-8") from None


def _kind(character: str) -> str:
    """Return the kind of a character; empty if it is not allowed at all."""
    if not " " <= character <= "~":
        return ""
    if character.isdigit():
        return "digit"
    if character.isalpha():
        return "capital" if character.isupper() else "small"
    return "other"
