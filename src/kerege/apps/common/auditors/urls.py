"""Addresses of the auditors' page."""

from django.urls import path

from kerege.apps.common.auditors import views

app_name = "audit"
urlpatterns = [path("", views.entries, name="entries")]
