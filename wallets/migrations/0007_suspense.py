"""
Money in suspense: what was received before it is known for whom, and where it went.

Receipts and releases are append-only, and no more leaves a receipt than was received: the receipt
is locked while a release of it is written, so that two at once are counted one after the other.
"""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.uuid
import quantify.ids
from django.conf import settings
from django.db import migrations, models

from accounts.audit import watch

GUARDS = """
CREATE FUNCTION suspense_is_left() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE remaining numeric;
BEGIN
    SELECT amount INTO remaining FROM wallets_suspensereceipt
    WHERE id = NEW.receipt_id FOR UPDATE;
    SELECT remaining - coalesce(sum(gone.amount), 0) INTO remaining
    FROM wallets_suspenserelease AS gone
    WHERE gone.receipt_id = NEW.receipt_id AND (gone.transaction_id IS NULL
        OR NOT EXISTS (SELECT FROM wallets_transaction WHERE reverses_id = gone.transaction_id));
    IF remaining < NEW.amount THEN
        RAISE EXCEPTION 'R% is left of the receipt, not R%', remaining, NEW.amount
            USING ERRCODE = 'check_violation', HINT = 'Release what is left, or less.';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER is_left BEFORE INSERT ON wallets_suspenserelease
    FOR EACH ROW EXECUTE FUNCTION suspense_is_left();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON wallets_suspensereceipt
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON wallets_suspenserelease
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON wallets_suspensereceipt
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON wallets_suspenserelease
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

UNDO = """
DROP TRIGGER no_truncate ON wallets_suspenserelease;
DROP TRIGGER no_truncate ON wallets_suspensereceipt;
DROP TRIGGER append_only ON wallets_suspenserelease;
DROP TRIGGER append_only ON wallets_suspensereceipt;
DROP TRIGGER is_left ON wallets_suspenserelease;
DROP FUNCTION suspense_is_left();
"""

class Migration(migrations.Migration):

    dependencies = [
        ('estates', '0003_adjustment_limit'),
        ('wallets', '0006_pockets_follow_postings'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='posting',
            name='credit',
            field=models.PositiveSmallIntegerField(choices=[(1, 'Wallet: available'), (2, 'Wallet: electricity'), (3, 'Wallet: water'), (4, 'Wallet: solar'), (9, 'Wallet: arrears'), (20, 'Clearing: EFT'), (21, 'Clearing: card'), (22, 'Clearing: instant EFT'), (23, 'Clearing: cash'), (24, 'Clearing: system'), (30, 'Revenue: electricity'), (31, 'Revenue: water'), (32, 'Revenue: solar'), (40, 'VAT output'), (50, 'Adjustments'), (51, 'Refunds'), (52, 'Service charges'), (60, 'Suspense'), (61, 'Former residents')]),
        ),
        migrations.AlterField(
            model_name='posting',
            name='debit',
            field=models.PositiveSmallIntegerField(choices=[(1, 'Wallet: available'), (2, 'Wallet: electricity'), (3, 'Wallet: water'), (4, 'Wallet: solar'), (9, 'Wallet: arrears'), (20, 'Clearing: EFT'), (21, 'Clearing: card'), (22, 'Clearing: instant EFT'), (23, 'Clearing: cash'), (24, 'Clearing: system'), (30, 'Revenue: electricity'), (31, 'Revenue: water'), (32, 'Revenue: solar'), (40, 'VAT output'), (50, 'Adjustments'), (51, 'Refunds'), (52, 'Service charges'), (60, 'Suspense'), (61, 'Former residents')]),
        ),
        migrations.CreateModel(
            name='SuspenseReceipt',
            fields=[
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), default=quantify.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True, db_default=django.db.models.functions.datetime.Now())),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now())),
                ('amount', models.DecimalField(decimal_places=2, max_digits=14)),
                ('payment_method', models.CharField(choices=[('eft', 'EFT'), ('card', 'Card'), ('instant_eft', 'Instant EFT'), ('cash', 'Cash')], max_length=12)),
                ('reference', models.CharField(blank=True, max_length=140)),
                ('external_key', models.CharField(max_length=200, unique=True)),
                ('received_at', models.DateTimeField()),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('estate', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='suspense_receipts', to='estates.estate')),
                ('recorded_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'permissions': [('allocate_suspense', 'Can allocate money in suspense, or give it back')],
            },
        ),
        migrations.CreateModel(
            name='SuspenseRelease',
            fields=[
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), default=quantify.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True, db_default=django.db.models.functions.datetime.Now())),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now())),
                ('amount', models.DecimalField(decimal_places=2, max_digits=14)),
                ('reason', models.CharField(blank=True, max_length=250)),
                ('idempotency_key', models.CharField(max_length=200, null=True, unique=True)),
                ('request_digest', models.CharField(blank=True, max_length=64)),
                ('released_at', models.DateTimeField()),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('receipt', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='releases', to='wallets.suspensereceipt')),
                ('released_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('transaction', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='suspense_release', to='wallets.transaction')),
            ],
        ),
        migrations.AddIndex(
            model_name='suspensereceipt',
            index=models.Index(fields=['estate', '-received_at'], name='receipt_by_estate'),
        ),
        migrations.AddConstraint(
            model_name='suspensereceipt',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='receipt_amount_positive'),
        ),
        migrations.AddConstraint(
            model_name='suspensereceipt',
            constraint=models.CheckConstraint(condition=models.Q(('external_key', ''), _negated=True), name='receipt_has_its_key'),
        ),
        migrations.AddConstraint(
            model_name='suspenserelease',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='release_amount_positive'),
        ),
        migrations.AddConstraint(
            model_name='suspenserelease',
            constraint=models.CheckConstraint(condition=models.Q(('transaction__isnull', False), models.Q(('reason', ''), _negated=True), _connector='OR'), name='release_to_the_payer_has_a_reason'),
        ),
        migrations.RunSQL(GUARDS, UNDO),
        watch("wallets_suspensereceipt", ignoring=("external_key",)),
        watch("wallets_suspenserelease", ignoring=("request_digest", "idempotency_key")),
    ]
