"""What monitoring is asked is read, or refused with the reference's code."""

import pytest

from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId
from kerege.xroad.opmonitoring import (
    METRICS_NAMESPACE,
    NAMESPACE,
    HealthDataRequest,
    MetricsRequest,
    OperationalDataRequest,
    read_health_data_request,
    read_metrics_request,
    read_operational_data_request,
)

ID = "http://x-road.eu/xsd/identifiers"
CLIENT = (
    '<o:client id:objectType="SUBSYSTEM"><id:xRoadInstance>T</id:xRoadInstance>'
    "<id:memberClass>GOV</id:memberClass><id:memberCode>1</id:memberCode>"
    "<id:subsystemCode>s</id:subsystemCode></o:client>"
)
TIMES = "<o:recordsFrom>5</o:recordsFrom><o:recordsTo> 7 </o:recordsTo>"
CRITERIA = f"<o:searchCriteria>{TIMES}</o:searchCriteria>"


def soap(body: str) -> bytes:
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" '
        f'xmlns:o="{NAMESPACE}" xmlns:m="{METRICS_NAMESPACE}" xmlns:id="{ID}">'
        f"<e:Header/><e:Body>{body}</e:Body></e:Envelope>"
    ).encode()


def data(inner: str) -> bytes:
    name = "o:getSecurityServerOperationalData"
    return soap(f"<{name}>{inner}</{name}>")


def health(inner: str) -> bytes:
    return soap(
        f"<o:getSecurityServerHealthData>{inner}</o:getSecurityServerHealthData>"
    )


def test_a_whole_request_is_read():
    fields = "<o:outputField>requestInTs</o:outputField>"
    inner = (
        f"<o:searchCriteria>{TIMES}<!-- c -->{CLIENT}</o:searchCriteria>"
        f"<o:outputSpec>{fields}{fields}</o:outputSpec>"
    )
    assert read_operational_data_request(data(inner)) == OperationalDataRequest(
        5, 7, ClientId("T", "GOV", "1", "s"), frozenset(("requestInTs",))
    )


def test_what_may_be_left_out_may_be_left_out():
    assert read_operational_data_request(data(CRITERIA)) == OperationalDataRequest(5, 7)
    assert read_health_data_request(health("")) == HealthDataRequest()
    inner = f"<o:filterCriteria>{CLIENT}</o:filterCriteria>"
    assert read_health_data_request(health(inner)) == HealthDataRequest(
        ClientId("T", "GOV", "1", "s")
    )


TOO_LARGE = "9" * 19


@pytest.mark.parametrize(
    ("inner", "reason"),
    [
        ("", "searchCriteria is missing"),
        ("<o:searchCriteria/>", "recordsFrom is missing"),
        (CRITERIA.replace("From", "Till"), "recordsFrom is missing"),
        (
            CRITERIA.replace("<o:recordsTo> 7 </o:recordsTo>", ""),
            "recordsTo is missing",
        ),
        (CRITERIA.replace("5", "five"), "recordsFrom is not an integer"),
        (CRITERIA.replace("5", "5.0"), "recordsFrom is not an integer"),
        (CRITERIA.replace("5", TOO_LARGE), "recordsFrom is too large"),
        (CRITERIA + CRITERIA, "searchCriteria is there twice"),
        (CRITERIA + "<o:more/>", "more is not expected here"),
        (CRITERIA.replace(" 7 <", " 7<").replace("</o:s", "<o:x/></o:s"), "x is not"),
        (f"{CRITERIA}<o:outputSpec><o:field/></o:outputSpec>", "field is not expected"),
        (
            f"{CRITERIA}<o:outputSpec><o:outputField>PIN</o:outputField></o:outputSpec>",
            "Unknown output field in search criteria: PIN",
        ),
        (
            CRITERIA.replace("</o:s", CLIENT.replace("SUBSYSTEM", "SERVER") + "</o:s"),
            "names a SERVER",
        ),
        (
            CRITERIA
            + "<o:outputSpec>"
            + "".join(f"<o:outputField>f{n}</o:outputField>" for n in range(500))
            + "</o:outputSpec>",
            "Unknown output field",
        ),
    ],
)
def test_what_the_schema_forbids_is_an_invalid_request(inner: str, reason: str):
    with pytest.raises(XRoadError, match=reason) as refused:
        read_operational_data_request(data(inner))
    assert refused.value.code == "client.invalid_request"


@pytest.mark.parametrize("read", [read_operational_data_request, read_metrics_request])
def test_a_message_without_a_body_is_no_soap_message(read):
    with pytest.raises(XRoadError) as refused:
        read(soap(""))
    assert refused.value.code == "invalid_soap"


def test_another_services_body_is_an_invalid_request():
    with pytest.raises(XRoadError, match="getSecurityServerHealthData") as refused:
        read_health_data_request(data(CRITERIA))
    assert refused.value.code == "client.invalid_request"


def test_of_a_request_for_metrics_only_their_names_count():
    other = '<x:any xmlns:x="y"><m:outputField> A </m:outputField></x:any>'
    assert read_metrics_request(soap(other)) == MetricsRequest(frozenset(("A",)))
    assert read_metrics_request(soap('<x xmlns="y"/>')) == MetricsRequest()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ("<m:outputField/>", "An outputField is empty"),
        (
            "".join(f"<m:outputField>{n}</m:outputField>" for n in range(1001)),
            "More than 1000 metrics are named",
        ),
    ],
)
def test_too_many_names_or_none_are_an_invalid_request(fields: str, reason: str):
    with pytest.raises(XRoadError, match=reason) as refused:
        read_metrics_request(soap(f"<m:x>{fields}</m:x>"))
    assert refused.value.code == "client.invalid_request"
