"""Every parser, on any bytes: its value, or an error that it declares; nothing else.

`PARSERS` has each function of the product that reads what others wrote, with the errors
it declares and documents to begin with. Stories about single formats (what is built is
read, one byte at a time equals all at once) are beside the unit tests of each; here is
the list, and a test that nothing is missing from it.
"""

import ast
import asyncio
import contextlib
import re
import socket
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings, strategies as st
from lxml import etree

from kerege.apps.aimak.names.endings import split_ending
from kerege.apps.aimak.names.query import parse_query
from kerege.apps.aimak.workbooks.values import ValueProblemError, split_name
from kerege.exchange.client import Response, XRoadCallError
from kerege.exchange.client.faults import ERROR_HEADER, read_fault
from kerege.exchange.client.soap import read_service as read_soap_service
from kerege.exchange.client.soap_answer import read_soap_answer
from kerege.exchange.configuration.client import read_anchor_file
from kerege.exchange.configuration.directory import load_directory
from kerege.exchange.keys.changes import read_certificate
from kerege.exchange.keys.metadata import TokenMetadata
from kerege.exchange.messagelog import LogCipher, LogKey
from kerege.exchange.messagelog.downloads import AsicRequest
from kerege.exchange.messagelog.encryption_keys import parse_key_map
from kerege.exchange.messagelog.hash_text import HashText
from kerege.exchange.ocsp.history import FILE, read_history
from kerege.exchange.ocsp.peer import read_peer_answer
from kerege.exchange.provider import NotBelievedError, XRoadHeaders
from kerege.exchange.provider.headers import readable, single_fields
from kerege.exchange.provider.trust import certificates_of
from kerege.exchange.security_server.metrics_names import parsed_key
from kerege.exchange.security_server.metrics_store import read_counts
from kerege.exchange.security_server.peer_port import require_version
from kerege.exchange.security_server.received import digest_of_header, read_message
from kerege.exchange.security_server.settings import (
    SettingsError,
    load_settings,
    parse_settings,
    split_address,
)
from kerege.exchange.storage.server_configuration.paths import readings
from kerege.exchange.supervisor.channel import Channel, ChannelError
from kerege.portal.translations.catalogue import CatalogueError, read_catalogue
from kerege.portal.translations.glossary import parse_glossary
from kerege.sandbox.events import parse_event
from kerege.xroad import soap
from kerege.xroad.archive import LinkingInfo, read_archive
from kerege.xroad.asic import manifests, message as asic_message
from kerege.xroad.asic.reader import read_container
from kerege.xroad.asic.zipreader import ZipFile, ZipLimits
from kerege.xroad.faults import XRoadError, soap_fault
from kerege.xroad.globalconf import _mime, extensions
from kerege.xroad.globalconf._certificates import read_distributed_certificate
from kerege.xroad.globalconf.anchor import Anchor
from kerege.xroad.globalconf.private_parameters import PrivateParameters
from kerege.xroad.globalconf.shared_parameters import SharedParameters
from kerege.xroad.globalconf.signed_directory import SignedDirectory
from kerege.xroad.globalconf.tree import PartMetadata, load_tree
from kerege.xroad.globalconf.values import ConfigurationSource
from kerege.xroad.hashchain import _forms, _read
from kerege.xroad.identifier_xml import (
    read_client_id,
    read_identifier,
    read_server_id,
    read_service_id,
)
from kerege.xroad.identifiers import (
    ClientId,
    SecurityServerId,
    ServiceId,
    decode_segment,
)
from kerege.xroad.metadata import (
    anonymised,
    anonymised_wsdl,
    read_openapi,
    read_wsdl,
)
from kerege.xroad.metadata._yaml import read_json, read_yaml
from kerege.xroad.ocsp import read_ocsp_response
from kerege.xroad.opmonitoring import (
    NAMESPACE as MONITORING_NAMESPACE,
    read_health_data_request,
    read_metrics_request,
    read_operational_data_request,
    read_records,
    require_stored,
)
from kerege.xroad.rest import (
    RestRequest,
    RestResponse,
    read_represented_party,
)
from kerege.xroad.signature import parse_signature
from kerege.xroad.soap import SoapMessage
from kerege.xroad.timestamp import read_timestamp_response
from kerege.xroad.timestamp._token import read_token
from kerege.xroad.transport import MessageReader, SoapReader
from kerege.xroad.transport._multipart import MultipartParser
from kerege.xroad.x509 import certificate_der, load_certificate
from kerege.xroad.xml import parse
from tests.xroad.asic import containers

