"""Everything the site keeps about one person, as a zip file for that person: JSON, and their photos as they see them.

Each app adds its part (accounts/exporting.py). What is in the file was disclosed to its owner when it was made; if
any of it has been taken back since, the file is not handed out any more (``fingerprint``).
"""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


def export_path(export: DataExport, filename: str) -> str:
    return f"exports/{export.user_id}/{uuid.uuid4().hex}.zip"


class DataExport(models.Model):
    """One order for such a file; a person has one at a time."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        BUILDING = "building", _("Being put together")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Did not work")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField("accounts.User", models.CASCADE, related_name="data_export")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    done = models.PositiveIntegerField(default=0)  # of ``total`` files
    total = models.PositiveIntegerField(default=0)
    file = models.FileField(upload_to=export_path, blank=True)
    names = models.ManyToManyField("accounts.User", related_name="+")  # whom the finished file names
    fingerprint = models.CharField(max_length=64, blank=True)  # of what its pictures disclose
    created_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(auto_now_add=True)  # the last sign of life of whoever builds it
    expires_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"export {self.pk} of {self.user_id}: {self.state}"

    @property
    def is_ready(self) -> bool:
        return (
            self.state == self.State.READY
            and self.expires_at is not None
            and self.expires_at > timezone.now()
        )

    @property
    def is_in_work(self) -> bool:
        return self.state in (self.State.WAITING, self.State.BUILDING)

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 0
