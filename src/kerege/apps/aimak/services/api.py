"""The services themselves: one function for each path."""

from collections.abc import Mapping
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import NinjaAPI, Path, Query
from ninja.errors import ValidationError
from ninja.renderers import JSONRenderer

from kerege.apps.aimak.reads import household_card, household_of
from kerege.apps.aimak.reads.values import HouseholdCard as Card
from kerege.apps.aimak.services import answers, asking, shapes
from kerege.apps.aimak.services.bounds import MAX_CURSOR, MAX_PAGE, is_pin
from kerege.apps.aimak.services.changes import Cursor, CursorError, changes_after
from kerege.apps.common.audit.record import Outcome
from kerege.exchange.provider import NoXRoadHeadersError


class _Readable(JSONRenderer):
    """Names in Cyrillic as people read them, not escaped."""

    json_dumps_params: Mapping[str, object] = {"ensure_ascii": False}


api = NinjaAPI(
    title="Sanarip Aimak",
    version="1.0",
    description="Services of the village register over the exchange.",
    urls_namespace="aimak-services",
    renderer=_Readable(),
    openapi_url=None,
    docs_url=None,
)
Pin = Annotated[str, Path(description="PIN: 14 digits", examples=["20101198000001"])]
PROBLEMS = {400: shapes.Problem, 404: shapes.Problem}


class ServiceError(Exception):
    """There is no answer: a status with a problem."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """Take what is answered."""
        super().__init__(message)
        self.status = status
        self.problem = shapes.Problem(code=code, message=message)


@api.get(
    "/address-fact/{pin}",
    response={200: shapes.AddressFact, 204: None},
    by_alias=True,
    summary="Where a person in fact lives",
    operation_id="address-fact",
)
def address_fact(request: HttpRequest, pin: Pin) -> shapes.AddressFact | HttpResponse:
    """HTTP 204: nobody has this PIN, or there is nothing that may be told of them."""
    asking.require_headers(request)
    found = answers.address_of(pin, timezone.localdate()) if is_pin(pin) else None
    _note(request, "address-fact", pin, found=found is not None)
    return found or HttpResponse(status=204)


@api.get(
    "/family-members/{pin}",
    response=shapes.Family,
    by_alias=True,
    summary="Who lives in a person's household",
    operation_id="family-members",
)
def family_members(request: HttpRequest, pin: Pin) -> shapes.Family:
    """Return the family; `code` 405 in the body: there is none that may be told."""
    asking.require_headers(request)
    known = is_pin(pin)
    found = answers.family_of(pin, timezone.localdate()) if known else answers.NO_FAMILY
    _note(request, "family-members", pin, found=bool(found.members))
    return found


@api.get(
    "/livestock/{pin}",
    response={200: shapes.Livestock, **PROBLEMS},
    by_alias=True,
    summary="The animals of a person's household",
    operation_id="livestock",
)
def livestock(request: HttpRequest, pin: Pin) -> shapes.Livestock:
    """Animals are counted by kind, sex and age, for the household as a whole."""
    return answers.livestock_of(pin, _card(request, "livestock", pin))


@api.get(
    "/land/{pin}",
    response={200: shapes.Land, **PROBLEMS},
    by_alias=True,
    summary="The land of a person's household",
    operation_id="land",
)
def land(request: HttpRequest, pin: Pin) -> shapes.Land:
    """Return the household's plots of land."""
    return answers.land_of(pin, _card(request, "land", pin))


@api.get(
    "/household-card/{pin}",
    response={200: shapes.HouseholdCard, **PROBLEMS},
    by_alias=True,
    summary="The card of a person's household",
    operation_id="household-card",
)
def card(request: HttpRequest, pin: Pin) -> shapes.HouseholdCard:
    """Return the household of today: address, members, dwellings, land, animals."""
    return answers.card_of(_card(request, "household-card", pin))


@api.get(
    "/changes",
    response={200: shapes.Changes, 400: shapes.Problem},
    by_alias=True,
    summary="Whom the book has changed since a point in time",
    operation_id="changes",
)
def changes(
    request: HttpRequest,
    after: Annotated[
        str,
        Query(
            max_length=MAX_CURSOR,
            description="A time with its offset, or `next` of an earlier page",
            examples=["2026-01-31T00:00:00Z"],
        ),
    ],
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = MAX_PAGE,
) -> shapes.Changes:
    """Changes of the last two minutes come with a later call."""
    asking.require_headers(request)
    try:
        cursor = Cursor.read(after)
    except CursorError as error:
        asking.note(request, "changes", outcome=Outcome.REFUSED, reason=str(error))
        raise ServiceError(400, "invalid_cursor", str(error)) from error
    now = timezone.now()
    page = changes_after(cursor, limit, now, timezone.localdate(now))
    asking.note(request, "changes", after=after, entries=str(len(page.items)))
    return page


@api.exception_handler(ServiceError)
def _problem(request: HttpRequest, error: ServiceError) -> HttpResponse:
    return api.create_response(
        request, error.problem.model_dump(by_alias=True), status=error.status
    )


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Say which parameter is wrong; what was given for it is not repeated."""
    wrong = sorted({str(one["loc"][-1]) for one in error.errors})
    message = f"Wrong or missing: {', '.join(wrong)}; see the OpenAPI description"
    service = request.path.strip("/").partition("/")[0]
    asking.note(request, service, outcome=Outcome.REFUSED, reason=message)
    return _problem(request, ServiceError(400, "invalid_parameter", message))


@api.exception_handler(NoXRoadHeadersError)
def _nobody(request: HttpRequest, _: NoXRoadHeadersError) -> HttpResponse:
    message = "The request says not who asks: come through a Security Server, in REST"
    return _problem(request, ServiceError(403, "no_xroad_headers", message))


def _card(request: HttpRequest, service: str, pin: str) -> Card:
    asking.require_headers(request)
    if not is_pin(pin):
        asking.note(request, service, outcome=Outcome.REFUSED, reason="not a PIN")
        raise ServiceError(400, "invalid_pin", "A PIN has 14 digits and nothing else")
    today = timezone.localdate()
    household = household_of(pin, today)
    found = household_card(household, today) if household else None
    _note(request, service, pin, found=found is not None)
    if found is None:
        message = "The register has no household of a person with this PIN"
        raise ServiceError(404, "not_found", message)
    return found


def _note(request: HttpRequest, service: str, pin: str, *, found: bool) -> None:
    if not is_pin(pin):
        asking.note(request, service, outcome=Outcome.REFUSED, reason="not a PIN")
    elif found:
        asking.note(request, service, pin)
    else:
        asking.note(request, service, pin, reason="nothing that may be told")
