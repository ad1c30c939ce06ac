import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_templates_of_two_packs'),
    ]

    operations = [
        migrations.AddField(
            model_name='facecapture',
            name='replaces',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.facecapture'),
        ),
    ]
