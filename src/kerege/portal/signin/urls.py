"""Addresses of signing in and out."""

from django.urls import path

from kerege.portal.signin import views

app_name = "signin"
urlpatterns = [
    path("", views.sign_in, name="sign-in"),
    path("out/", views.sign_out, name="sign-out"),
]
