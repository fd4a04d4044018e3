"""Addresses of documents."""

from django.urls import path

from kerege.apps.common.documents import views

app_name = "documents"
urlpatterns = [path("<slug:public_id>/", views.download, name="download")]
