"""The sums of an estate's accounts by local day, and an index that finds what a day recorded."""

import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.uuid
import quantify.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('estates', '0003_adjustment_limit'),
        ('wallets', '0008_charge_evidence'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AccountBook',
            fields=[
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), default=quantify.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True, db_default=django.db.models.functions.datetime.Now())),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now())),
                ('closed_to', models.DateField(help_text='Up to but without this local day.')),
                ('time_zone', models.CharField(max_length=50)),
                ('estate', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='account_book', to='estates.estate')),
            ],
            options={
                'verbose_name': "estate's accounts",
                'verbose_name_plural': "estates' accounts",
            },
        ),
        migrations.CreateModel(
            name='AccountDay',
            fields=[
                ('pk', models.CompositePrimaryKey('estate', 'day', 'account', blank=True, editable=False, primary_key=True, serialize=False)),
                ('estate', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='account_days', to='estates.estate')),
                ('day', models.DateField(help_text='The local day on which it was recorded.')),
                ('account', models.PositiveSmallIntegerField(choices=[(1, 'Wallet: available'), (2, 'Wallet: electricity'), (3, 'Wallet: water'), (4, 'Wallet: solar'), (9, 'Wallet: arrears'), (20, 'Clearing: EFT'), (21, 'Clearing: card'), (22, 'Clearing: instant EFT'), (23, 'Clearing: cash'), (24, 'Clearing: system'), (30, 'Revenue: electricity'), (31, 'Revenue: water'), (32, 'Revenue: solar'), (40, 'VAT output'), (50, 'Adjustments'), (51, 'Refunds'), (52, 'Service charges'), (60, 'Suspense'), (61, 'Former residents')])),
                ('debit', models.DecimalField(decimal_places=2, max_digits=14)),
                ('credit', models.DecimalField(decimal_places=2, max_digits=14)),
            ],
        ),
        migrations.AddIndex(
            model_name='transaction',
            index=django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['recorded_at'], name='transaction_recorded'),
        ),
    ]
