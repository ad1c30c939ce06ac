"""This package's own configuration, and Django's admin on a site of our own."""

from django.apps import AppConfig
from django.contrib.admin import apps


class SocialNetConfig(AppConfig):
    name = "socialnet"

    def ready(self) -> None:
        from socialnet import checks  # noqa: F401  registers them


class StaffConfig(apps.AdminConfig):
    default = False  # only for settings to name
    default_site = "socialnet.admin.StaffSite"

    def ready(self) -> None:
        super().ready()  # every package registers its pages
        from socialnet import folder_checks, staff_pages  # noqa: F401  registers; puts our own in their place
