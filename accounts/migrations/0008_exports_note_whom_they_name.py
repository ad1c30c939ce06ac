from django.conf import settings
from django.db import migrations, models
from django.utils import timezone


def expire(apps, schema_editor):
    """Files from before do not say whom they name: the next sweep deletes them, as what has expired."""
    apps.get_model("accounts", "DataExport").objects.filter(state="ready").update(expires_at=timezone.now())


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_blocks_keep_names'),
    ]

    operations = [
        migrations.AddField(
            model_name='dataexport',
            name='names',
            field=models.ManyToManyField(related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.RunPython(expire, migrations.RunPython.noop),
    ]