SOURCE = Path(__file__).resolve().parents[2] / "src" / "kerege"
AT = datetime(2026, 11, 24, tzinfo=UTC)
MULTIPART = "multipart/mixed; boundary=b"
Parser = Callable[[bytes], object]


def monitoring_request(name: str, content: str) -> bytes:
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        f'<getSecurityServer{name} xmlns="{MONITORING_NAMESPACE}">{content}'
        f"</getSecurityServer{name}></e:Body></e:Envelope>"
    ).encode()


def text(function: Callable[[str], object]) -> Parser:
    """Give a parser of text any text that bytes can be read as."""
    return lambda data: function(data.decode("utf-8", "replace"))


def latin(function: Callable[[str], object]) -> Parser:
    return lambda data: function(data.decode("latin-1"))


def filed(function: Callable[[Path], object], name: str = "file") -> Parser:
    """Give a parser of files a file, ``name`` in a folder of its own."""

    def on_file(data: bytes) -> object:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            return function(path)

    return on_file


def soap_head(content_type: str) -> Response:
    return Response(200, "OK", {"Content-Type": content_type}, b"", "q")


def header_lines(data: bytes) -> list[tuple[str, str, str]]:
    return [line.partition(":") for line in readable(data).split("\n")]


def element(function: Callable[..., object]) -> Parser:
    def on_element(data: bytes) -> object:
        root = parse(data, code="invalid_xml", what="It")
        return [function(each, code="invalid_xml") for each in root.iter(etree.Element)]

    return on_element


def whole(make: Callable[[], object]) -> Parser:
    def on_reader(data: bytes) -> object:
        reader = make()
        return reader.receive_data(data), reader.receive_eof()  # type: ignore[attr-defined]

    return on_reader


def channel(data: bytes) -> object:
    one, other = socket.socketpair()
    with one, other:
        other.sendall(data[:100_000])
        other.shutdown(socket.SHUT_WR)
        return Channel(one).receive()


def first_of_channel(data: bytes) -> object:
    one, other = socket.socketpair()
    with one, other:
        other.sendall(data[:100_000])
        other.shutdown(socket.SHUT_WR)
        return Channel(one).receive_first()


def received(data: bytes) -> object:
    async def chunks():
        yield data

    def no_spool(_):
        raise XRoadError("io_error", "no spool here")

    return asyncio.run(
        read_message(
            chunks(),
            MessageReader(MULTIPART),
            digest_of_header(b"SHA-512"),
            new_spool=no_spool,
            on_message=lambda _: None,
        )
    )


def zip_file(data: bytes) -> object:
    archive = ZipFile(data, ZipLimits(50, 10**6, 10**7), "asic_invalid_container")
    return [archive.read(member) for member in archive.members]


def parameters(data: bytes) -> object:
    pairs = parse_qsl(data.decode("utf-8", "replace"))
    return AsicRequest.from_parameters(dict(pairs))


def client_request(data: bytes) -> object:
    method, path, query, header, *_ = [*data.split(b"\n"), b"", b"", b"", b""]
    return RestRequest.from_client(
        method.decode("latin-1"),
        path,
        query,
        [("X-Road-Client", header.decode("latin-1"))],
        request_id="1",
        query_id="2",
    )


def envelope() -> bytes:
    here = ClientId("T", "C", "M", "S")
    service = ServiceId("T", "C", "M", "S", "x")
    return soap.write(SoapMessage(here, service, "1", "4.0", "x", user_id="u"))


@cache
def entry(name: str) -> bytes:
    return containers.entries_of(containers.with_body())[name]


@cache
def own_certificate() -> bytes:
    return certificate_der(containers.instance().consumer.signer.certificate)


