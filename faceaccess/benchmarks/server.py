"""The site with one address more, for ``manage.py benchmark_gate`` alone: never served otherwise.

``/bare`` is what the image gate is measured against: a signed-in person gets a file, and nothing is decided.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "socialnet.settings")

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, Http404, HttpRequest
from django.urls import include, path

application = get_wsgi_application()
settings.ROOT_URLCONF = __name__

FILE = "MFMC_BENCHMARK_FILE"  # environment variable: the file to serve


def bare(request: HttpRequest) -> FileResponse:
    if not request.user.is_authenticated:
        raise Http404
    return FileResponse(Path(os.environ[FILE]).open("rb"), content_type="image/jpeg")


urlpatterns = [path("bare", bare), path("", include("socialnet.urls"))]  # after the site's apps were loaded
