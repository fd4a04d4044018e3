"""Records in JSON: read, written, cut; and what the answer to a store says."""

import json

import pytest

from kerege.xroad.faults import XRoadError
from kerege.xroad.opmonitoring import (
    FIELDS,
    as_json,
    cut,
    payload,
    read_record,
    read_records,
    require_stored,
)
from tests.operational import record


def test_what_is_written_is_read():
    one = record(fault_string="ө" * 300)
    assert read_records(payload([as_json(one)])) == [one]


def test_names_are_the_references():
    assert FIELDS["client_xroad_instance"].name == "clientXRoadInstance"
    assert FIELDS["xroad_version"].name == "xRoadVersion"
    assert FIELDS["x_request_id"].name == "xRequestId"
    assert FIELDS["status_code"].kind is int
    assert FIELDS["succeeded"].kind is bool


def test_a_record_of_usual_length_is_not_copied():
    one = record()
    assert cut(one) is one
    longer = cut(record(message_id="m" * 256, rest_path="p" * 256))
    assert (len(longer.message_id or ""), len(longer.rest_path or "")) == (255, 255)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"requestInTs": "1"}, "requestInTs must be of type int"),
        ({"requestInTs": True}, "requestInTs must be of type int"),
        ({"requestSize": -1}, "requestSize must not be negative"),
        ({"requestSize": 2**63}, "requestSize must not be negative, nor over"),
        ({"succeeded": 1}, "succeeded must be of type bool"),
        ({"messageId": 5}, "messageId must be of type str"),
    ],
)
def test_a_wrong_value_is_named(change: dict, reason: str):
    with pytest.raises(XRoadError, match=reason) as refused:
        read_record(as_json(record()) | change)
    assert refused.value.code == "invalid_request"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b"[]", "There is no list of records"),
        (b'{"records": {}}', "There is no list of records"),
        (b'{"records": [5]}', "A record is not an object"),
        (json.dumps({"records": [{}] * 10_001}).encode(), "More than 10000 records"),
    ],
)
def test_what_are_no_records_is_refused(data: bytes, reason: str):
    with pytest.raises(XRoadError, match=reason) as refused:
        read_records(data)
    assert refused.value.code == "invalid_request"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "The answer is not a JSON object"),
        (b"[]", "The answer is not a JSON object"),
        (b"{}", "Records not stored: no reason given"),
        (b'{"status": "Error", "errorMessage": "full"}', "Records not stored: full"),
    ],
)
def test_an_answer_that_is_not_ok_says_why(data: bytes, reason: str):
    with pytest.raises(XRoadError, match=reason) as refused:
        require_stored(data)
    assert refused.value.code == "invalid_response"
