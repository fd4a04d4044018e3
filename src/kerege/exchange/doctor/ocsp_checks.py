"""OCSP: what the responders say now, how fast, and how they did today."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from kerege.exchange.doctor.checks import Check
from kerege.exchange.doctor.examination import Examination
from kerege.exchange.doctor.findings import Code, Finding, Severity, good, skipped
from kerege.exchange.doctor.ocsp_answers import (
    Asked,
    OcspAnswer,
    certificates_asked,
)
from kerege.exchange.doctor.words import clock_time, listed, moment, span
from kerege.exchange.ocsp.history import SLOW_SECONDS, ResponderDay, read_history
from kerege.exchange.ocsp.store import OcspStore
from kerege.xroad.addresses import shown
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.ocsp import verify_ocsp_response
from kerege.xroad.x509 import certificate_sha256

SHARE_THAT_FAILED = 0.1
"""Of a responder's answers today; less is a network's ordinary day."""

NO_RESPONDER = Code(
    "D-OCSP-NONE",
    Severity.ERROR,
    "No OCSP responder is known for a certificate.",
    "Nobody can tell other servers that the certificate is good: they refuse it.",
    "Ask the operator of the instance: the CA's responder belongs into the shared "
    "parameters.",
)
UNREACHABLE = Code(
    "D-OCSP-UNREACHABLE",
    Severity.ERROR,
    "An OCSP responder does not answer. A warning while another one answers.",
    "When the last response has grown too old, other servers refuse the certificate and "
    "no message passes.",
    "Can this machine reach the address (firewall, name server, proxy)? Else tell the "
    "CA.",
)
REVOKED = Code(
    "D-OCSP-REVOKED",
    Severity.ERROR,
    "The CA has revoked the certificate.",
    "Other servers refuse it at once; that cannot be undone.",
    "Ask the CA why. If the key may be in other hands, stop the server. Make a new key "
    "and get a new certificate: docs/how-to/when-a-certificate-is-about-to-expire.md",
)
UNKNOWN = Code(
    "D-OCSP-UNKNOWN",
    Severity.ERROR,
    "The OCSP responder does not know the certificate.",
    "Other servers refuse it.",
    "A new certificate may take some minutes to reach the responder. Else ask the CA: "
    "the responder, or the address in the shared parameters, is another CA's.",
)
OLD = Code(
    "D-OCSP-OLD",
    Severity.ERROR,
    "The OCSP responder gives out responses that are too old.",
    "Other servers do not believe them and refuse the certificate.",
    "Is this machine's clock right? Else tell the CA that its responder has stopped "
    "making new responses.",
)
NOT_BELIEVED = Code(
    "D-OCSP-SIGNATURE",
    Severity.ERROR,
    "The OCSP responder's answer cannot be believed: signed by a key that may not, "
    "about another certificate, or not an answer.",
    "Other servers do not believe it either and refuse the certificate.",
    "Ask the CA and the operator of the instance whether the responder has a new "
    "certificate: it belongs into the shared parameters.",
)
SLOW = Code(
    "D-OCSP-SLOW",
    Severity.WARNING,
    "An OCSP responder needs long to answer.",
    "Nothing fails yet: responses are fetched before they are needed. A responder that "
    "is slow is often one that will be away.",
    "Watch it, and tell the CA. Is the way there long or full?",
)
WAS_SLOW = Code(
    "D-OCSP-SLOW-TODAY",
    Severity.WARNING,
    "An OCSP responder was slow or failed for the running server today.",
    "Nothing fails yet: the old response is used while it holds. A responder that fails "
    "now and then is often one that will be away.",
    "Look for `ocsp_not_renewed` in the server's log, and tell the CA.",
)
NOT_RENEWED = Code(
    "D-OCSP-NOT-RENEWED",
    Severity.WARNING,
    "The running server's OCSP response is about to be too old, though a new one can be "
    "had.",
    "When it is too old, other servers refuse the certificate and no message passes.",
    "Look for `ocsp_not_renewed` and `ocsp_not_kept` in the server's log. Restart the "
    "server if it does not fetch a new one.",
)


async def look_at_ocsp(examination: Examination) -> Iterable[Finding]:
    """Judge what the responders answered now."""
    conf = await examination.configuration.known()
    token = await examination.token.known()
    answers = await examination.ocsp_answers.known()
    if conf is None or token is None or answers is None:
        return [skipped("certificates or responders are not known")]
    holds = _stored(examination, certificates_asked(token.in_use, conf), conf)
    found = [
        NO_RESPONDER.at(about.name, "None is configured for it.")
        for about in certificates_asked(token.in_use, conf)
        if about.issuer is not None and not conf.ocsp_urls_for(about.certificate)
    ]
    found += _unreachable(answers, holds, examination.clock())
    found += _refused(answers, conf, examination.clock())
    found += _slow(answers, examination.limits.slow_seconds)
    if await examination.running.get() is not None:
        found += _not_renewed(answers, holds, conf, examination.clock())
    return found or [good(_all_good(answers))]


async def look_at_today(examination: Examination) -> Iterable[Finding]:
    """Look at what the server has noted of its responders today."""
    today = read_history(examination.path("ocsp"))
    now = examination.clock()
    if today is None or today.day != f"{now:%Y-%m-%d}":
        return [good("the server has asked nobody today")]
    found = [
        WAS_SLOW.at(url, _of_the_day(day))
        for url, day in today.responders.items()
        if day.slow or day.failed > SHARE_THAT_FAILED * day.asked
    ]
    asked = sum(day.asked for day in today.responders.values())
    return found or [good(f"{asked} questions of the server, all answered quickly")]


def _of_the_day(day: ResponderDay) -> str:
    parts = [f"Of {day.asked} questions today"]
    if day.failed:
        when = f", last at {day.last_failed[11:16]} UTC" if day.last_failed else ""
        parts.append(f"{day.failed} got no answer{when}")
    if day.slow:
        parts.append(
            f"{day.slow} took more than {SLOW_SECONDS:g} seconds "
            f"(the slowest {day.slowest_seconds:.1f})"
        )
    return f"{parts[0]} {' and '.join(parts[1:])}."


def _all_good(answers: Sequence[OcspAnswer]) -> str:
    about = len({answer.about.certificate for answer in answers})
    slowest = max((answer.seconds or 0.0 for answer in answers), default=0.0)
    return f"{about} certificates are good, asked in {slowest:.1f} seconds"


def _stored(
    examination: Examination, asked: Iterable[Asked], conf: GlobalConf
) -> dict[str, datetime]:
    """Return until when the server's stored responses hold, by certificate's name."""
    store = OcspStore(examination.path("ocsp"))
    found = {}
    for about in asked:
        response = store.load(certificate_sha256(about.certificate))
        if response is None or about.issuer is None:
            continue
        try:
            status = verify_ocsp_response(
                response,
                certificate=about.certificate,
                issuer=about.issuer,
                trust=conf.trust(conf.instance),
                at=examination.clock(),
            )
        except XRoadError:
            continue
        found[about.name] = status.valid_until
    return found


def _unreachable(
    answers: Sequence[OcspAnswer], holds: dict[str, datetime], now: datetime
) -> Iterator[Finding]:
    """Yield one finding for each responder that is away."""
    away: defaultdict[str, list[OcspAnswer]] = defaultdict(list)
    answered = {a.about.name for a in answers if a.status is not None}
    for answer in answers:
        if answer.unreachable:
            away[answer.url].append(answer)
    for url, failed in away.items():
        names = [answer.about.name for answer in failed]
        alone = [name for name in names if name not in answered]
        until = min((holds[name] for name in alone if name in holds), default=None)
        follows = ""
        if not alone:
            follows = "Another responder answers; nothing fails yet."
        elif until is not None and all(name in holds for name in alone):
            follows = (
                f"The last responses hold until {clock_time(until)}, for "
                f"{span(until - now)} more. Then no message passes."
            )
        yield UNREACHABLE.at(
            url,
            f"It does not answer: {failed[0].unreachable}. Asked about "
            f"{listed(names)}.",
            severity=Severity.ERROR if alone else Severity.WARNING,
            follows=follows,
        )


def _refused(
    answers: Iterable[OcspAnswer], conf: GlobalConf, now: datetime
) -> Iterator[Finding]:
    for answer in answers:
        reason = answer.refused
        if reason is None:
            continue
        who = f"{answer.about.name} at {shown(answer.url)}"
        if reason.code == "cert_validation":
            is_revoked = answer.says == "REVOKED"
            since = reason.message.partition(" since ")[2][:16]
            said = (
                f"The responder says that it is revoked since {since} UTC."
                if is_revoked
                else "The responder does not know it."
            )
            yield (REVOKED if is_revoked else UNKNOWN).at(who, said)
        elif _is_old(answer, conf, now):
            made = answer.this_update or now
            allowed = timedelta(seconds=conf.ocsp_freshness_seconds)
            yield OLD.at(
                who,
                f"The response is of {moment(made)}, {span(now - made)} old; "
                f"{span(allowed)} are allowed.",
            )
        else:
            yield NOT_BELIEVED.at(who, f"{reason.message}.")


def _is_old(answer: OcspAnswer, conf: GlobalConf, now: datetime) -> bool:
    if answer.this_update is None:
        return False
    if "too old" not in (answer.refused.message if answer.refused else ""):
        return False
    allowed = timedelta(seconds=conf.ocsp_freshness_seconds)
    ended = answer.next_update is not None and answer.next_update < now
    return ended or answer.this_update + allowed < now


def _slow(answers: Iterable[OcspAnswer], limit: float) -> Iterator[Finding]:
    slowest: dict[str, float] = {}
    for answer in answers:
        if answer.seconds is not None:
            slowest[answer.url] = max(slowest.get(answer.url, 0.0), answer.seconds)
    for url, seconds in slowest.items():
        if seconds > limit:
            yield SLOW.at(url, f"It took {seconds:.1f} seconds just now.")


def _not_renewed(
    answers: Iterable[OcspAnswer],
    holds: dict[str, datetime],
    conf: GlobalConf,
    now: datetime,
) -> Iterator[Finding]:
    """Yield responses past three quarters of their time: half is when they go."""
    allowed = timedelta(seconds=conf.ocsp_freshness_seconds)
    for name in dict.fromkeys(a.about.name for a in answers if a.status is not None):
        until = holds.get(name)
        if until is not None and until - now < allowed / 8:
            said = f"It holds until {clock_time(until)}, for {span(until - now)} more."
            yield NOT_RENEWED.at(name, said)


CHECKS = (
    Check(
        "OCSP",
        look_at_ocsp,
        (
            *(NO_RESPONDER, UNREACHABLE, REVOKED, UNKNOWN, OLD, NOT_BELIEVED),
            *(SLOW, NOT_RENEWED),
        ),
    ),
    Check("OCSP today", look_at_today, (WAS_SLOW,)),
)
