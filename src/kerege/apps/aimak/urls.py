"""Addresses of the clerk's screens."""

from django.urls import URLPattern, URLResolver, include, path

app_name = "aimak"
urlpatterns: list[URLPattern | URLResolver] = [
    path("imports/", include("kerege.apps.aimak.imports.urls")),
]
