"""The site's look: forms come out with the site's markup, mistakes are told twice."""

from collections.abc import Iterator

import pytest
from django import forms
from django.test import Client
from django.utils.translation import gettext, override

from kerege.apps.common.forms import DateField

pytestmark = pytest.mark.django_db


class Birth(forms.Form):
    name = forms.CharField(label="Name", max_length=20, help_text="As in the passport.")
    day = DateField(label="Day of birth")
    sex = forms.ChoiceField(choices=[("f", "female")], widget=forms.RadioSelect)
    known = forms.BooleanField(label="Known", required=False)


def test_a_field_has_label_hint_and_a_width_that_fits():
    page = str(Birth())
    assert (
        '<label class="govuk-label govuk-label--s" for="id_name">Name</label>' in page
    )
    assert 'class="govuk-input govuk-input--width-20"' in page
    assert 'aria-describedby="id_name_helptext"' in page


def test_a_mistake_is_told_above_and_beside_and_the_link_leads_to_it():
    page = str(Birth({"day_day": "31", "day_month": "2", "day_year": "1987"}))
    assert '<a href="#id_name">Name: Fill in this field.</a>' in page
    assert '<a href="#id_day_0">Day of birth: There is no such day.</a>' in page
    assert 'id="id_day_0"' in page
    assert '<a href="#id_sex_0">' in page
    assert 'id="id_sex_0"' in page
    assert 'aria-describedby="id_name_helptext id_name_error"' in page


@pytest.fixture(autouse=True)
def english_is_compiled() -> Iterator[None]:
    """Another test's page may have left its language in this thread."""
    with override("en"):
        if gettext("This field is required.") != "Fill in this field.":
            pytest.skip("translations are not compiled: scripts/compile-translations")
        yield


def test_what_was_typed_is_still_there_though_it_is_no_date():
    page = str(Birth({"day_day": "31", "day_month": "2", "day_year": "1987"}))
    assert 'name="day_day" value="31"' in page


def test_what_somebody_typed_is_never_markup():
    page = str(Birth({"name": '"><script>alert(1)</script>', "day_day": '"><b>'}))
    assert "<script>" not in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (("", "", ""), "Enter the date."),
        (("1", "", "1987"), "Enter day, month and year."),
        (("one", "1", "1987"), "Write day, month and year as numbers."),
        (("1", "1", "87"), "Write the year with four figures: 1987."),
        (("29", "2", "2023"), "There is no such day."),
        (("٣", "1", "1987"), "Write day, month and year as numbers."),
    ],
)
def test_a_wrong_date_says_what_is_wrong_with_it(parts: tuple[str, ...], told: str):
    with pytest.raises(forms.ValidationError) as refusal:
        DateField().clean(list(parts))
    assert refusal.value.messages == [told]


def test_the_page_of_components_shows_each_of_them(client: Client):
    page = client.get("/components/").content.decode()
    for name in [
        "govuk-button--warning",
        "govuk-radios",
        "govuk-checkboxes",
        "govuk-select",
        "govuk-textarea",
        "govuk-date-input",
        "govuk-file-upload",
        "govuk-error-summary",
        "govuk-details",
        "govuk-inset-text",
        "govuk-warning-text",
        "govuk-notification-banner",
        "govuk-panel",
        "govuk-summary-list",
        "kerege-table--cards",
        "kerege-tabs",
        "govuk-tag",
        "govuk-task-list",
        "govuk-pagination",
        "govuk-breadcrumbs",
        "kerege-progress",
        "kerege-search",
        "kerege-chart",
        "govuk-back-link",
        "govuk-phase-banner",
    ]:
        assert name in page, name


def test_nothing_on_a_page_needs_what_the_policy_forbids(client: Client):
    answer = client.get("/components/")
    page = answer.content.decode()
    assert " style=" not in page
    assert " onclick=" not in page
    assert "<style" not in page
    assert "<script>" not in page
    assert "unsafe" not in answer["Content-Security-Policy"]
