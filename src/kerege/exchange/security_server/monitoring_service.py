"""The monitoring services of the server's owner, on the way of any SOAP message."""

from kerege.exchange.opmonitor.answering import Asking, MonitoringServices
from kerege.exchange.security_server.built_in import BuiltInAnswer
from kerege.exchange.security_server.outgoing import new_boundary
from kerege.exchange.security_server.soap_request import SoapRequest
from kerege.xroad import soap
from kerege.xroad.faults import CLIENT, RelayedFaultError, XRoadError, soap_fault
from kerege.xroad.opmonitoring import Attachment
from kerege.xroad.transport import (
    PART_ENDED,
    attachment_for_service_began,
    attachments_for_service_ended,
    soap_for_service,
)

_TEXT_XML = "text/xml; charset=UTF-8"


class MonitoringService:
    """Answers for `MonitoringServices`; it is a `BuiltInService`."""

    def __init__(self, services: MonitoringServices) -> None:
        """Ask these."""
        self._services = services

    def handles(self, request: SoapRequest) -> bool:
        """Whether the request is for one of them."""
        return self._services.provide(request.service_id)

    def require_right(self, request: SoapRequest) -> None:
        """Check who asks. Raises ``access_denied``."""
        self._services.require_allowed(_asking(request))

    async def answer(self, request: SoapRequest) -> BuiltInAnswer:
        """Return the answer.

        A request that is wrong is a fault of the service, as in the reference, whose
        services run beside the proxy: its code stays ``client.invalid_request``.

        Raises:
            XRoadError: as `MonitoringServices.answer`.
        """
        try:
            answer = await self._services.answer(_asking(request))
        except XRoadError as error:
            if error.code.startswith(f"{CLIENT}."):
                raise RelayedFaultError(
                    error.code, error.message, xml=soap_fault(error)
                ) from error
            raise
        envelope = soap.answer_to(request.content, answer.body)
        if answer.attachment is None:
            return BuiltInAnswer(_TEXT_XML, envelope)
        return _with_attachment(envelope, answer.attachment)


def _asking(request: SoapRequest) -> Asking:
    return Asking(
        request.client_id,
        request.service_id,
        request.target_security_server,
        request.content,
    )


def _with_attachment(envelope: bytes, attachment: Attachment) -> BuiltInAnswer:
    """Return a multipart with the envelope and what it refers to (SwA)."""
    media_type = f'multipart/related; type="text/xml"; boundary="{new_boundary()}"'
    of_envelope = (("Content-Type", _TEXT_XML),)
    of_attachment = (
        ("Content-Type", attachment.media_type),
        ("Content-Transfer-Encoding", "binary"),
        ("Content-ID", f"<{attachment.content_id}>"),
    )
    first = soap_for_service(media_type, envelope, of_envelope, has_attachments=True)
    second = attachment_for_service_began(media_type, of_attachment)
    end = attachments_for_service_ended(media_type)
    return BuiltInAnswer(
        media_type, b"".join((first, second, attachment.content, PART_ENDED, end))
    )
