"""Every address of the site."""

from allauth.account.decorators import secure_admin_login
from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

from accounts.views_sessions import sessions
from socialnet.api import no_such_address

# Its script is a file of its own, but it brings a few lines of style and icons inline.
api_docs = csp_update({"style-src": [UNSAFE_INLINE], "img-src": ["data:"]})(
    SpectacularSwaggerSplitView.as_view(url_name="api-schema", permission_classes=[AllowAny])
)

# The admin's own sign-in knows nothing of two-factor: staff come in through the same door as everybody.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

handler500 = "socialnet.api.server_error"

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("photos.urls")),
    path("", include("community.urls")),
    path("", include("faceaccess.urls_pages")),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/sessions/", sessions, name="usersessions_list"),
    path("admin/", admin.site.urls),
    path("", include("faceaccess.urls")),
    path("api/v1/", include("socialnet.api_urls")),
    path("api/schema/", SpectacularAPIView.as_view(permission_classes=[AllowAny]), name="api-schema"),
    path("api/docs/", api_docs, name="api-docs"),
    re_path(r"^api/", no_such_address),
]
