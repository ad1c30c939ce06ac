from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0008_exports_note_whom_they_name'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='pending_until',
            field=models.DateTimeField(blank=True, db_index=True, editable=False, null=True),
        ),
    ]
