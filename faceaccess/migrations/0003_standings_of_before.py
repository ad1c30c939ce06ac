"""Friendships and circles that were there before the log began: friends since they are, members since now."""

from django.db import migrations
from django.utils import timezone


def note(apps, schema_editor):
    Friendship = apps.get_model("accounts", "Friendship")
    CircleMembership = apps.get_model("accounts", "CircleMembership")
    Standing = apps.get_model("faceaccess", "Standing")
    rows = []
    for low, high, since in Friendship.objects.filter(accepted_at__isnull=False).values_list(
        "low", "high", "accepted_at"
    ):
        rows += [Standing(owner_id=one, person_id=two, since=since) for one, two in ((low, high), (high, low))]
    now = timezone.now()
    for circle, owner, person in CircleMembership.objects.values_list("circle", "circle__owner", "person"):
        rows.append(Standing(owner_id=owner, person_id=person, circle_id=circle, since=now))
    Standing.objects.bulk_create(rows, batch_size=2000)


class Migration(migrations.Migration):
    dependencies = [
        ("faceaccess", "0002_exposures_questions_reminders"),
        ("accounts", "0001_initial"),
    ]
    operations = [migrations.RunPython(note, migrations.RunPython.noop)]