def own_shared() -> bytes:
    shared = containers.instance().shared_parameters()
    return replace(shared, sources=(ConfigurationSource("cs.test"),)).to_xml()


def own_ocsp() -> bytes:
    here = containers.instance()
    return here.ocsp_response(here.consumer.signer.certificate, AT)


def own_archive() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("linkinginfo", b"0 SHA-512\n")
        archive.writestr("a.asice", b"x")
    return file.getvalue()


REFUSES = (XRoadError,)
SOAP_REQUEST = soap.write(
    SoapMessage(
        ClientId("T", "C", "M", "S"),
        ServiceId("T", "C", "P", "S", "a"),
        "1",
        "4.0",
        "a",
    )
)
SOAP_ANSWER = soap.add_request_hash(  # type: ignore[union-attr]
    soap.answer_to(SOAP_REQUEST, b"<aResponse/>"),
    "text/xml",
    soap.request_hash(SOAP_REQUEST),
).content
ID = (
    b'<a xmlns:i="http://x-road.eu/xsd/identifiers" i:objectType="MEMBER">'
    b"<i:xRoadInstance>T</i:xRoadInstance><i:memberClass>C</i:memberClass>"
    b"<i:memberCode>M</i:memberCode></a>"
)
PARTS = (
    b"--b\r\ncontent-type: application/ocsp-response\r\n\r\n0\x03\n\x01\6\r\n--b--\r\n"
)
SIGNED = (
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + PARTS
)
OPENAPI = b"""
openapi: 3.0.1
servers: [{url: 'http://{h}/x', variables: {h: {default: a}}}]
paths: {'/a/{b}': {get: {}, servers: [{url: 'http://c/'}]}, /c: {$ref: '#/paths/~1a~1{b}'}}
"""
WSDL = b"""<d:definitions xmlns:d="http://schemas.xmlsoap.org/wsdl/" xmlns:t="t"
 xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" targetNamespace="t">
<d:portType name="p"><d:operation name="o"><d:documentation><title>T</title>
</d:documentation></d:operation></d:portType><d:binding name="b" type="t:p">
<s:binding transport="http://schemas.xmlsoap.org/soap/http"/><d:operation name="o">
<version>v1</version></d:operation></d:binding><d:service name="s"><d:port binding="t:b">
<s:address location="http://a/"/></d:port></d:service></d:definitions>"""
TOML = b'identifier = "T/C/M/S"\n[limits]\nheader_bytes = 1\n'

