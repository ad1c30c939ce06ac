from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("faceaccess", "0001_initial")]

    operations = [
        migrations.AddField("decoy", "views", models.BinaryField(blank=True, default=b"")),
    ]
