from django.db import migrations, models
from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Coalesce, NullIf


def fill(apps, schema_editor):
    """Blocks from before keep the names of the day this came."""
    person = apps.get_model("accounts", "User").objects.filter(pk=OuterRef("blocked"))
    name = Coalesce(NullIf("display_name", Value("")), "username")
    apps.get_model("accounts", "Block").objects.update(
        handle=Subquery(person.values("username")), name=Subquery(person.values(told=name))
    )


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_capture_replaces'),
    ]

    operations = [
        migrations.AddField(
            model_name='block',
            name='handle',
            field=models.CharField(default='', editable=False, max_length=30),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='block',
            name='name',
            field=models.CharField(default='', editable=False, max_length=60),
            preserve_default=False,
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
