"""Other people's X-Road libraries, in an environment of their own, through our servers.

They need older versions of what we use, so `make test` installs them beside us
(`requirements/interop.txt`); without that environment these tests are skipped.
"""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerege.exchange.client import SoapCall
from kerege.exchange.client.soap_answer import SoapResponse, read_soap_answer
from kerege.sandbox.testing.exchange import Exchange
from tests.interop.test_python_clients import villages

HERE = Path(__file__).parent
PYTHON = Path(
    os.environ.get(
        "KEREGE_INTEROP_PYTHON", HERE.parents[1] / ".venv-interop/bin/python"
    )
)
SECONDS = 300
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not PYTHON.exists(), reason=f"make .venv-interop: there is no {PYTHON}"
    ),
]
ENVELOPE = """<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
    xmlns:xro="http://x-road.eu/xsd/xroad.xsd"
    xmlns:iden="http://x-road.eu/xsd/identifiers">
  <soapenv:Header>
    <xro:client iden:objectType="SUBSYSTEM">
      <iden:xRoadInstance>TEST</iden:xRoadInstance>
      <iden:memberClass>GOV</iden:memberClass>
      <iden:memberCode>10000001</iden:memberCode>
      <iden:subsystemCode>consumer</iden:subsystemCode>
    </xro:client>
    <xro:service iden:objectType="SERVICE">
      <iden:xRoadInstance>TEST</iden:xRoadInstance>
      <iden:memberClass>GOV</iden:memberClass>
      <iden:memberCode>10000002</iden:memberCode>
      <iden:subsystemCode>provider</iden:subsystemCode>
      <iden:serviceCode>villageFact</iden:serviceCode>
      <iden:serviceVersion>theirs</iden:serviceVersion>
    </xro:service>
    <xro:userId>KG1</xro:userId>
    <xro:id>q-1</xro:id>
    <xro:protocolVersion>4.0</xro:protocolVersion>
  </soapenv:Header>
  <soapenv:Body><villageFact><Code>{code}</Code></villageFact></soapenv:Body>
</soapenv:Envelope>"""
"""As SoapUI writes it: fastapi-xroad-soap takes no XML declaration and no prefixes but
these."""


def alone() -> dict[str, str]:
    """The environment without our own paths."""
    return {name: v for name, v in os.environ.items() if name != "PYTHONPATH"}


def test_pyxroad_consumes_through_us(exchange: Exchange):
    service = exchange.offer("villageFact", villages, soap=True, version="pyxroad")
    done = subprocess.run(
        [
            PYTHON,
            HERE / "strangers/consume_with_pyxroad.py",
            exchange.consumer_url,
            exchange.consumer,
            service,
            HERE / "villages.wsdl",
            "41704210830020",
        ],
        env=alone(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"name": "Kek-Djar", "households": 24}


@pytest.fixture
def their_service() -> Iterator[str]:
    """A service made with fastapi-xroad-soap; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        program = HERE / "strangers/provide_with_fastapi_xroad_soap.py"
        command = [PYTHON, program, str(listening.fileno())]
        process = subprocess.Popen(command, env=alone(), pass_fds=(listening.fileno(),))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/service"
        finally:
            process.terminate()
            process.wait()


def test_fastapi_xroad_soap_provides_through_us(exchange: Exchange, their_service: str):
    exchange.offer("villageFact", their_service, soap=True, version="theirs")

    def ask(code: str) -> SoapResponse:
        envelope = ENVELOPE.format(code=code).encode()
        call = SoapCall(envelope, "q-1", soap_action="villageFact")
        with exchange.client() as xroad:
            http = call.as_http(exchange.consumer_url)
            answer = xroad.send_soap(http, {"timeout": SECONDS})
        return read_soap_answer(answer, answer.content, envelope)

    answer = ask("41704210830020")
    assert answer.message is not None
    assert answer.message.user_id == "KG1"
    assert b"<Name>41704210830020 for consumer</Name>" in answer.envelope
    assert b"<Households>24</Households>" in answer.envelope
