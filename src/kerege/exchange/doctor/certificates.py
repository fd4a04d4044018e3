"""Certificates: what the server shows and signs with, and until when."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from cryptography import x509

from kerege.exchange.doctor.checks import Check
from kerege.exchange.doctor.examination import Examination
from kerege.exchange.doctor.findings import Code, Finding, Severity, good, skipped
from kerege.exchange.doctor.token import CertificateSeen, Purpose, TokenSeen, short_id
from kerege.exchange.doctor.words import moment, span
from kerege.exchange.storage.server_configuration import ServerConfiguration
from kerege.xroad.certificates import (
    is_authentication_certificate,
    is_signing_certificate,
    member_of,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.identifiers import ClientId
from kerege.xroad.x509 import LEGACY, issuer_text, subject_text, verify_issued

GUIDE = "docs/how-to/when-a-certificate-is-about-to-expire.md"

NO_AUTHENTICATION = Code(
    "D-AUTH-CERT-NONE",
    Severity.ERROR,
    "The token has no authentication certificate.",
    "The server does not start; no message passes in either direction.",
    "kerege security-server keys generate authentication, then keys request for the "
    f"CA, and keys import for what the CA sends: {GUIDE}",
)
NO_SIGNING = Code(
    "D-SIGN-CERT-NONE",
    Severity.ERROR,
    "A member that is served here has no signing certificate.",
    "None of its messages can be signed: all its calls and answers fail.",
    "kerege security-server keys generate signing, then keys request KEY --member ID "
    f"for the CA, and keys import for what the CA sends: {GUIDE}",
)
EXPIRED = Code(
    "D-CERT-EXPIRED",
    Severity.ERROR,
    "The certificate has expired and there is no other.",
    "Other servers refuse it: nothing that needs it passes any more.",
    f"Renew it: {GUIDE}",
)
EXPIRES = Code(
    "D-CERT-EXPIRES",
    Severity.WARNING,
    "The certificate is in its last month and no later one is there.",
    "When it ends, other servers refuse it and nothing that needs it passes.",
    f"Renew it now, the CA and the registration take their time: {GUIDE}",
)
NOT_YET = Code(
    "D-CERT-NOT-YET",
    Severity.ERROR,
    "The certificate is not valid yet and there is no other.",
    "Until it is, other servers refuse it.",
    "Look at this machine's clock; else wait, or use an earlier certificate "
    "(`keys activate`).",
)
INACTIVE = Code(
    "D-CERT-INACTIVE",
    Severity.ERROR,
    "A valid certificate is there and is switched off.",
    "The server does not use it, and has no other.",
    "kerege security-server keys activate, then reload or restart the server.",
)
UNREGISTERED = Code(
    "D-CERT-REGISTRATION",
    Severity.ERROR,
    "The authentication certificate is not registered for this server in the global "
    "configuration.",
    "Other servers do not know this one: they refuse every connection with "
    "`ssl_authentication_failed`.",
    "Give the certificate to the operator of the instance for registration. If an "
    "earlier one is still registered and valid, use that until then: "
    "`keys deactivate` the new one.",
)
ISSUER = Code(
    "D-CERT-ISSUER",
    Severity.ERROR,
    "The certificate was not issued by a CA that the instance approves.",
    "Other servers refuse it.",
    "Get a certificate from an approved CA: `kerege configuration show` lists them.",
)
USAGE = Code(
    "D-CERT-USAGE",
    Severity.ERROR,
    "The certificate is not for what it is used for.",
    "Other servers refuse it.",
    "Ask the CA for a certificate with the right usage, from a new request.",
)
OTHER_MEMBER = Code(
    "D-CERT-MEMBER",
    Severity.ERROR,
    "The signing certificate names another member than the one it is used for.",
    "Other servers refuse the member's signatures.",
    "Import it for the member that it names, and get one for this member.",
)
OTHER_KEY = Code(
    "D-CERT-KEY",
    Severity.ERROR,
    "A certificate does not belong to the key that it is kept with.",
    "What is signed with the key cannot be verified with the certificate; the server "
    "may not start.",
    "Remove the certificate (`keys delete-certificate`) and import it again: it finds "
    "its own key, if that is in this token.",
)
CA_EXPIRES = Code(
    "D-CA-EXPIRES",
    Severity.WARNING,
    "An issuing CA's own certificate is in its last month, or has expired (an error).",
    "With it ends every certificate that it issued, at all servers at once.",
    "Ask the CA and the operator of the instance for the new CA certificate, and renew "
    "this server's certificates under it.",
)


async def look_at_certificates(examination: Examination) -> Iterable[Finding]:
    """Look at the certificates that the server uses, or lacks."""
    token = await examination.token.known()
    if token is None:
        return [skipped("the token cannot be read")]
    rights = await examination.rights.known()
    conf = await examination.configuration.known()
    now = examination.clock()
    month = timedelta(days=examination.limits.month_days)
    found = [*_missing(examination, token, rights, now), *_strangers(token)]
    for seen in token.in_use:
        found += _ending(seen, token, now, month)
        found += _usage(seen)
        if conf is not None:
            found += _by_configuration(examination, seen, conf)
    if conf is not None:
        found += _authorities(token, conf, now, month)
    return found or [_all_good(token, now)]


def _all_good(token: TokenSeen, now: datetime) -> Finding:
    ends = [seen.certificate.not_valid_after_utc for seen in token.in_use]
    first = min(ends, default=now)
    return good(f"{len(ends)} in use, the first ends {first:%Y-%m-%d}")


def _missing(
    examination: Examination,
    token: TokenSeen,
    rights: ServerConfiguration | None,
    now: datetime,
) -> Iterator[Finding]:
    """Yield what is to be used and cannot be."""
    if token.authentication is None:
        kept = _of(token, Purpose.AUTHENTICATION, None)
        server = examination.settings.server_id.short
        yield _why_none(NO_AUTHENTICATION, f"server {server}", kept, token, now)
    for member in _members(examination, rights):
        if member not in token.signing:
            kept = _of(token, Purpose.SIGNING, member)
            yield _why_none(NO_SIGNING, f"member {member.path}", kept, token, now)


def _members(
    examination: Examination, rights: ServerConfiguration | None
) -> list[ClientId]:
    """Return whose messages are to be signed here."""
    owner = examination.settings.server_id.owner
    clients = rights.clients if rights else ()
    return list(dict.fromkeys((owner, *(client.member for client in clients))))


def _of(
    token: TokenSeen, purpose: Purpose, member: ClientId | None
) -> list[CertificateSeen]:
    return [
        seen
        for seen in token.certificates
        if seen.purpose is purpose and seen.member == member
    ]


def _why_none(
    none: Code,
    who: str,
    kept: Sequence[CertificateSeen],
    token: TokenSeen,
    now: datetime,
) -> Finding:
    """Say why no certificate can be used: none, switched off, expired, not yet."""
    purpose = Purpose.AUTHENTICATION if none is NO_AUTHENTICATION else Purpose.SIGNING
    if not kept:
        waiting = [
            key.name
            for key in token.keys
            if key.purpose is purpose and not key.certificates
        ]
        what = f"It has no {purpose.value} certificate."
        if waiting:
            what += f" The {waiting[0]} waits for its certificate."
        return none.at(who, what)
    valid = [s for s in kept if _is_valid(s.certificate, now)]
    if valid:
        seen = valid[-1]
        activate = f"kerege security-server keys activate {short_id(seen.certificate)}"
        return INACTIVE.at(
            f"{seen.name} of {who}",
            "It is valid and switched off, and there is no other.",
            advice=f"{activate}, then reload or restart the server.",
        )
    seen = max(kept, key=lambda s: s.certificate.not_valid_after_utc)
    if seen.certificate.not_valid_before_utc > now:
        begins = seen.certificate.not_valid_before_utc
        said = f"It is valid from {moment(begins)} on, in {span(begins - now)}."
        return NOT_YET.at(f"{seen.name} of {who}", said)
    ended = seen.certificate.not_valid_after_utc
    said = f"It expired on {moment(ended)}, {span(now - ended)} ago."
    return EXPIRED.at(f"{seen.name} of {who}", said)


def _is_valid(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _strangers(token: TokenSeen) -> Iterator[Finding]:
    """Yield certificates that are kept with a key that is not theirs."""
    for key in token.keys:
        for seen in key.certificates:
            if not seen.fits_key:
                yield OTHER_KEY.at(
                    seen.name,
                    f"{subject_text(seen.certificate)} was issued for another key than "
                    f"the {key.name}.",
                )


def _ending(
    seen: CertificateSeen, token: TokenSeen, now: datetime, month: timedelta
) -> Iterator[Finding]:
    ends = seen.certificate.not_valid_after_utc
    if ends - now > month:
        return
    later = [
        other
        for other in _of(token, seen.purpose, seen.member)
        if other.certificate.not_valid_after_utc - now > month
    ]
    advice = ""
    if later:
        advice = (
            f"A later one is in the token: have {short_id(later[0].certificate)} "
            "registered if it is for authentication (`keys mark`), and switch it on "
            f"(`keys activate`): {GUIDE}"
        )
    owner = f" of {seen.member.path}" if seen.member else ""
    yield EXPIRES.at(
        seen.name + owner,
        f"It ends on {moment(ends)}, in {span(ends - now)}.",
        advice=advice,
    )


def _usage(seen: CertificateSeen) -> Iterator[Finding]:
    fits = (
        is_signing_certificate(seen.certificate)
        if seen.purpose is Purpose.SIGNING
        else is_authentication_certificate(seen.certificate)
    )
    if not fits:
        lacks = (
            "its keyUsage lacks nonRepudiation"
            if seen.purpose is Purpose.SIGNING
            else "its keyUsage has neither digitalSignature nor an encipherment bit"
        )
        said = f"It is not a certificate for {seen.purpose.value}: {lacks}."
        yield USAGE.at(seen.name, said)


def _by_configuration(
    examination: Examination, seen: CertificateSeen, conf: GlobalConf
) -> Iterator[Finding]:
    """Yield what the global configuration has against a certificate."""
    try:
        issuer = conf.issuer_of(seen.certificate, conf.instance)
        verify_issued(seen.certificate, issuer, policy=LEGACY)
    except XRoadError:
        said = f"Its issuer {issuer_text(seen.certificate)} is not an approved CA."
        yield ISSUER.at(seen.name, said)
        return
    if seen.purpose is Purpose.AUTHENTICATION:
        yield from _registration(examination, seen, conf)
    else:
        yield from _member(seen, conf)


def _registration(
    examination: Examination, seen: CertificateSeen, conf: GlobalConf
) -> Iterator[Finding]:
    own = examination.settings.server_id
    server = conf.server_of_auth_certificate(seen.certificate)
    if server == own or not conf.server_exists(own):  # said by another check
        return
    said = (
        f"It is registered for server {server.short}, this one is {own.short}."
        if server
        else f"The global configuration does not list it for server {own.short}."
    )
    yield UNREGISTERED.at(seen.name, said)


def _member(seen: CertificateSeen, conf: GlobalConf) -> Iterator[Finding]:
    try:
        trust = conf.trust(conf.instance)
        named = member_of(seen.certificate, trust, instance=conf.instance)
    except XRoadError as error:
        said = f"It does not name a member: {error.message}."
        yield OTHER_MEMBER.at(seen.name, said)
        return
    if seen.member is not None and named != seen.member:
        said = f"It names {named.path} and is used for {seen.member.path}."
        yield OTHER_MEMBER.at(seen.name, said)


def _authorities(
    token: TokenSeen, conf: GlobalConf, now: datetime, month: timedelta
) -> Iterator[Finding]:
    """Yield issuing CAs near their end; the top CA's dates count for nobody."""
    tops = [authority.top for authority in conf.trust(conf.instance).authorities]
    above = dict.fromkeys(
        ca
        for seen in token.in_use
        for ca in conf.chain_of(seen.certificate, conf.instance)[1:]
        if ca not in tops
    )
    for ca in above:
        ends = ca.not_valid_after_utc
        if ends - now <= month:
            has_ended = ends < now
            said = "It expired on" if has_ended else "It ends on"
            yield CA_EXPIRES.at(
                f"CA {subject_text(ca)}",
                f"{said} {moment(ends)}.",
                severity=Severity.ERROR if has_ended else Severity.WARNING,
            )


CHECKS = (
    Check(
        "certificates",
        look_at_certificates,
        (
            *(NO_AUTHENTICATION, NO_SIGNING, EXPIRED, EXPIRES, NOT_YET, INACTIVE),
            *(UNREGISTERED, ISSUER, USAGE, OTHER_MEMBER, OTHER_KEY, CA_EXPIRES),
        ),
    ),
)
