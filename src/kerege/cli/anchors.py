"""Configuration anchors on the command line."""

from pathlib import Path

from kerege.cli.failures import Failure
from kerege.exchange.configuration import read_anchor_file
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import Anchor


def read_anchor(path: Path) -> Anchor:
    """Read an anchor's file, or say which file is none."""
    try:
        return read_anchor_file(path)
    except XRoadError as error:
        if error.code != "malformed_anchor":
            raise
        raise Failure(
            f"{path} is not a configuration anchor",  # noqa: EM102
            why=str(error),
            advice="Get it from the operator of the instance: a small XML file.",
        ) from error
