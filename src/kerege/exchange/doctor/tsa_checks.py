"""Time-stamping: who is asked, what they answer, and what waits."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta

from kerege.exchange.doctor.background import in_daemon
from kerege.exchange.doctor.checks import Check
from kerege.exchange.doctor.examination import Examination
from kerege.exchange.doctor.findings import Code, Finding, Severity, good, skipped
from kerege.exchange.doctor.log_state import LogState, log_state
from kerege.exchange.doctor.tsa_answers import TsaAnswer
from kerege.exchange.doctor.words import listed, moment, span
from kerege.xroad.addresses import shown
from kerege.xroad.faults import XRoadError

INTERVALS_MISSED = 3
"""Runs of the time-stamping job that a record may wait for."""
LEAST_PATIENCE = timedelta(minutes=5)
DEFAULT_INTERVAL_SECONDS = 60

NONE = Code(
    "D-TSA-NONE",
    Severity.ERROR,
    "The server uses no time-stamping service.",
    "No message is logged, and so none is passed: all are refused with "
    "`no_timestamping_provider_found`.",
    "kerege security-server timestamping list, then add one of those that are approved.",
)
NOT_APPROVED = Code(
    "D-TSA-NOT-APPROVED",
    Severity.WARNING,
    "The address of a time-stamping service is not one that the instance approves.",
    "Its time-stamps count only if it signs with an approved certificate.",
    "kerege security-server timestamping list, then remove it and add an approved one.",
)
UNREACHABLE = Code(
    "D-TSA-UNREACHABLE",
    Severity.ERROR,
    "A time-stamping service does not answer. A warning while another one answers.",
    "Messages pass for as long as `acceptable_timestamp_failure_seconds` says, then all "
    "are refused with `timestamping_failed`.",
    "Can this machine reach the address (firewall, name server, proxy)? Else tell its "
    "operator, or add another one: kerege security-server timestamping add",
)
REFUSES = Code(
    "D-TSA-REFUSES",
    Severity.ERROR,
    "A time-stamping service answers, and what it gives is no time-stamp. A warning "
    "while another one works.",
    "Messages pass for as long as `acceptable_timestamp_failure_seconds` says, then all "
    "are refused with `timestamping_failed`.",
    "Tell its operator what it answers; add another one meanwhile.",
)
CERTIFICATE = Code(
    "D-TSA-CERTIFICATE",
    Severity.ERROR,
    "A time-stamping service signs with a certificate that the instance does not "
    "approve. A warning while another one works.",
    "Its time-stamps do not count. Messages pass for as long as "
    "`acceptable_timestamp_failure_seconds` says, then all are refused.",
    "The service may have a new certificate: it belongs into the shared parameters. "
    "Tell the operator of the instance; use another service meanwhile.",
)
SLOW = Code(
    "D-TSA-SLOW",
    Severity.WARNING,
    "A time-stamping service needs long to answer.",
    "Nothing fails yet, unless each message waits for its own time-stamp "
    "(`timestamp_immediately`).",
    "Watch it, and tell its operator.",
)
BACKLOG = Code(
    "D-TSA-BACKLOG",
    Severity.WARNING,
    "Records wait for their time-stamp longer than they should. An error when messages "
    "are refused for it.",
    "Without a time-stamp a message cannot be proved later. When time-stamping has "
    "failed for too long, all messages are refused.",
    "Look for `time-stamping failed` in the server's log; is the server running?",
)
DELAY = Code(
    "D-TSA-DELAY",
    Severity.WARNING,
    "Time-stamps come ever later after their messages.",
    "Nothing fails yet. If it goes on, records will wait for too long.",
    "Look at how fast the service answers and at how many messages wait; a second "
    "service helps: kerege security-server timestamping add",
)

_CERTIFICATE_CODES = ("tsp_certificate_not_found", "timestamp_signer_verification")


async def look_at_authorities(examination: Examination) -> Iterable[Finding]:
    """Judge what the time-stamping services answered now."""
    rights = await examination.rights.known()
    if rights is None:
        return [skipped("the database cannot be read")]
    used = [service.url for service in rights.timestamping_services]
    conf = await examination.configuration.known()
    if not used:
        server = examination.settings.server_id.short
        add = _add(conf.tsa_urls(conf.instance)) if conf else ""
        return [NONE.at(f"server {server}", "None is configured.", advice=add)]
    answers = await examination.tsa_answers.known()
    if conf is None or answers is None:
        return [skipped("there is no global configuration")]
    approved = conf.tsa_urls(conf.instance)
    found = [
        NOT_APPROVED.at(
            shown(url),
            "It is not in the global configuration; approved are "
            f"{listed(approved) or 'none'}.",
        )
        for url in used
        if url not in approved
    ]
    found += _judged(answers, examination.limits.slow_seconds)
    slowest = max((a.seconds or 0.0 for a in answers), default=0.0)
    return found or [good(f"{len(answers)} asked, answered in {slowest:.1f} seconds")]


async def look_at_waiting(examination: Examination) -> Iterable[Finding]:
    """Look at what waits in the message log."""
    state = await in_daemon(_state, examination)
    if state is None:
        return [skipped("the database cannot be read")]
    conf = await examination.configuration.known()
    interval = DEFAULT_INTERVAL_SECONDS
    if conf is not None:
        with suppress(XRoadError):  # a configuration without private parameters
            interval = conf.timestamping_interval_seconds
    usual = timedelta(seconds=interval)
    found = [*_backlog(examination, state, usual), *_delay(state, usual)]
    waiting = f"{state.waiting} records wait" if state.waiting else "nothing waits"
    return found or [good(waiting)]


def _add(approved: Sequence[str]) -> str:
    """Return the command that mends it, if there is anything to choose from."""
    if not approved:
        return ""
    more = f" (approved are also {listed(approved[1:])})" if approved[1:] else ""
    return f"kerege security-server timestamping add {approved[0]}{more}"


def _state(examination: Examination) -> LogState | None:
    try:
        return log_state(examination.settings.database_url)
    except XRoadError:
        return None


def _judged(answers: Sequence[TsaAnswer], slow: float) -> Iterator[Finding]:
    works = any(answer.time is not None for answer in answers)
    severity = Severity.WARNING if works else Severity.ERROR
    follows = "Another one works; nothing fails yet." if works else ""
    for answer in answers:
        if answer.unreachable:
            said = f"It does not answer: {answer.unreachable}."
            yield UNREACHABLE.at(
                shown(answer.url), said, severity=severity, follows=follows
            )
        elif answer.refused is not None:
            is_certificate = any(c in answer.refused.code for c in _CERTIFICATE_CODES)
            code = CERTIFICATE if is_certificate else REFUSES
            said = f"{answer.refused.message}."
            yield code.at(shown(answer.url), said, severity=severity, follows=follows)
        elif answer.seconds is not None and answer.seconds > slow:
            said = f"It took {answer.seconds:.1f} seconds just now."
            yield SLOW.at(shown(answer.url), said)


def _backlog(
    examination: Examination, state: LogState, usual: timedelta
) -> Iterator[Finding]:
    now = examination.clock()
    chosen = examination.settings.message_log
    acceptable = chosen.acceptable_timestamp_failure_seconds
    failing = now - state.failing_since if state.failing_since else timedelta(0)
    waits = now - state.oldest_waiting if state.oldest_waiting else timedelta(0)
    is_refusing = 0 < acceptable < failing.total_seconds()
    if waits <= max(INTERVALS_MISSED * usual, LEAST_PATIENCE) and not is_refusing:
        return
    records = f"{state.waiting} records" if state.waiting != 1 else "1 record"
    said = f"{records} wait, the oldest for {span(waits)}; {span(usual)} are usual."
    if state.failing_since:
        said += f" Time-stamping fails since {moment(state.failing_since)}."
    follows = ""
    if is_refusing:
        follows = "All messages are refused with `timestamping_failed`, now."
    elif state.failing_since and acceptable:
        at = state.failing_since + timedelta(seconds=acceptable)
        follows = f"From {moment(at)} on all messages are refused."
    yield BACKLOG.at(
        "message log",
        said,
        severity=Severity.ERROR if is_refusing else Severity.WARNING,
        follows=follows,
    )


def _delay(state: LogState, usual: timedelta) -> Iterator[Finding]:
    """Yield that the last time-stamps came late, and later than those before."""
    last, before = state.last_delay, state.earlier_delay
    if last is None or before is None:
        return
    if last > max(INTERVALS_MISSED * usual, LEAST_PATIENCE) and last > 2 * before:
        yield DELAY.at(
            "message log",
            f"The last records waited {span(last)} for their time-stamps, those before "
            f"them {span(before)}; {span(usual)} are usual.",
        )


CHECKS = (
    Check(
        "time-stamping services",
        look_at_authorities,
        (NONE, NOT_APPROVED, UNREACHABLE, REFUSES, CERTIFICATE, SLOW),
    ),
    Check("time-stamps", look_at_waiting, (BACKLOG, DELAY)),
)
