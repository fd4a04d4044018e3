"""What is logged of a message whose body is not.

Rules (X-Road 7.8 source, `MessageBodyManipulator.java`, `MessageLogProperties.java`;
ug-syspar 3.7):

* Without its body a message keeps its X-Road headers only: a REST request loses service
  path and query too, a SOAP envelope its other headers. Attachments are not logged.
* The signature stays, and does not verify any more what is left.
"""

from kerege.exchange.messagelog.values import LogRecord
from kerege.xroad import soap
from kerege.xroad.asic import Direction
from kerege.xroad.faults import XRoadError
from kerege.xroad.rest import RestRequest, RestResponse
from kerege.xroad.soap import SoapMessage

_BYTE_ORDER_MARKS = b"\xef\xbb\xbf\xff\xfe"


def without_body(record: LogRecord) -> LogRecord:
    """Return a record without body, attachments, and other headers than X-Road's."""
    message = record.message
    is_xml = message.lstrip(_BYTE_ORDER_MARKS).lstrip().startswith(b"<")
    filtered = _soap(record) if is_xml else _rest(record)
    return record._replace(message=filtered, body=None, attachments=())


def _rest(record: LogRecord) -> bytes:
    if record.direction is Direction.REQUEST:
        return RestRequest.parse(record.message).filtered_block
    return RestResponse.parse(record.message).filtered_block


def _soap(record: LogRecord) -> bytes:
    try:
        read = soap.read(record.message, "text/xml")
    except XRoadError:
        read = None  # text whose encoding only its Content-Type told
    if isinstance(read, SoapMessage):
        return soap.without_body(read)
    is_response = record.direction is Direction.RESPONSE
    code = record.service_id.service_code
    return soap.without_body(
        SoapMessage(
            client_id=record.client_id,
            service_id=record.service_id,
            query_id=record.query_id,
            protocol_version="4.0",
            body_element=f"{code}Response" if is_response else code,
        )
    )
