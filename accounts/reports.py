"""Reports to the staff, and the log of what the staff did about them.

A report names its target by kind and id: what can be reported is registered in accounts/moderation.py by the app that
owns it. All rows go with the account they are about, and a report with the account that made it.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Report(models.Model):
    """One person's word that something should not be here."""

    class Reason(models.TextChoices):
        FACE = "face", _("It shows a face that should be hidden")
        HARASSMENT = "harassment", _("It attacks or shames somebody")
        PRETENDING = "pretending", _("Somebody pretends to be somebody else")
        UNWANTED = "unwanted", _("Spam, or something unlawful")
        OTHER = "other", _("Something else")

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        TAKEN_DOWN = "taken_down", _("Taken down")
        DISMISSED = "dismissed", _("Dismissed")

    reporter = models.ForeignKey("accounts.User", models.CASCADE, related_name="reports_made")
    about = models.ForeignKey("accounts.User", models.CASCADE, related_name="+")  # whose it is
    kind = models.CharField(max_length=10)
    target = models.CharField(max_length=36)  # primary key of what is reported, as text
    reason = models.CharField(_("what is wrong"), max_length=12, choices=Reason)
    note = models.CharField(_("what we should know"), max_length=500, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    created_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["state", "-created_at"]), models.Index(fields=["kind", "target"])]
        constraints = [
            models.UniqueConstraint(
                fields=["reporter", "kind", "target"], condition=Q(state="open"), name="one_open_report_each"
            )
        ]

    def __str__(self) -> str:
        return f"report {self.pk}: {self.kind} {self.target}"


class ModerationEntry(models.Model):
    """One thing a member of the staff did, kept for the others of the staff to read."""

    class Action(models.TextChoices):
        TAKEN_DOWN = "taken_down", _("took down")
        PUT_BACK = "put_back", _("put back")
        DISMISSED = "dismissed", _("dismissed the reports about")
        ALLOWED = "allowed", _("allowed an enrolment of")
        REFUSED = "refused", _("refused an enrolment of")

    moderator = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    about = models.ForeignKey("accounts.User", models.CASCADE, related_name="+")
    action = models.CharField(max_length=10, choices=Action)
    kind = models.CharField(max_length=10, blank=True)
    target = models.CharField(max_length=36, blank=True)
    note = models.CharField(_("why"), max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.moderator_id} {self.action} {self.kind} {self.target}"
