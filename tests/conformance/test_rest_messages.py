"""The reference's own verdicts on REST requests and responses."""

import pytest

from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, ServiceId
from kerege.xroad.rest import RepresentedParty, RestRequest, RestResponse
from tests.vectors import needs_vectors, rows

pytestmark = needs_vectors

PATH = b"/r1/Instance/Class/Member/SubSystem/ServiceCode"
HEADERS = [
    ("X-Road-Client", "Instance/Class/Member/SubSystem"),
    ("X-Road-Id", "42"),
    ("X-Road-ServerId", "Instance/Class/Member/ServerCode"),
]


def request(*extra, method="GET", path=PATH, query=b"foo=bar") -> RestRequest:
    return RestRequest.from_client(
        method, path, query, [*HEADERS, *extra], request_id="xid", query_id="unused"
    )


def represented(value: str) -> RestRequest:
    return request(("X-Road-Represented-Party", value))


def check_request(made: RestRequest) -> None:
    assert made.block == (
        b"GET\r\n/r1/Instance/Class/Member/SubSystem/ServiceCode?foo=bar\r\n"
        b"X-Road-Client:Instance/Class/Member/SubSystem\r\nX-Road-Id:42\r\n"
        b"X-Road-ServerId:Instance/Class/Member/ServerCode\r\n"
        b"x-road-request-id:xid\r\n"
    )
    assert RestRequest.parse(made.block) == made


def check_member(made: RestRequest) -> None:
    assert made.represented_party == RepresentedParty("Member")


def check_class_and_member(made: RestRequest) -> None:
    assert made.represented_party == RepresentedParty("Member", "Class")


CASES = {
    "shouldParseRequest": (request, check_request),
    "shouldRejectWrongProtocolVersion": (
        lambda: request(path=PATH.replace(b"r1", b"r2")),
        None,
    ),
    "shouldRejectInvalidURL": (
        lambda: request(path=b"https://invalid.uri/", query=None),
        None,
    ),
    "shouldRejectInvalidVerb": (lambda: request(method="INVALID"), None),
    "validRepresentedPartyHeaderWithMember": (
        lambda: represented("Member"),
        check_member,
    ),
    "validRepresentedPartyHeaderWithClassAndMember": (
        lambda: represented("Class/Member"),
        check_class_and_member,
    ),
    "invalidRepresentedPartyHeader": (
        lambda: represented("Instance/Class/Member"),
        None,
    ),
}


@pytest.mark.parametrize("row", rows("rest-request"))
def test_request(row):
    make, check = CASES[row.case]
    if row.expected == "fail":
        assert check is None
        assert not row.error_code
        with pytest.raises(XRoadError) as refused:
            make()
        # A Java IllegalArgumentException; the row of r2 says how it surfaces.
        assert refused.value.code == "internal_error"
    else:
        check(make())


@pytest.mark.parametrize("row", rows("rest-response"))
def test_response(row):
    assert row.expected == "pass"
    asked = request(path=PATH.replace(b"ServiceCode", b"Service%2FCode"))
    made = RestResponse.from_service(
        200,
        "OK",
        [("Test", "Header")],
        request=asked,
        request_hash=asked.digest,
    )
    read = RestResponse.parse(made.block)
    assert read == made
    assert read.client_id == ClientId("Instance", "Class", "Member", "SubSystem")
    assert read.service_id == ServiceId(
        "Instance", "Class", "Member", "SubSystem", "Service/Code"
    )
    assert read.request_hash == asked.digest
