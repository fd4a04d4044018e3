"""A transport for zeep: its SOAP calls go through a Security Server.

    with Client("http://127.0.0.11:8080", "central-server/GOV/70000001/portal") as xroad:
        transport = XRoadTransport(xroad, "central-server/GOV/70000050/registers")
        soap = zeep.Client(transport.wsdl("villageFact"), transport=transport)
        answer = soap.service.villageFact(code="41704210830020")

zeep reads the WSDL and turns values into XML and back; the X-Road header, HTTPS, bounds
and time-outs are those of our `Client`, and faults of X-Road are our `XRoadFault`, which
says who has to act. A fault of the service stays zeep's ``zeep.exceptions.Fault``.

``pip install 'kerege[zeep]'``; nothing else imports this module.
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import IO, Unpack

import requests
from lxml import etree
from zeep.transports import Transport

from kerege.exchange.client.blocking import Client
from kerege.exchange.client.soap import (
    SoapCall,
    SoapOptions,
    build_soap_call,
)
from kerege.exchange.client.soap_answer import read_soap_answer
from kerege.xroad.identifiers import ClientId, ServiceId
from kerege.xroad.soap import ENVELOPE_NAMESPACE, XROAD_NAMESPACE
from kerege.xroad.xml import parse

_ENV = f"{{{ENVELOPE_NAMESPACE}}}"
_OWN = f"{{{XROAD_NAMESPACE}}}"


class XRoadTransport(Transport):
    """Sends zeep's envelopes through a `Client`, with an X-Road header."""

    def __init__(
        self,
        xroad: Client,
        provider: ClientId | str,
        *,
        version: str | None = None,
        codes: Mapping[str, str] | None = None,
        cache: object = None,
        **options: Unpack[SoapOptions],
    ) -> None:
        """Call the services of one provider.

        Args:
            xroad: Through which server, and in whose name; it stays open.
            provider: Whose services: a subsystem, as value or
                ``INSTANCE/CLASS/MEMBER/SUBSYSTEM``.
            version: The services' version.
            codes: Service codes by the name of the request's element, where they
                are not the same.
            cache: zeep's, for WSDL and XSD.
            options: For every call: ``user_id``, ``issue``, ``represented_party``,
                ``security_server``, ``timeout``, ``max_answer_bytes``; see `asking`.

        Raises:
            XRoadError: ``provider`` is not an identifier.
        """
        super().__init__(cache=cache)  # type: ignore[no-untyped-call]
        self._xroad = xroad
        self._provider = (
            provider if isinstance(provider, ClientId) else ClientId.from_path(provider)
        )
        self._version = version
        self._codes = codes or {}
        self._options = options

    @contextmanager
    def asking(self, **options: Unpack[SoapOptions]) -> Iterator[None]:
        """Use other options for the calls inside, such as who asks and why.

        Not for several threads at once: give each a transport of its own.
        """
        before = self._options
        self._options = {**before, **options}
        try:
            yield
        finally:
            self._options = before

    def wsdl(self, code: str) -> IO[bytes]:
        """Return the WSDL of a service of the provider, for ``zeep.Client``.

        A WSDL that includes other files is better read from where it lies.
        """
        return BytesIO(self._xroad.wsdl(self._service(code)))

    def post_xml(
        self, address: str, envelope: etree._Element, headers: Mapping[str, str]
    ) -> requests.Response:
        """Send an envelope of zeep's; ``address`` is the WSDL's and is not used."""
        query_id = self._add_header(envelope)
        call = SoapCall(
            etree.tostring(envelope, encoding="UTF-8", xml_declaration=True),
            query_id,
            self._options.get("attachments", ()),
            headers.get("SOAPAction", "").strip('"'),
        )
        return self._send(call)

    def post(
        self, address: str, message: bytes, headers: Mapping[str, str]
    ) -> requests.Response:
        """Send an envelope that is bytes already; see `post_xml`."""
        root = parse(message, code="invalid_soap", what="The envelope")
        return self.post_xml(address, root, headers)

    def _send(self, call: SoapCall) -> requests.Response:
        options = self._options
        if self.operation_timeout:
            options = {**options, "timeout": self.operation_timeout}
        answer = self._xroad.send_soap(call.as_http(self._xroad.server), options)
        read_soap_answer(answer, answer.content, call.envelope)
        response = requests.Response()
        response.status_code = answer.status
        response.headers.update(answer.headers)
        response._content = answer.content  # noqa: SLF001 - there is no other way
        return response

    def _add_header(self, envelope: etree._Element) -> str:
        """Put the X-Road header into an envelope that has none; return its id."""
        header = envelope.find(f"{_ENV}Header")
        if header is None:
            header = etree.Element(f"{_ENV}Header")
            envelope.insert(0, header)
        if header.find(f"{_OWN}client") is not None:  # by zeep's _soapheaders
            return header.findtext(f"{_OWN}id") or ""
        body = envelope.find(f"{_ENV}Body")
        if body is None or not len(body):
            raise ValueError("The envelope has no Body with an element")
        query_id = self._options.get("query_id") or str(uuid.uuid4())
        element = etree.QName(body[0]).localname
        code = self._codes.get(element, element)
        options: SoapOptions = {**self._options, "query_id": query_id}
        made = parse(
            self._header_for(code, options), code="invalid_soap", what="The header"
        )
        for part in made.iterfind(f"{_ENV}Header/*"):
            header.append(part)
        etree.cleanup_namespaces(header)
        return query_id

    def _header_for(self, code: str, options: SoapOptions) -> bytes:
        if not options.get("user_id") and self._xroad.user_id:
            options["user_id"] = self._xroad.user_id
        client, service = self._xroad.client, self._service(code)
        return build_soap_call(client, service, f"<{code}/>", options).envelope

    def _service(self, code: str) -> ServiceId:
        provider = self._provider
        return ServiceId(
            provider.instance,
            provider.member_class,
            provider.member_code,
            provider.subsystem_code,
            code,
            self._version,
        )
