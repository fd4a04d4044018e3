"""Identifiers on the command line: ``A/B/C/D`` as in paths, or ``A:B:C:D``.

Functions for click's ``type=``; what is no identifier ends the command.
"""

import click

from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import (
    ClientId,
    GlobalGroupId,
    SecurityServerId,
    ServiceId,
)


def client_id(text: str) -> ClientId:
    """Read a member or subsystem."""
    try:
        return ClientId.from_path(text) if "/" in text else ClientId.from_encoded(text)
    except XRoadError as error:
        msg = f"{text[:255]!r} is not INSTANCE/CLASS/MEMBER[/SUBSYSTEM]"
        raise click.BadParameter(msg) from error


def server_id(text: str) -> SecurityServerId:
    """Read a Security Server."""
    try:
        return SecurityServerId.from_path(text)
    except XRoadError as error:
        msg = f"{text[:255]!r} is not INSTANCE/CLASS/MEMBER/SERVERCODE"
        raise click.BadParameter(msg) from error


def service_id(text: str) -> ServiceId:
    """Read a service; with colons it may have a version behind a dot."""
    try:
        if "/" in text:
            return ServiceId.from_path(text)
        return ServiceId.from_encoded(text)
    except XRoadError as error:
        msg = f"{text[:255]!r} is not INSTANCE/CLASS/MEMBER/SUBSYSTEM/CODE"
        raise click.BadParameter(msg) from error


def global_group(text: str) -> GlobalGroupId:
    """Read a global group."""
    codes = text.split("/")
    if len(codes) != 2 or not all(codes):
        msg = f"{text[:255]!r} is not INSTANCE/GROUP"
        raise click.BadParameter(msg)
    return GlobalGroupId(*codes)
