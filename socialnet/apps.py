"""Django's admin, on a site of our own."""

from django.contrib.admin import apps


class StaffConfig(apps.AdminConfig):
    default = False  # only for settings to name: this package's own configuration is an ordinary one
    default_site = "socialnet.admin.StaffSite"

    def ready(self) -> None:
        super().ready()  # every package registers its pages
        from socialnet import folder_checks, staff_pages  # noqa: F401  registers; puts our own in their place
