"""`kerege configuration`: download, verify and show a global configuration."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from kerege.cli.anchors import read_anchor
from kerege.cli.failures import Failure
from kerege.cli.output import day, print_json, print_table
from kerege.exchange.configuration import (
    ConfigurationClient,
    ConfigurationSettings,
    load_directory,
)
from kerege.xroad.addresses import shown
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import Anchor, GlobalConf
from kerege.xroad.globalconf.anchor import anchor_fingerprint
from kerege.xroad.globalconf.signed_directory import (
    MAX_DIRECTORY_BYTES,
    SignedDirectory,
)
from kerege.xroad.x509 import load_certificate, subject_text

REACHABLE = (
    "Can this machine reach the addresses of the anchor? See: kerege configuration "
    "anchor"
)
DIRECTORY = click.Path(path_type=Path, file_okay=False)


@click.group()
def configuration() -> None:
    r"""Download, verify and show a global configuration.

    \b
    Examples:
      kerege configuration download --anchor anchor.xml --to globalconf
      kerege configuration verify globalconf
      kerege configuration show globalconf
    """


@configuration.command()
@click.option(
    "--anchor",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The configuration anchor, from the operator of the instance.",
)
@click.option(
    "--to", "directory", required=True, type=DIRECTORY, help="Folder to keep it in."
)
@click.option(
    "--federations",
    default="none",
    show_default=True,
    metavar="LIST",
    help="Other instances to follow: a comma list, `all` or `none`.",
)
def download(anchor: Path, directory: Path, federations: str) -> None:
    """Download a configuration once and verify every signature and hash.

    Nothing is written before everything is verified.
    """
    read_anchor(anchor)
    directory.mkdir(parents=True, exist_ok=True)
    settings = ConfigurationSettings(directory, allowed_federations=federations)
    url, failures = asyncio.run(_download(anchor, settings))
    conf = load_directory(directory)
    click.echo(
        f"The configuration of {conf.instance} from {shown(url)} is verified and in "
        f"{directory}; it expires {conf.expires:%Y-%m-%d %H:%M} UTC"
    )
    for failed, error in failures:
        if _address(failed) != _address(url):  # else the same one answered by http
            click.echo(f"Not downloaded: {shown(failed)}: {error}", err=True)


async def _download(
    anchor: Path, settings: ConfigurationSettings
) -> tuple[str, Sequence[tuple[str, XRoadError]]]:
    client = ConfigurationClient(anchor, settings)
    try:
        await client.update()
    except XRoadError as error:
        raise Failure(
            error.message,
            why=f"X-Road code: {error.code}",
            advice=error.advice or f"{REACHABLE} {anchor}",
        ) from error
    finally:
        await client.aclose()
    return client.status.source_url, client.status.failures


def _address(url: str) -> str:
    return url.partition("://")[2].partition("?")[0]


@configuration.command()
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    metavar="DIR|FILE...",
    type=click.Path(path_type=Path, exists=True),
)
@click.option(
    "--anchor",
    type=click.Path(path_type=Path, dir_okay=False),
    help="For files: the anchor that says who signs.",
)
def verify(paths: tuple[Path, ...], anchor: Path | None) -> None:
    """Check downloaded configurations.

    A folder: that it is whole and current; signatures were verified when it was
    downloaded. A file: the signature of a signed directory, as a central server
    serves it below /internalconf.
    """
    now = datetime.now(UTC)
    for path in paths:
        if path.is_dir():
            _verify_folder(path, now)
        elif anchor is None:
            raise click.UsageError("To verify a file, give --anchor")
        else:
            _verify_file(path, read_anchor(anchor), now)


def _verify_folder(folder: Path, now: datetime) -> None:
    conf = _loaded(folder)
    conf.require_current(now)
    if conf.problems:
        msg = f"{folder}: {len(conf.problems)} parts cannot be used"
        raise Failure(msg, advice="Download the configuration again.")
    click.echo(
        f"{folder}: the configuration of {conf.instance} is whole and current; it "
        f"expires {conf.expires:%Y-%m-%d %H:%M} UTC"
    )


def _loaded(folder: Path) -> GlobalConf:
    """Read a folder, and say what of it cannot be used."""
    conf = load_directory(folder)
    for problem in conf.problems:
        click.echo(f"Left out: {problem}", err=True)
    return conf


def _verify_file(file: Path, trusted: Anchor, now: datetime) -> None:
    with file.open("rb") as stream:
        data = stream.read(MAX_DIRECTORY_BYTES + 1)
    directory = SignedDirectory.from_bytes(
        data,
        instance=trusted.instance,
        verification_certificates=[
            certificate
            for source in trusted.sources
            for certificate in source.verification_certificates
        ],
        at=now,
    )
    names = ", ".join(item.content_identifier for item in directory.items)
    click.echo(
        f"{file}: signed for {trusted.instance}, version "
        f"{directory.effective_version}, with {names}; expires "
        f"{directory.expires:%Y-%m-%d %H:%M} UTC"
    )


@configuration.command("anchor")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def show_anchor(file: Path) -> None:
    """Show an anchor: instance, sources, and the hash to compare by telephone."""
    found = read_anchor(file)
    click.echo(f"Instance   {found.instance}")
    if found.generated_at:
        click.echo(f"Generated  {found.generated_at:%Y-%m-%d %H:%M} UTC")
    click.echo(f"SHA-224    {anchor_fingerprint(file.read_bytes())}")
    for source in found.sources:
        click.echo(f"Source     {shown(source.download_url)}")


@configuration.command()
@click.argument("directory", type=DIRECTORY)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def show(*, directory: Path, as_json: bool) -> None:
    """Show members, servers and trust services of a downloaded configuration."""
    conf = _loaded(directory)
    if as_json:
        print_json(_fields(conf))
        return
    click.echo(f"Instance {conf.instance}, version {conf.version}")
    click.echo(f"Expires {conf.expires:%Y-%m-%d %H:%M} UTC")
    for instance in sorted(conf.instances):
        _show(conf, instance)


def _show(conf: GlobalConf, instance: str) -> None:
    click.echo(f"\n{instance}: members and subsystems")
    shared = conf.shared_parameters(instance)
    members: list[tuple[str, str]] = []
    for member in shared.members:
        members.append((member.id(instance).short, member.name))
        members += [
            (member.subsystem_id(instance, one).short, one.name or "")
            for one in member.subsystems
        ]
    print_table(("IDENTIFIER", "NAME"), members, nothing="none")
    click.echo(f"\n{instance}: security servers")
    servers = [
        (one.id.short, one.address or "-", len(one.clients), bool(one.maintenance))
        for one in shared.security_servers
    ]
    columns = ("SERVER", "ADDRESS", "CLIENTS", "IN MAINTENANCE")
    print_table(columns, servers, nothing="none")
    click.echo(f"\n{instance}: trust services")
    columns = ("KIND", "NAME", "CERTIFICATE", "VALID UNTIL")
    print_table(columns, _trust_services(conf, instance), nothing="none")


def _trust_services(conf: GlobalConf, instance: str) -> list[tuple[str, ...]]:
    certificates = [
        ("CA", one.name, one.top_ca.certificate)
        for one in conf.certification_services(instance)
    ] + [
        ("TSA", one.name, one.certificate)
        for one in conf.timestamping_services(instance)
    ]
    rows: list[tuple[str, ...]] = []
    for kind, name, der in certificates:
        value = load_certificate(der)
        rows.append((kind, name, subject_text(value), day(value.not_valid_after_utc)))
    return rows


def _fields(conf: GlobalConf) -> dict[str, object]:
    return {
        "instance": conf.instance,
        "version": conf.version,
        "expires": conf.expires.isoformat(),
        "problems": [str(problem) for problem in conf.problems],
        "instances": {
            instance: _instance_fields(conf, instance)
            for instance in sorted(conf.instances)
        },
    }


def _instance_fields(conf: GlobalConf, instance: str) -> dict[str, object]:
    shared = conf.shared_parameters(instance)
    return {
        "members": [
            {
                "id": member.id(instance).path,
                "name": member.name,
                "subsystems": [one.code for one in member.subsystems],
            }
            for member in shared.members
        ],
        "security_servers": [
            {
                "id": one.id.path,
                "address": one.address,
                "clients": [client.path for client in one.clients],
                "in_maintenance": bool(one.maintenance),
            }
            for one in shared.security_servers
        ],
        "trust_services": [
            dict(zip(("kind", "name", "subject", "valid_until"), row, strict=True))
            for row in _trust_services(conf, instance)
        ],
    }
