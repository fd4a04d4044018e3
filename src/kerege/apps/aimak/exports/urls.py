"""Addresses of exports."""

from django.urls import path

from kerege.apps.aimak.exports import views

app_name = "exports"
urlpatterns = [path("", views.export, name="export")]
