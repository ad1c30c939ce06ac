from django.db import migrations, models


class Migration(migrations.Migration):
    """Every row there is fits: it was the only one of its region and owner."""

    dependencies = [("faceaccess", "0006_analyses_by_pack")]

    operations = [
        migrations.RemoveConstraint("tag", "tagged_once_as_somebody"),
        migrations.AddConstraint(
            "tag",
            models.UniqueConstraint(fields=("region", "owner", "tagger"), name="one_tag_per_tagger"),
        ),
    ]
