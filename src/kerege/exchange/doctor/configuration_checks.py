"""Global configuration: the anchor, its sources, and what is on disk."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from kerege.exchange.configuration import Readiness, readiness
from kerege.exchange.doctor.background import in_daemon
from kerege.exchange.doctor.checks import Check
from kerege.exchange.doctor.downloading import Download
from kerege.exchange.doctor.examination import Examination
from kerege.exchange.doctor.findings import Code, Finding, Severity, good
from kerege.exchange.doctor.words import clock_time, moment, span
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf, directory_name
from kerege.xroad.globalconf.tree import METADATA_SUFFIX, SHARED_PARAMETERS_FILE
from kerege.xroad.globalconf.view import LONG_AGO

REFRESHES_MISSED = 5
"""Downloads that a running server missed before somebody is told."""
SOON = timedelta(hours=1)
OLD_VERSION = 2
"""Names authentication certificates by SHA-1."""

ANCHOR = Code(
    "D-CONF-ANCHOR",
    Severity.ERROR,
    "The configuration anchor is missing, cannot be read, or is of another instance.",
    "The server does not know whom to believe: it cannot get the global configuration, "
    "and refuses all messages once the old one expires.",
    "Get the anchor from the operator of the instance, compare its fingerprint by "
    "telephone, and put it where `configuration.anchor` in the settings file says.",
)
SOURCE_AWAY = Code(
    "D-CONF-SOURCE",
    Severity.ERROR,
    "A source of the global configuration cannot be reached. A warning while another "
    "source works.",
    "The configuration is not renewed; it holds for minutes only, and then all messages "
    "are refused with `global_conf_outdated`.",
    "Can this machine reach the address (firewall, name server, proxy)? Else tell the "
    "operator of the instance.",
)
NOT_BELIEVED = Code(
    "D-CONF-SIGNATURE",
    Severity.ERROR,
    "A source answers, and what it gives does not pass: a signature that the anchor "
    "does not know, an old or damaged configuration.",
    "The server does not take it. It refuses all messages once the old one expires.",
    "If the central server has a new signing key, get the new anchor from its operator "
    "by a way that you trust. If nobody there knows of a change, somebody is in between.",
)
MISSING = Code(
    "D-CONF-MISSING",
    Severity.ERROR,
    "There is no global configuration on disk and none can be downloaded.",
    "The server does not start.",
    "Mend what the other findings about the configuration say, then: kerege "
    "configuration download --anchor FILE --to DIR",
)
DAMAGED = Code(
    "D-CONF-DAMAGED",
    Severity.ERROR,
    "The global configuration on disk cannot be read.",
    "A server that starts cannot use it until a download has replaced it.",
    "Remove the folder; the next download makes it anew.",
)
EXPIRED = Code(
    "D-CONF-EXPIRED",
    Severity.ERROR,
    "The global configuration on disk has expired and nothing newer can be had.",
    "All messages are refused with `global_conf_outdated`.",
    "Mend what the other findings about the configuration say. If another process "
    "downloads into the folder, look whether it runs.",
)
STALE = Code(
    "D-CONF-STALE",
    Severity.WARNING,
    "The global configuration expires within the hour and has not been renewed as it "
    "should have been.",
    "When it expires all messages are refused with `global_conf_outdated`.",
    "Look for `configuration_not_updated` in the server's log. If another process "
    "downloads into the folder, look whether it runs.",
)
OLD_FORMAT = Code(
    "D-CONF-VERSION",
    Severity.WARNING,
    "The instance still publishes version 2 of the global configuration.",
    "Servers are told by the SHA-1 of their certificates, which can be forged with "
    "effort; new functions are missing.",
    "Ask the operator of the instance to upgrade the central server.",
)


async def look_at_sources(examination: Examination) -> Iterable[Finding]:
    """Read the anchor and try every source."""
    settings = examination.settings
    if not settings.configuration.anchor:
        return [good("another process downloads the configuration")]
    anchor = str(examination.path(settings.configuration.anchor))
    try:
        found = await examination.downloads.get()
    except XRoadError as error:
        return [ANCHOR.at(anchor, f"{error.message}.")]
    wanted = settings.server_id.instance
    wrong = [d for d in found if d.reason]
    other = {d.configuration.instance for d in found if d.configuration} - {wanted}
    if other:
        return [_other_instance(anchor, other.pop(), wanted)]
    if not wrong:
        return [good(f"{_counted(len(found))} answers and is signed as it should be")]
    return [_wrong(download, is_only=len(wrong) == len(found)) for download in wrong]


async def look_at_configuration(examination: Examination) -> Iterable[Finding]:
    """Look at the configuration on disk."""
    found = [*await _on_disk(examination)]
    conf = await examination.configuration.known()
    if conf is not None and conf.expires != LONG_AGO:
        found += _version(conf)
    return found


async def _on_disk(examination: Examination) -> Iterable[Finding]:
    folder = examination.path(examination.settings.configuration.directory)
    try:
        conf = await examination.on_disk.get()
    except XRoadError as error:
        return await _without(examination, error)
    if conf.expires == LONG_AGO:
        problem = next(iter(conf.problems), None)
        why = problem.message if problem else "the own instance's part is incomplete"
        return [DAMAGED.at(str(folder), f"It cannot be used: {why}.")]
    now = examination.clock()
    found: list[Finding] = []
    if conf.expires < now:
        found = await _expired(examination, conf, now)
    elif conf.expires - now < SOON:
        found = await _not_renewed(examination, conf, now)
    return found or [good(f"on disk, version {conf.version}, {_until(conf, now)}")]


def _wrong(download: Download, *, is_only: bool) -> Finding:
    reason = download.reason
    is_away = reason is None or reason.code in (
        "global_conf_download_url_connection_failure",
        "global_conf_get_version_failed",
        "global_conf_part_download_failure",
    )
    code = SOURCE_AWAY if is_away else NOT_BELIEVED
    text = reason.message if reason else "nothing was received"
    said = f"It cannot be reached: {text}." if is_away else f"{text}."
    return code.at(
        download.url,
        said,
        severity=Severity.ERROR if is_only else Severity.WARNING,
        follows="" if is_only else "The others still work; nothing fails yet.",
    )


def _other_instance(anchor: str, instance: str, wanted: str) -> Finding:
    return ANCHOR.at(
        anchor, f"It is the anchor of instance {instance}, this server is in {wanted}."
    )


async def _without(examination: Examination, error: XRoadError) -> list[Finding]:
    """Judge that nothing on disk can be loaded."""
    folder = examination.path(examination.settings.configuration.directory)
    state = await in_daemon(readiness, folder)
    if state is Readiness.READY_TO_INIT:
        return [DAMAGED.at(str(folder), f"It cannot be used: {error.message}.")]
    if any(d.configuration for d in await examination.downloads.known() or ()):
        return [good("not on disk yet; the server downloads it when it starts")]
    return [MISSING.at(str(folder), "There is no global configuration in it.")]


async def _expired(
    examination: Examination, conf: GlobalConf, now: datetime
) -> list[Finding]:
    """Judge an expired configuration: a stopped server renews it when it starts."""
    ago = f"It expired on {moment(conf.expires)}, {span(now - conf.expires)} ago."
    can_be_had = any(d.configuration for d in await examination.downloads.known() or ())
    is_running = await examination.running.get() is not None
    if can_be_had and not is_running:
        return []
    advice = ""
    if can_be_had:
        advice = (
            "A new one can be had now, and the running server has not fetched it: "
            "look for `configuration_not_updated` in its log."
        )
    return [EXPIRED.at(_name(conf), ago, advice=advice)]


async def _not_renewed(
    examination: Examination, conf: GlobalConf, now: datetime
) -> list[Finding]:
    chosen = examination.settings.configuration
    is_running = await examination.running.get() is not None
    if chosen.anchor and not is_running:
        return []
    renewed = await in_daemon(_renewed_at, examination, conf)
    allowed = timedelta(seconds=REFRESHES_MISSED * chosen.update_interval_seconds)
    if renewed is None or now - renewed <= allowed:
        return []
    return [
        STALE.at(
            _name(conf),
            f"It expires at {clock_time(conf.expires)}, in {span(conf.expires - now)}, "
            f"and was renewed last at {clock_time(renewed)}, {span(now - renewed)} ago.",
        )
    ]


def _renewed_at(examination: Examination, conf: GlobalConf) -> datetime | None:
    """Return when the expiry date was written last: each download moves it on."""
    folder = examination.path(examination.settings.configuration.directory)
    name = SHARED_PARAMETERS_FILE + METADATA_SUFFIX
    try:
        stat = (folder / directory_name(conf.instance) / name).stat()
    except OSError:
        return None
    return datetime.fromtimestamp(stat.st_mtime, tz=examination.clock().tzinfo)


def _version(conf: GlobalConf) -> Iterable[Finding]:
    if conf.version <= OLD_VERSION:
        yield OLD_FORMAT.at(_name(conf), f"It has version {conf.version}.")


def _until(conf: GlobalConf, now: datetime) -> str:
    left = conf.expires - now
    if left < timedelta(0):
        return "expired; the server renews it when it starts"
    return f"holds for {span(left)} more"


def _name(conf: GlobalConf) -> str:
    return f"global configuration of {conf.instance}"


def _counted(number: int) -> str:
    return "the source" if number == 1 else f"each of {number} sources"


CHECKS = (
    Check("configuration source", look_at_sources, (ANCHOR, SOURCE_AWAY, NOT_BELIEVED)),
    Check(
        "global configuration",
        look_at_configuration,
        (MISSING, DAMAGED, EXPIRED, STALE, OLD_FORMAT),
    ),
)
