"""The password of a PostgreSQL database: never in an argument, which all users can see."""

import getpass
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from kerege.cli.failures import Failure

F = TypeVar("F", bound=Callable[..., Any])

SOURCES = "fd:N, file:PATH, env:NAME or prompt"
MAX_PASSWORD_BYTES = 1024
"""PostgreSQL takes 1 KB at most through its own tools."""
SEEN = (
    "Warning: other users of this machine could see the password in this command. "
    "Change it; next time give --password-from, or keep it in ~/.pgpass."
)


def password_option(command: F) -> F:
    """Add ``--password-from``."""
    return click.option(
        "--password-from",
        metavar="SOURCE",
        help=f"Where the database's password is read: {SOURCES}. Not needed if "
        "~/.pgpass or the variable PGPASSWORD has it.",
    )(command)


def with_password(url: str, source: str | None) -> str:
    """Return a database's address with the password from ``source``, if one is given.

    Raises `Failure` if nothing usable is there.
    """
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        return url  # who opens it says what is wrong
    if address.password:
        click.echo(SEEN, err=True)
    if source is None:
        return url
    password = _read(source)
    return address.set(password=password).render_as_string(hide_password=False)


def _read(source: str) -> str:
    kind, _, value = source.partition(":")
    try:
        if source == "prompt":
            password = _typed()
        elif kind == "env":
            password = os.environ.get(value, "")
        elif kind == "file" and value:
            with Path(value).open("rb") as file:
                password = _text(file.read(MAX_PASSWORD_BYTES + 2))
        elif kind == "fd" and value.isdecimal() and len(value) < 10:
            with os.fdopen(int(value), "rb") as file:
                password = _text(file.read(MAX_PASSWORD_BYTES + 2))
        else:
            msg = "--password-from takes " + SOURCES
            raise Failure(msg)
    except OSError as error:
        msg = f"No password can be read from {source}: {error.strerror}"
        raise Failure(msg) from error
    if not password or len(password.encode()) > MAX_PASSWORD_BYTES:
        msg = f"There is no password in {source}, or it is longer than 1024 bytes"
        raise Failure(msg)
    return password


def _typed() -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass("Password of the database: ")
    except (getpass.GetPassWarning, EOFError, UnicodeError):
        msg = "No password could be typed unseen"
        raise Failure(msg, advice="Give it with --password-from fd:3 3< FILE") from None


def _text(data: bytes) -> str:
    try:
        return data.removesuffix(b"\n").removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        msg = "The password is not UTF-8"
        raise Failure(msg) from None
