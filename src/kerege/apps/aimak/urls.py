"""Addresses of the clerk's screens."""

from django.urls import URLPattern

app_name = "aimak"
urlpatterns: list[URLPattern] = []