PARSERS: dict[str, tuple[Parser, tuple[type[Exception], ...], object]] = {
    # The message protocol.
    "MessageReader.receive_data": (
        whole(lambda: MessageReader(MULTIPART)),
        REFUSES,
        PARTS,
    ),
    "MessageReader": (latin(MessageReader), REFUSES, MULTIPART.encode()),
    "SoapReader.receive_data": (
        whole(lambda: SoapReader("multipart/related; boundary=b")),
        REFUSES,
        lambda: b"--b\r\ncontent-type: text/xml\r\n\r\n" + envelope() + b"\r\n" + PARTS,
    ),
    "SoapReader": (
        latin(SoapReader),
        REFUSES,
        b"multipart/related; boundary=b; start=a",
    ),
    "MultipartParser.receive_data": (
        whole(lambda: MultipartParser("b")),
        REFUSES,
        PARTS,
    ),
    "received.read_message": (received, REFUSES, PARTS),
    "RestRequest.parse": (RestRequest.parse, REFUSES, containers.request_block),
    "RestRequest.from_client": (
        client_request,
        REFUSES,
        b"GET\n/r1/T/C/M/S/x\na=b\nT/C/M",
    ),
    "RestResponse.parse": (RestResponse.parse, REFUSES, containers.response_block),
    "soap.read": (
        lambda d: soap.read(d, "text/xml"),
        REFUSES,
        lambda: soap_fault(XRoadError("a", "b")),
    ),
    "soap.add_request_hash": (
        lambda d: soap.add_request_hash(d, "text/xml", "aGk="),
        REFUSES,
        envelope,
    ),
    "soap.answer_to": (
        lambda d: soap.answer_to(d, b"<a/>"),
        REFUSES,
        envelope,
    ),
    "soap.check_soap_action": (
        text(soap.check_soap_action),
        REFUSES,
        b'"http://example.org/a"',
    ),
    # What people type.
    "split_name": (text(split_name), (ValueProblemError,), "Асан уулу Үсөн".encode()),
    "read_catalogue": (
        text(read_catalogue),
        (CatalogueError,),
        b'msgid "a"\nmsgstr "b"\n',
    ),
    "parse_glossary": (
        text(parse_glossary),
        (ValueError, KeyError, TypeError),
        b"terms = []\n[same]\nwords = []\n[spelling]\nwords = []\n",
    ),
    "split_ending": (text(split_ending), (), b"asanova"),
    "parse_query": (text(parse_query), (), "Асанов №12 2120519940".encode()),
    # Descriptions of services.
    "read_json": (lambda d: read_json(d, code="a", what="b"), REFUSES, b'{"a": [1.5]}'),
    "read_yaml": (
        lambda d: read_yaml(d, code="a", what="b"),
        REFUSES,
        b"a: &a [1, !!str 2]\n<<: {b: *a}\n",
    ),
    "read_openapi": (
        lambda d: read_openapi(d, is_json=False, url="http://a/b"),
        REFUSES,
        OPENAPI,
    ),
    "read_openapi, anonymised": (
        lambda d: anonymised(d, is_json=False),
        REFUSES,
        OPENAPI,
    ),
    "read_wsdl": (read_wsdl, REFUSES, WSDL),
    "read_wsdl, anonymised": (anonymised_wsdl, REFUSES, WSDL),
    "digest_of_header": (digest_of_header, REFUSES, b"SHA-512"),
    "require_version": (
        text(lambda t: require_version(t, "7.4.0")),
        REFUSES,
        b"7.8.0-SNAPSHOT+x",
    ),
    "readings": (text(readings), (), b"/a/%2e%2e/%252f"),
    "client.read_fault": (
        lambda d: read_fault({ERROR_HEADER: "a.b", "Content-Type": "text/xml"}, d, "q"),
        (),
        b"<error><type>a</type><message>b</message></error>",
    ),
    "client.read_fault, JSON": (
        lambda d: read_fault({ERROR_HEADER: "a.b"}, d, "q"),
        (),
        b'{"type": "a", "message": "b", "detail": "c"}',
    ),
    "read_soap_answer": (
        lambda d: read_soap_answer(soap_head("text/xml"), d, SOAP_REQUEST),
        (XRoadCallError,),
        SOAP_ANSWER,
    ),
    "read_soap_answer, attachments": (
        lambda d: read_soap_answer(
            soap_head("multipart/related; boundary=b"), d, SOAP_REQUEST
        ),
        (XRoadCallError,),
        b"--b\r\nContent-Type: text/xml\r\n\r\n"
        + SOAP_ANSWER
        + b"\r\n--b\r\nContent-Type: a/b\r\nContent-ID: <c>\r\n\r\nd\r\n--b--\r\n",
    ),
    "client.soap.read_service": (
        text(read_soap_service),
        (ValueError, *REFUSES),
        b"T/C/M/S/service/v1",
    ),
    "XRoadHeaders.read": (
        lambda d: XRoadHeaders.read(
            single_fields([(n, v) for n, _, v in header_lines(d)])
        ),
        (NotBelievedError,),
        b"x-road-client:T/C/M/S\nx-road-id:1\nx-road-represented-party:a/b",
    ),
    "readable": (readable, (), "x-Ж".encode()),
    "read_represented_party": (text(read_represented_party), REFUSES, b"COM/1"),
    "certificates_of": (
        text(certificates_of),
        (),
        b"-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n",
    ),
    # Signatures, chains, time-stamps.
    "parse_signature": (
        parse_signature,
        REFUSES,
        lambda: entry("META-INF/signatures.xml"),
    ),
    "parse_signature, of a container": (
        lambda d: parse_signature(d, check_schema=False),
        REFUSES,
        lambda: entry("META-INF/signatures.xml"),
    ),
    "_forms.read_chain": (
        _forms.read_chain,
        REFUSES,
        lambda: entry("sig-hashchain.xml"),
    ),
    "_forms.read_result": (
        _forms.read_result,
        REFUSES,
        lambda: entry("sig-hashchainresult.xml"),
    ),
    "_read.read_chain": (_read.read_chain, REFUSES, lambda: entry("sig-hashchain.xml")),
    "_read.read_result": (
        _read.read_result,
        REFUSES,
        lambda: entry("sig-hashchainresult.xml"),
    ),
    "read_timestamp_response": (
        lambda d: read_timestamp_response(d, []),
        REFUSES,
        lambda: entry("META-INF/timestamp.tst"),
    ),
    "read_token": (
        lambda d: read_token(d, code="a"),
        REFUSES,
        lambda: entry("META-INF/timestamp.tst"),
    ),
    # Certificates and OCSP.
    "load_certificate": (load_certificate, REFUSES, own_certificate),
    "keys.read_certificate": (read_certificate, REFUSES, own_certificate),
    "read_ocsp_response": (read_ocsp_response, REFUSES, own_ocsp),
    "read_peer_answer": (
        lambda d: read_peer_answer("multipart/related; boundary=b", d),
        REFUSES,
        PARTS,
    ),
    "read_history": (
        filed(lambda p: read_history(p.parent), FILE),
        (),
        b'{"day": "x", "responders": {"u": {}}}',
    ),
    # Containers.
    "read_container": (read_container, REFUSES, containers.with_body),
    "ZipFile.read": (zip_file, REFUSES, containers.with_body),
    "read_archive": (read_archive, REFUSES, own_archive),
    "LinkingInfo.from_bytes": (
        LinkingInfo.from_bytes,
        REFUSES,
        b"0 SHA-512\n" + b"a" * 128 + b" a.asice\n",
    ),
    "read_manifest": (
        manifests.read_manifest,
        REFUSES,
        lambda: entry("META-INF/manifest.xml"),
    ),
    "read_asic_manifest": (
        manifests.read_asic_manifest,
        REFUSES,
        lambda: entry("META-INF/ASiCManifest.xml"),
    ),
    "asic.read_message": (asic_message.read_message, REFUSES, containers.request_block),
    # The global configuration.
    "SharedParameters.from_xml": (
        lambda d: SharedParameters.from_xml(d, version=6),
        REFUSES,
        own_shared,
    ),
    "PrivateParameters.from_xml": (
        lambda d: PrivateParameters.from_xml(d, version=6),
        REFUSES,
        own_shared,
    ),
    "Anchor.from_xml": (Anchor.from_xml, REFUSES, own_shared),
    "read_anchor_file": (filed(read_anchor_file), REFUSES, own_shared),
    "SignedDirectory.from_bytes": (
        lambda d: SignedDirectory.from_bytes(
            d, instance="T", verification_certificates=[own_certificate()], at=AT
        ),
        REFUSES,
        SIGNED,
    ),
    "parse_entity": (_mime.parse_entity, REFUSES, SIGNED),
    "split_parts": (lambda d: _mime.split_parts(d, MULTIPART), REFUSES, PARTS),
    "PartMetadata.from_json": (
        PartMetadata.from_json,
        REFUSES,
        b'{"contentIdentifier": "x"}',
    ),
    "load_tree": (
        lambda d: load_tree({"instance-identifier": b"T", "T/shared-params.xml": d}),
        REFUSES,
        own_shared,
    ),
    "load_directory": (
        filed(lambda p: load_directory(p.parent.parent), "T/shared-params.xml"),
        REFUSES,
        own_shared,
    ),
    "read_distributed_certificate": (
        read_distributed_certificate,
        REFUSES,
        own_certificate,
    ),
    "read_monitoring_client": (extensions.read_monitoring_client, REFUSES, b"<conf/>"),
    "read_fetch_interval": (extensions.read_fetch_interval, REFUSES, b"<conf/>"),
    "read_verify_next_update": (
        extensions.read_verify_next_update,
        REFUSES,
        b"<conf/>",
    ),
    "xml.parse": (lambda d: parse(d, code="invalid_xml", what="It"), REFUSES, ID),
    # Identifiers.
    "read_identifier": (element(read_identifier), REFUSES, ID),
    "identifier_xml.read_client_id": (element(read_client_id), REFUSES, ID),
    "identifier_xml.read_service_id": (element(read_service_id), REFUSES, ID),
    "identifier_xml.read_server_id": (element(read_server_id), REFUSES, ID),
    "ClientId.from_path": (text(ClientId.from_path), REFUSES, b"T/C/M/S"),
    "ClientId.from_encoded": (text(ClientId.from_encoded), REFUSES, b"T:C:M%20:S"),
    "ServiceId.from_path": (text(ServiceId.from_path), REFUSES, b"T/C/M/S/x"),
    "ServiceId.from_encoded": (text(ServiceId.from_encoded), REFUSES, b"T:C:M:S:x"),
    "SecurityServerId.from_path": (
        text(SecurityServerId.from_path),
        REFUSES,
        b"T/C/M/S",
    ),
    "SecurityServerId.from_encoded": (
        text(SecurityServerId.from_encoded),
        REFUSES,
        b"T:C:M:S",
    ),
    "decode_segment": (text(decode_segment), REFUSES, b"a%20b"),
    # Operational monitoring.
    "read_operational_data_request": (
        read_operational_data_request,
        REFUSES,
        lambda: monitoring_request(
            "OperationalData",
            "<searchCriteria><recordsFrom>1</recordsFrom><recordsTo>2</recordsTo>"
            "</searchCriteria><outputSpec><outputField>succeeded</outputField>"
            "</outputSpec>",
        ),
    ),
    "read_health_data_request": (
        read_health_data_request,
        REFUSES,
        lambda: monitoring_request("HealthData", "<filterCriteria/>"),
    ),
    "read_metrics_request": (
        read_metrics_request,
        REFUSES,
        lambda: monitoring_request("Metrics", "<outputField>Packages</outputField>"),
    ),
    "read_records": (
        read_records,
        REFUSES,
        b'{"records": [{"securityServerInternalIp": "1", "succeeded": true}]}',
    ),
    "require_stored": (require_stored, REFUSES, b'{"status": "Error"}'),
    # What operators, other processes and old files say.
    "load_settings": (filed(load_settings), (SettingsError,), TOML),
    "parse_settings": (
        text(lambda t: parse_settings(t, Path("x"))),
        (SettingsError,),
        TOML,
    ),
    "split_address": (text(split_address), (SettingsError,), b"[::1]:80"),
    "parse_key_map": (text(parse_key_map), (), b"KG/GOV/1 = AB\nx\\=y = z\n"),
    "LogCipher.open": (
        lambda d: LogCipher([LogKey("00" * 8, bytes(32))]).open(d[:53], b"", [d[53:]]),
        REFUSES,
        b"\1" + bytes(60),
    ),
    "TokenMetadata.from_json": (TokenMetadata.from_json, REFUSES, b'{"keys": []}'),
    "HashText.parse": (text(HashText.parse), REFUSES, b"SHA-512:AA=="),
    "AsicRequest.from_parameters": (
        parameters,
        REFUSES,
        b"xRoadInstance=T&queryId=1&memberClass=C&memberCode=M",
    ),
    "Channel.receive": (channel, (ChannelError,), b'{"a": 1}\n{"b": 2}\n'),
    "Channel.receive_first": (first_of_channel, (ChannelError,), b'{"a": 1}\n'),
    "read_counts": (filed(read_counts), (), b"KEREGE1\n" + bytes([40]) + bytes(60)),
    "parsed_key": (text(parsed_key), (), b'["messages", ["client", "2xx"], "sum"]'),
    "parse_event": (parse_event, (), b'x {"event": "message"}'),
}

