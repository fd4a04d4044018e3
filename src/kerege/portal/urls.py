"""The addresses of the site. They carry opaque ids, never a PIN or a name."""

from django.urls import include, path

from kerege.portal import views

urlpatterns = [
    path("", views.home, name="home"),
    path("language/", views.set_language, name="set-language"),
    path("components/", views.components, name="components"),
    path("sign-in/", include("kerege.portal.signin.urls")),
    path("aimak/", include("kerege.apps.aimak.urls")),
]
