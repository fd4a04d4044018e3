"""Certificate paths: from a certificate over intermediates to an approved top CA.

Rules (RFC 5280 section 6.1, without policies and name constraints), for each step from
a certificate to its issuer:

* The issuer's name is the one that the certificate names, and its key made the
  signature, with algorithms that the instance accepts.
* Every certificate below the top was valid at the time asked for. The top is trusted
  because the global configuration lists it: like the reference, and as RFC 5280 says
  of trust anchors, nothing but its name and key is used.
* An intermediate is a CA (basicConstraints), may sign certificates (keyCertSign, if it
  has keyUsage), and allows as many CAs below it as there are (pathLenConstraint).
* No certificate below the top has a critical extension that is not understood here.
  An intermediate with name constraints is not understood.

Names can collide (renewed or cross-signed CAs), so every candidate is tried. Bounds:
`MAX_EXTRA` certificates from the peer, `MAX_PATH` steps, `MAX_TRIES` signature checks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from kerege.xroad.certificates._trust import ApprovedCA, Trust
from kerege.xroad.faults import XRoadError
from kerege.xroad.x509 import extension_of, name_keys, subject_text, verify_issued

MAX_EXTRA = 16
"""Certificates that a peer may send along; real chains have 1 or 2 intermediates."""
MAX_PATH = 8
"""Longest path, the top CA included."""
MAX_TRIES = 64
"""Signature checks for one certificate: 22 to 65 microseconds each."""

_FAULT = "internal_error"

_UNDERSTOOD = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)
"""Extensions that may be critical. Uses are checked by the caller; policies may be any."""


@dataclass(frozen=True, slots=True)
class Path:
    """A verified path, before anything is known about revocation."""

    certificates: tuple[x509.Certificate, ...]
    """The certificate, its issuers in order, the top CA last."""
    authority: ApprovedCA
    """The approved CA in whose top the path ends."""

    @property
    def valid_from(self) -> datetime:
        """Latest notBefore below the top."""
        return max(c.not_valid_before_utc for c in self.certificates[:-1])

    @property
    def valid_until(self) -> datetime:
        """Earliest notAfter below the top."""
        return min(c.not_valid_after_utc for c in self.certificates[:-1])


def paths(
    certificate: x509.Certificate,
    extra: Sequence[x509.Certificate],
    trust: Trust,
    at: datetime,
) -> Iterator[Path]:
    """Yield the paths from ``certificate`` to a top CA; shorter detours first.

    Raises:
        XRoadError: ``cannot_create_cert_path.internal_error``, saying why the most
            promising attempt failed, if there is no path at all.
    """
    if len(extra) > MAX_EXTRA:
        raise _no_path(
            certificate, XRoadError("internal_error", "Too many certificates were sent")
        )
    search = _Search(trust, tuple(dict.fromkeys(extra)), at)
    found = False
    for path in search.extend((certificate,)):
        found = True
        yield path
    if not found:
        raise _no_path(certificate, search.reason)


class _Search:
    """One depth-first search, with its budget and the reason of the best attempt."""

    def __init__(
        self, trust: Trust, extra: tuple[x509.Certificate, ...], at: datetime
    ) -> None:
        self.trust = trust
        self.extra = extra
        self.at = at
        self.tries = 0
        self.reason: XRoadError | None = None
        self._reason_depth = 0

    def extend(self, chain: tuple[x509.Certificate, ...]) -> Iterator[Path]:
        """Yield the complete paths that start with ``chain``."""
        last = chain[-1]
        try:
            _require_usable(last, self.at)
        except XRoadError as error:
            self._failed(chain, error)
            return
        if len(chain) >= MAX_PATH:
            self._failed(
                chain, XRoadError(_FAULT, f"The path is longer than {MAX_PATH}")
            )
            return
        anchors, intermediates = self._issuers(last)
        for authority in anchors:
            if self._issued(chain, authority.top):
                yield Path((*chain, authority.top), authority)
        for issuer in intermediates:
            if issuer not in chain and self._may_issue(chain, issuer):
                yield from self.extend((*chain, issuer))

    def _issuers(
        self, certificate: x509.Certificate
    ) -> tuple[list[ApprovedCA], list[x509.Certificate]]:
        _, wanted = name_keys(certificate)
        approved = self.trust.named(wanted)
        anchors = [ca for ca, issuer in approved if issuer == ca.top]
        intermediates = dict.fromkeys(
            (
                *(issuer for ca, issuer in approved if issuer != ca.top),
                *(issuer for issuer in self.extra if name_keys(issuer)[0] == wanted),
            )
        )
        return anchors, list(intermediates)

    def _may_issue(
        self, chain: tuple[x509.Certificate, ...], issuer: x509.Certificate
    ) -> bool:
        try:
            _require_ca(issuer, below=chain[1:])
        except XRoadError as error:
            self._failed((*chain, issuer), error)
            return False
        return self._issued(chain, issuer)

    def _issued(
        self, chain: tuple[x509.Certificate, ...], issuer: x509.Certificate
    ) -> bool:
        if self.tries >= MAX_TRIES:
            return False
        self.tries += 1
        try:
            verify_issued(chain[-1], issuer, policy=self.trust.algorithms)
        except XRoadError as error:
            self._failed((*chain, issuer), error)
            return False
        return True

    def _failed(self, chain: tuple[x509.Certificate, ...], error: XRoadError) -> None:
        if len(chain) > self._reason_depth:
            self._reason_depth = len(chain)
            self.reason = error


def _require_usable(certificate: x509.Certificate, at: datetime) -> None:
    """Check the time and the critical extensions."""
    not_before = certificate.not_valid_before_utc
    not_after = certificate.not_valid_after_utc
    if not not_before <= at <= not_after:
        raise XRoadError(
            _FAULT,
            f"Certificate {subject_text(certificate)} is valid from {not_before} to "
            f"{not_after}, not at {at}",
        )
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise XRoadError(
                _FAULT,
                f"Certificate {subject_text(certificate)} has a critical extension "
                f"that is not understood: {extension.oid.dotted_string}",
            )


def _require_ca(issuer: x509.Certificate, below: Sequence[x509.Certificate]) -> None:
    """Check that an intermediate may issue; ``below`` are the CAs under it."""
    name = subject_text(issuer)
    constraints = extension_of(issuer, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        raise XRoadError(
            _FAULT, f"{name} is not a CA: its basicConstraints do not say so"
        )
    usage = extension_of(issuer, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise XRoadError(
            _FAULT, f"{name} may not sign certificates: keyUsage lacks keyCertSign"
        )
    # Certificates that a CA issues to itself, to change its key, are not counted.
    counted = sum(1 for ca in below if name_keys(ca)[0] != name_keys(ca)[1])
    if constraints.path_length is not None and counted > constraints.path_length:
        raise XRoadError(
            _FAULT,
            f"{name} allows {constraints.path_length} CAs below it, there are {counted}",
        )
    if extension_of(issuer, x509.NameConstraints) is not None:
        raise XRoadError(
            _FAULT, f"{name} has name constraints, which are not understood"
        )


def _no_path(certificate: x509.Certificate, reason: XRoadError | None) -> XRoadError:
    """Return the reference's code for every reason: it does not tell them apart."""
    why = (
        reason.message
        if reason is not None
        else "Its issuer is not an approved certification service"
    )
    return XRoadError(
        "cannot_create_cert_path.internal_error",
        f"No certificate path from {subject_text(certificate)} to an approved CA: "
        f"{why}",
    )
