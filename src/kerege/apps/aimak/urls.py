"""Addresses of the clerk's screens."""

from django.urls import URLPattern, URLResolver, include, path

from kerege.apps.aimak.views.amend import amend_household, amend_person
from kerege.apps.aimak.views.change import change, undo
from kerege.apps.aimak.views.event import event, new_household
from kerege.apps.aimak.views.history import household_history, person_history
from kerege.apps.aimak.views.home import home
from kerege.apps.aimak.views.household import household
from kerege.apps.aimak.views.person import person
from kerege.apps.aimak.views.printing import household_book, household_list
from kerege.apps.aimak.views.search import search
from kerege.apps.aimak.views.statistics import statistics

app_name = "aimak"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("search/", search, name="search"),
    path("household/<str:public_id>/", household, name="household"),
    path("person/<str:public_id>/", person, name="person"),
    path("new/", new_household, name="new-household"),
    path(
        "household/<str:public_id>/history/",
        household_history,
        name="household-history",
    ),
    path("person/<str:public_id>/history/", person_history, name="person-history"),
    path("household/<str:public_id>/event/<slug:kind>/", event, name="event"),
    path(
        "household/<str:public_id>/facts/<slug:section>/<str:line>/",
        amend_household,
        name="amend-household",
    ),
    path(
        "person/<str:public_id>/facts/<slug:section>/<str:line>/",
        amend_person,
        name="amend-person",
    ),
    path("statistics/", statistics, name="statistics"),
    path("book/", household_book, name="book"),
    path("list/", household_list, name="list"),
    path("change/<str:public_id>/", change, name="change"),
    path("change/<str:public_id>/undo/", undo, name="undo"),
    path("imports/", include("kerege.apps.aimak.imports.urls")),
    path("exports/", include("kerege.apps.aimak.exports.urls")),
]
