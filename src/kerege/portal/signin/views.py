"""Signing in and out."""

from django import forms
from django.contrib.auth import authenticate, login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from kerege.apps.common.audit.record import Outcome, record
from kerege.apps.common.staff.models import User
from kerege.portal.signin.session import end_session


class SignInForm(forms.Form):
    """Name and password."""

    sign_in_name = forms.CharField(
        label=_("Sign-in name"),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for name and password."""
    form = SignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = authenticate(
            request,
            username=form.cleaned_data["sign_in_name"],
            password=form.cleaned_data["password"],
        )
        if isinstance(user, User):
            login(request, user)
            record(user, "sign in")
            return redirect("home")
        record(None, "sign in", outcome=Outcome.REFUSED)
        form.add_error(None, _("Name or password is wrong."))
    return render(request, "signin/sign_in.html", {"form": form})


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    if isinstance(request.user, User):
        record(request.user, "sign out")
    end_session(request)
    return redirect("home")
