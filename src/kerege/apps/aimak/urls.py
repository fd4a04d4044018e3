"""Addresses of the clerk's screens."""

from django.urls import URLPattern, URLResolver, include, path

from kerege.apps.aimak.views.home import home
from kerege.apps.aimak.views.household import household
from kerege.apps.aimak.views.person import person
from kerege.apps.aimak.views.search import search

app_name = "aimak"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("search/", search, name="search"),
    path("household/<str:public_id>/", household, name="household"),
    path("person/<str:public_id>/", person, name="person"),
    path("imports/", include("kerege.apps.aimak.imports.urls")),
    path("exports/", include("kerege.apps.aimak.exports.urls")),
]
