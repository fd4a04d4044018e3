"""Addresses of imports."""

from django.urls import path

from kerege.apps.aimak.imports import views

app_name = "imports"
urlpatterns = [
    path("", views.list_imports, name="list"),
    path("new/", views.upload, name="upload"),
    path("<str:public_id>/", views.show, name="show"),
    path("<str:public_id>/columns/", views.columns, name="columns"),
    path("<str:public_id>/take/", views.take, name="take"),
    path("<str:public_id>/stop/", views.stop, name="stop"),
    path("<str:public_id>/undo/", views.undo, name="undo"),
    path("<str:public_id>/report/", views.report, name="report"),
    path("<str:public_id>/report.<str:kind>", views.download_report, name="download"),
]
