"""PIN: does it open the token, and each key's file hold the right key?

Only looked at if a PIN is given. The keys stay in the room that opens them.
"""

from collections.abc import Iterable

from kerege.exchange.doctor.background import in_daemon
from kerege.exchange.doctor.checks import Check
from kerege.exchange.doctor.examination import Examination
from kerege.exchange.doctor.findings import Code, Finding, Severity, good, skipped
from kerege.exchange.doctor.key_files import wrong_with_file
from kerege.xroad.faults import XRoadError

WRONG = Code(
    "D-PIN-WRONG",
    Severity.ERROR,
    "The PIN that was given does not open the token.",
    "A server that gets this PIN at its next start does not pass messages.",
    "Give the PIN from `init`, or from `keys change-pin`, wherever the server reads it. "
    "A lost PIN cannot be recovered: a new token with new keys is needed.",
)
UNUSABLE = Code(
    "D-KEY-OTHER",
    Severity.ERROR,
    "The file of a key is whole, but does not open with the token's PIN, or holds "
    "another key.",
    "After a restart this key is not there: without another one for the same purpose the "
    "server, or the member that it signs for, passes no message.",
    "Restore the token's folder from a backup, whole: files of two backups do not fit "
    "together.",
)


async def look_at_pin(examination: Examination) -> Iterable[Finding]:
    """Open the token, and forget it. Files that are lost or damaged are told elsewhere."""
    token = await examination.token.known()
    if token is None:
        return [skipped("the token cannot be read")]
    folder = str(examination.path(examination.settings.token))
    try:
        closed = await in_daemon(examination.keys.open, examination.settings)
    except XRoadError as error:
        code = WRONG if error.code == "pin_incorrect" else UNUSABLE
        return [code.at(folder, f"{error.message}.")]
    whole = [k.key_id for k in token.keys if wrong_with_file(k.file) is None]
    found = [
        UNUSABLE.at(folder, f"{error.message}.")
        for key_id, error in closed.items()
        if key_id in whole
    ]
    return found or [good("it opens the token, and every whole file holds its key")]


CHECKS = (Check("PIN", look_at_pin, (WRONG, UNUSABLE)),)
