"""
Settlements: an occupancy's account is closed once, and a month it ends in has a bill for each part.
"""

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import django.db.models.functions.uuid
import quantify.ids
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models

from accounts.audit import watch

GUARDS = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON wallets_settlement
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON wallets_settlement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

UNDO = """
DROP TRIGGER no_truncate ON wallets_settlement;
DROP TRIGGER append_only ON wallets_settlement;
"""

class Migration(migrations.Migration):

    dependencies = [
        ('estates', '0003_adjustment_limit'),
        ('rates', '0004_assignment_words'),
        ('units', '0002_audit'),
        ('wallets', '0012_ledger_functions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Settlement',
            fields=[
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), default=quantify.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True, db_default=django.db.models.functions.datetime.Now())),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now())),
                ('resident', models.CharField(max_length=170)),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField(help_text='The first local day that no longer belongs to it.')),
                ('readings', models.JSONField(default=list)),
                ('charged', models.DecimalField(decimal_places=2, max_digits=14)),
                ('held', models.DecimalField(decimal_places=2, max_digits=14)),
                ('owed', models.DecimalField(decimal_places=2, max_digits=14)),
                ('refunded', models.DecimalField(decimal_places=2, default=Decimal('0.00'), max_digits=14)),
                ('kept', models.DecimalField(decimal_places=2, default=Decimal('0.00'), max_digits=14)),
                ('debt', models.DecimalField(decimal_places=2, default=Decimal('0.00'), max_digits=14)),
                ('payment_method', models.CharField(blank=True, choices=[('eft', 'EFT'), ('card', 'Card'), ('instant_eft', 'Instant EFT'), ('cash', 'Cash'), ('adjustment', 'Adjustment'), ('system', 'System')], max_length=12)),
                ('reference', models.CharField(blank=True, max_length=140)),
                ('settled_at', models.DateTimeField()),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                'permissions': [('collect_settlement', 'Can take payments of settled debts')],
            },
        ),
        migrations.RemoveConstraint(
            model_name='bill',
            name='one_bill_a_month',
        ),
        migrations.AddField(
            model_name='bill',
            name='since',
            field=models.DateField(help_text='The day on which it begins, if a settlement cut the month there.', null=True),
        ),
        migrations.AddConstraint(
            model_name='bill',
            constraint=models.UniqueConstraint(fields=('wallet', 'utility', 'month', 'since'), name='one_bill_a_month', nulls_distinct=False),
        ),
        migrations.AddField(
            model_name='settlement',
            name='estate',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='settlements', to='estates.estate'),
        ),
        migrations.AddField(
            model_name='settlement',
            name='occupancy',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='settlement', to='units.occupancy'),
        ),
        migrations.AddField(
            model_name='settlement',
            name='settled_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='settlement',
            name='transaction',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='settlement', to='wallets.transaction'),
        ),
        migrations.AddField(
            model_name='settlement',
            name='wallet',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='settlements', to='wallets.wallet'),
        ),
        migrations.AddConstraint(
            model_name='settlement',
            constraint=models.CheckConstraint(condition=models.Q(('debt__gte', 0), ('held__gte', 0), ('kept__gte', 0), ('owed__gte', 0), ('refunded__gte', 0)), name='settlement_amounts_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='settlement',
            constraint=models.CheckConstraint(condition=models.Q(('held', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('owed'), '+', models.F('refunded')), '+', models.F('kept')), '-', models.F('debt')))), name='settlement_leaves_nothing'),
        ),
        migrations.AddConstraint(
            model_name='settlement',
            constraint=models.CheckConstraint(condition=models.Q(('refunded', 0), ('kept', 0), _connector='OR'), name='settlement_refunds_or_keeps'),
        ),
        migrations.AddConstraint(
            model_name='settlement',
            constraint=models.UniqueConstraint(fields=('wallet', 'ends_on'), name='one_settlement_a_day'),
        ),
        migrations.RunSQL(GUARDS, UNDO),
        watch("wallets_settlement"),
    ]
