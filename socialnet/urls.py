"""Every address of the site."""

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

# Its script is a file of its own, but it brings a few lines of style and icons inline.
api_docs = csp_update({"style-src": [UNSAFE_INLINE], "img-src": ["data:"]})(
    SpectacularSwaggerSplitView.as_view(url_name="api-schema", permission_classes=[AllowAny])
)

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("photos.urls")),
    path("", include("community.urls")),
    path("", include("faceaccess.urls_pages")),
    path("accounts/", include("allauth.account.urls")),
    path("admin/", admin.site.urls),
    path("", include("faceaccess.urls")),
    path("api/v1/", include("socialnet.api_urls")),
    path("api/schema/", SpectacularAPIView.as_view(permission_classes=[AllowAny]), name="api-schema"),
    path("api/docs/", api_docs, name="api-docs"),
]
