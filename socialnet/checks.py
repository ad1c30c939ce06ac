"""System check of the static files: without their manifest every page that names one answers 500."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.core.checks import CheckMessage, Tags, Warning, register


@register(Tags.staticfiles)
def static_files_are_collected(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    # With DEBUG on, addresses carry no hash. A warning, not an error: collectstatic itself has to run.
    collects = isinstance(staticfiles_storage, ManifestFilesMixin) and not settings.DEBUG
    if not collects or staticfiles_storage.manifest_storage.exists(staticfiles_storage.manifest_name):
        return []
    return [
        Warning(
            f"The static files are not in {settings.STATIC_ROOT} yet: pages that name one will fail.",
            hint="manage.py collectstatic --noinput, here and after every update",
            id="socialnet.W001",
        )
    ]
