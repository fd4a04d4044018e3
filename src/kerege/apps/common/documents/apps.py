"""The Django app of documents."""

from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    """Documents."""

    name = "kerege.apps.common.documents"
    label = "documents"
