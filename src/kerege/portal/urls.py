"""The addresses of the site. They carry opaque ids, never a PIN or a name."""

from django.urls import include, path

from kerege.portal import views

handler400 = "kerege.portal.errors.bad_request"
handler403 = "kerege.portal.errors.forbidden"
handler404 = "kerege.portal.errors.not_found"
handler500 = "kerege.portal.errors.server_error"

urlpatterns = [
    path("", views.home, name="home"),
    path("language/", views.set_language, name="set-language"),
    path("components/", views.components, name="components"),
    path("sign-in/", include("kerege.portal.signin.urls")),
    path("audit/", include("kerege.apps.common.auditors.urls")),
    path("documents/", include("kerege.apps.common.documents.urls")),
    path("aimak/", include("kerege.apps.aimak.urls")),
]