DEEP = (b"[" * 50_000, b'{"a":' * 50_000, b"<a>" * 50_000, b"a=" + b"[" * 50_000)
"""Nested deeper than any stack."""


def attempt(name: str, data: bytes) -> None:
    parser, declared, _ = PARSERS[name]
    with contextlib.suppress(*declared):
        parser(data)


@cache
def seed_of(name: str) -> bytes:
    seed = PARSERS[name][2]
    found = seed() if callable(seed) else seed
    assert isinstance(found, bytes)
    return found


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.binary(max_size=300))
@settings(max_examples=25, deadline=None)
def test_any_bytes_give_a_value_or_a_declared_error(name, data):
    attempt(name, data)


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_changed_document_gives_a_value_or_a_declared_error(name, data):
    document = bytearray(seed_of(name))
    for _ in range(data.draw(st.integers(1, 4))):
        start, end = sorted(data.draw(st.integers(0, len(document))) for _ in range(2))
        piece = data.draw(st.binary(max_size=6) | st.just(bytes(document[start:end])))
        document[start : min(end, start + 12)] = piece
    attempt(name, bytes(document))


@pytest.mark.parametrize("name", PARSERS)
def test_the_document_to_begin_with_and_the_deepest_one(name):
    attempt(name, seed_of(name))
    attempt(name, b"")
    for data in DEEP:
        attempt(name, data)


