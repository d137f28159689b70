from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('estates', '0010_bounds'),
        ('wallets', '0021_closed_when_locked'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='suspensereceipt',
            name='external_key',
            field=models.CharField(max_length=200),
        ),
        migrations.AddConstraint(
            model_name='suspensereceipt',
            constraint=models.UniqueConstraint(fields=('estate', 'external_key'), name='receipt_once_in_its_estate', nulls_distinct=False),
        ),
    ]
