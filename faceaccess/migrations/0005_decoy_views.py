from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("faceaccess", "0004_photo_matching")]

    operations = [
        migrations.AddField("decoy", "views", models.BinaryField(blank=True, default=b"")),
    ]