ELSEWHERE = {
    # Shells that hand bytes to a parser above, or rows of our own database.
    "AnswerReader.read": "tests/exchange/http/test_fuzz.py",
    "RequestReader.read": "tests/exchange/http/test_fuzz.py",
    # Each starts a process; what it runs is tested beside it.
    "Calendar.from_toml": "tests/apps/common/cases/test_cases.py",
    "Head.from_json": "tests/apps/test_any_file.py",
    "units.read_units": "tests/apps/test_any_file.py",
    "Configuration.from_folder": "tests/apps/test_any_file.py",
    "reader.read_book": "tests/apps/aimak/workbooks/test_hostile_workbooks.py",
    "reader.read_rows": "tests/apps/aimak/workbooks/test_hostile_workbooks.py",
    "read_heads": "tests/apps/aimak/workbooks/test_hostile_workbooks.py",
    "read_block": "by RestRequest.parse and RestResponse.parse",
    "read_codes": "by RestRequest.parse",
    "decoded": "by parse_signature",
    "read_root": "by SharedParameters.from_xml and the others",
    "read_time": "by SharedParameters.from_xml",
    "soap.read_fault": "by soap.read",
    "read_key_map": "by parse_key_map",
    "Extensions.from_files": "by load_tree",
    "load_configuration": "by load_directory and load_tree",
    "SoapAnswerReader.receive_data": "by read_soap_answer",
    "TreeLoader.load": "by load_tree",
    "Endings.split": "tests/exchange/messagelog/test_endings.py",
    "SignatureForm.read": "tests/xroad/signature/test_forms.py",
    "Skeleton.read": "tests/xroad/test_skeleton.py",
}
READS = re.compile(r"(read|parse|load|from|decode|split|receive)_?")
BYTES = re.compile(r"\b(bytes|str|Path|Mapping\[str, (str|bytes)\])")
NO_PARSERS = {
    # Take a path or a name, but what they read is not of others, or not theirs.
    "read_back",
    "load",
    "read",
    "read_all",
    "read_key",
    "read_metadata",
    "read_files",
    "read_instance",
    "readiness",
    "read_settings",
    "read_pin",
    "read_anchor",
    "read_internal_identity",
    "load_ca",
    "from_service",
    "receive_eof",
    "read_body",
}


def functions(tree, prefix=""):
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from functions(node, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix, node


def test_no_parser_is_missing_from_the_list():
    """A function that reads bytes, text or a file is here, or says where it is tested."""
    listed = {name.split(",")[0] for name in PARSERS} | set(ELSEWHERE)
    missing = []
    for path in SOURCE.rglob("*.py"):
        for prefix, node in functions(ast.parse(path.read_text(encoding="utf-8"))):
            name = f"{prefix}{node.name}"
            types = " ".join(
                ast.unparse(a.annotation) for a in node.args.args if a.annotation
            )
            is_reader = READS.match(node.name) and BYTES.search(types)
            known = any(one == name or one.endswith(f".{name}") for one in listed)
            if is_reader and not known and node.name not in NO_PARSERS:
                missing.append(f"{path.relative_to(SOURCE)}: {name}")
    assert missing == []
