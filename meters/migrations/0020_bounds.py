import django.core.validators
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('meters', '0019_sealed_fields'),
    ]

    operations = [
        migrations.AlterField(
            model_name='concentrator',
            name='connections',
            field=models.PositiveSmallIntegerField(default=2, help_text='How many TCP connections the concentrator bears at once.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(64)]),
        ),
        migrations.AlterField(
            model_name='concentrator',
            name='network_id',
            field=models.PositiveSmallIntegerField(default=0, help_text='The network behind the gateway, with a gateway prefix.', validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(255)]),
        ),
        migrations.AlterField(
            model_name='concentrator',
            name='outstanding',
            field=models.PositiveSmallIntegerField(default=8, help_text='How many meters are asked at once per connection.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(256)], verbose_name='meters at once'),
        ),
        migrations.AlterField(
            model_name='concentrator',
            name='port',
            field=models.PositiveIntegerField(default=4059, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(65535)]),
        ),
        migrations.AlterField(
            model_name='meter',
            name='gateway_address',
            field=models.CharField(blank=True, help_text="The meter's address behind a gateway, as hexadecimal octets: 0065.", max_length=32, validators=[django.core.validators.RegexValidator('^([0-9a-f]{2})*$', 'Write octets in small hexadecimal: 0065.')]),
        ),
        migrations.AlterField(
            model_name='meter',
            name='rating',
            field=models.DecimalField(blank=True, decimal_places=3, help_text="From the nameplate: rated current in A, overload flow Q4 in m³/h, or the solar inverter's kVA. Given, it says what can be used in 15 minutes.", max_digits=9, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.001'))]),
        ),
    ]
