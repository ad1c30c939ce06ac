"""Django's admin, on a site of our own."""

from django.contrib.admin import apps


class StaffConfig(apps.AdminConfig):
    default = False  # only for settings to name: this package's own configuration is an ordinary one
    default_site = "socialnet.admin.StaffSite"
