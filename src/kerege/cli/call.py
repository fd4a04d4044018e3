"""`kerege call`: call a service through one's own Security Server, as curl would."""

import asyncio
import json
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

import click

from kerege.cli.answers import (
    print_answer,
    print_fault,
    print_no_answer,
    say_fault,
    say_no_answer,
)
from kerege.cli.failures import Failure
from kerege.cli.identifiers import client_id as a_client, server_id as a_server
from kerege.exchange.client import (
    MAX_ANSWER_BYTES,
    TLS,
    AsyncClient,
    CallOptions,
    Response,
    XRoadCallError,
    XRoadFault,
)
from kerege.xroad.identifiers import ClientId, SecurityServerId

DEFAULT_SERVER = "http://127.0.0.1:8080"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
"""What Security Servers pass on."""
SERVICE_CODES = 5
MAX_FILE_BYTES = 1 << 40
"""With --output the disk is the bound."""
SERVICE_ANSWERED_ERROR = 22
"""As `curl --fail`."""

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The command line."""

    words: tuple[str, ...]
    server: str
    client: ClientId
    data: str | None
    header: tuple[str, ...]
    user_id: str
    represented_party: str
    issue: str
    query_id: str
    security_server: SecurityServerId | None
    timeout: float
    include: bool
    output: Path | None
    as_json: bool
    server_certificate: Path | None
    ca: Path | None
    certificate: Path | None
    key: Path | None


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[METHOD] SERVICE[/PATH]")
@click.option(
    "--client",
    required=True,
    type=a_client,
    envvar="KEREGE_CLIENT",
    show_envvar=True,
    metavar="ID",
    help="In whose name: INSTANCE/CLASS/MEMBER/SUBSYSTEM.",
)
@click.option(
    "--server",
    default=DEFAULT_SERVER,
    envvar="KEREGE_SERVER",
    show_default=True,
    show_envvar=True,
    metavar="URL",
    help="Our own Security Server.",
)
@click.option(
    "-d", "--data", metavar="TEXT|@FILE", help="The body; @- reads standard input."
)
@click.option(
    "-H",
    "--header",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="A further header; may be given again.",
)
@click.option("--user-id", default="", help="Who asks (X-Road-UserId).")
@click.option(
    "--represented-party", default="", metavar="[CLASS/]CODE", help="For whom."
)
@click.option("--issue", default="", help="The case that the call is made for.")
@click.option(
    "--query-id", default="", help="Its id in the message logs; else made up."
)
@click.option(
    "--security-server",
    type=a_server,
    metavar="ID",
    help="Which of the provider's servers: INSTANCE/CLASS/MEMBER/SERVERCODE.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="For the whole call.",
)
@click.option("-i", "--include", is_flag=True, help="Print status and headers too.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the body into a file, of any size.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print everything as one JSON object."
)
@click.option("--server-certificate", type=FILE, help="HTTPS: the server's own.")
@click.option("--ca", type=FILE, help="HTTPS: who issued the server's.")
@click.option("--certificate", type=FILE, help="HTTPS: ours, registered there.")
@click.option("--key", type=FILE, help="Its private key, if not in the same file.")
@click.pass_context
def call(context: click.Context, /, **options: Any) -> None:  # noqa: ANN401 - click's options, typed by Arguments
    r"""Call a service through our own Security Server.

    METHOD is GET, or POST when there is a body. SERVICE is
    INSTANCE/CLASS/MEMBER/SUBSYSTEM/CODE; what follows is the path, with its query,
    and is sent as written. A body that is JSON is sent as JSON, unless a header says
    otherwise.

    \b
    Examples:
      export KEREGE_SERVER=http://127.0.0.11:8080
      export KEREGE_CLIENT=central-server/GOV/70000001/portal
      kerege call central-server/GOV/70000050/sanaripaymak-service/address-fact/PIN
      kerege call central-server/GOV/70000050/sanaripaymak-service/orders \
          -d '{"item": 5}' --user-id KG1234 -i
      kerege call PUT central-server/GOV/70000050/sanaripaymak-service/scan/7 \
          -d @scan.pdf -H 'Content-Type: application/pdf'

    \b
    Exit codes:
      0   the service answered with a status below 400
      22  the service answered with 400 or more
      3   an X-Road fault: some Security Server on the way refused or failed
      4   no answer: our own server cannot be reached, or the time is over
      2   the command line is wrong
    """
    arguments = Arguments(**options)
    try:
        with _output(arguments.output) as into:
            answer = asyncio.run(_call(arguments, into))
            failed = not answer.is_success
            print_answer(answer, include=arguments.include, as_json=arguments.as_json)
    except XRoadFault as fault:
        if arguments.as_json:
            print_fault(fault)
        raise say_fault(fault) from fault
    except XRoadCallError as error:
        if arguments.as_json:
            print_no_answer(error)
        raise say_no_answer(error) from error
    if failed:
        context.exit(SERVICE_ANSWERED_ERROR)


async def _call(arguments: Arguments, into: IO[bytes] | None) -> Response:
    method, service, path = target_of(arguments.words, has_body=bool(arguments.data))
    try:
        client = AsyncClient(
            arguments.server,
            arguments.client,
            timeout=arguments.timeout,
            tls=_tls(arguments),
            max_answer_bytes=MAX_FILE_BYTES if into else MAX_ANSWER_BYTES,
        )
        options = _options(arguments, into)
        async with client:
            return await client.request(method, service, path, **options)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _tls(arguments: Arguments) -> TLS:
    """Return how to talk HTTPS, after a look at the files."""
    files = {
        "--server-certificate": arguments.server_certificate,
        "--ca": arguments.ca,
        "--certificate": arguments.certificate,
        "--key": arguments.key,
    }
    tls = TLS(
        pinned=arguments.server_certificate,
        ca=arguments.ca,
        certificate=arguments.certificate,
        key=arguments.key,
    )
    try:
        tls.context()
    except ssl.SSLError as error:
        given = ", ".join(f"{name} {file}" for name, file in files.items() if file)
        raise Failure(
            f"HTTPS cannot use {given}",  # noqa: EM102
            why=(error.reason or str(error)).replace("_", " ").lower(),
            advice="Each is a PEM file with -----BEGIN CERTIFICATE----- in it, a key "
            "with -----BEGIN PRIVATE KEY-----; the key must fit the certificate.",
        ) from error
    return tls


def target_of(words: tuple[str, ...], *, has_body: bool) -> tuple[str, str, str]:
    """Return method, service and path of the command line's words.

    Raises `click.UsageError`.
    """
    if len(words) > 2:
        raise click.UsageError("Give a method and a service, or only a service")
    method = words[0].upper() if len(words) == 2 else "POST" if has_body else "GET"
    if method not in METHODS:
        msg = f"METHOD is one of {', '.join(METHODS)}, not {words[0][:40]!r}"
        raise click.UsageError(msg)
    resource, mark, query = words[-1].partition("?")
    codes = resource.removeprefix("/").removeprefix("r1/").split("/")
    service, path = codes[:SERVICE_CODES], codes[SERVICE_CODES:]
    if len(service) < SERVICE_CODES or not all(service):
        raise click.UsageError(
            "A service is INSTANCE/CLASS/MEMBER/SUBSYSTEM/CODE, then its path"
        )
    below = "".join(f"/{segment}" for segment in path)
    return method, "/".join(service), below + mark + query


def _options(arguments: Arguments, into: IO[bytes] | None) -> CallOptions:
    options = CallOptions(
        user_id=arguments.user_id,
        represented_party=arguments.represented_party,
        issue=arguments.issue,
        query_id=arguments.query_id,
        headers=dict(_headers(arguments.header)),
    )
    if arguments.security_server is not None:
        options["security_server"] = arguments.security_server
    if into is not None:
        options["into"] = into
    if arguments.data is not None:
        body = _body(arguments.data)
        options["data"] = body
        headers = {name.lower() for name in options["headers"]}
        if isinstance(body, bytes) and "content-type" not in headers and _is_json(body):
            named = {"Content-Type": "application/json"}
            options["headers"] = {**options["headers"], **named}
    return options


def _headers(lines: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            msg = f"A header is written as 'Name: value', not {line[:80]!r}"
            raise click.UsageError(msg)
        yield name.strip(), value.strip()


def _body(data: str) -> bytes | IO[bytes]:
    if not data.startswith("@"):
        return data.encode()
    if data == "@-":
        return sys.stdin.buffer.read()
    path = Path(data[1:])
    if path.suffix == ".json":
        return path.read_bytes()
    return path.open("rb")


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


@contextmanager
def _output(path: Path | None) -> Iterator[IO[bytes] | None]:
    """Give a file that takes its place when the answer is complete."""
    if path is None:
        yield None
        return
    try:
        made = NamedTemporaryFile(  # noqa: SIM115 - entered below
            dir=path.parent, prefix=f".{path.name}.", delete=False
        )
    except OSError as error:
        raise Failure(f"{path} cannot be written", why=error.strerror or "") from error  # noqa: EM102
    with made as file:
        written = Path(file.name)
        try:
            yield file
        except BaseException:
            written.unlink()
            raise
    written.chmod(0o600)
    written.replace(path)
