import logging
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import AuditEntry
from meters import keys
from meters.admin.security import MeterKeysForm
from meters.dlms.ciphering import CounterBlock, Keys, Watermark
from meters.dlms.credentials import NOTHING, Credentials, Mechanism
from meters.keys import BLOCK, BadKeys, Secrets, Shown, Withheld
from meters.models import MeterAlert, MeterKeys
from meters.tests.factories import MeterFactory
from quantify import sealing

NOW = datetime(2026, 6, 1, tzinfo=UTC)
GUEK, GAK = "0123456789abcdef" * 2, "fedcba9876543210" * 2
GIVEN = Secrets("", GUEK, GAK)

pytestmark = pytest.mark.django_db


@pytest.fixture
def meter():
    return MeterFactory.create(serial="E1")


def issued(meter):
    return keys.issue(meter.pk)


class TestGive:
    def test_keeps_nothing_readable(self, meter):
        keys.give(meter=meter, given=GIVEN)

        with connection.cursor() as cursor:
            cursor.execute("SELECT k::text FROM meters_meterkeys k")
            (row,) = cursor.fetchone()
        trail = str(list(AuditEntry.objects.values()))
        for text in (row, trail, repr(GIVEN), repr(MeterKeys.objects.get())):
            assert GUEK not in text
            assert GAK not in text
        assert MeterKeys.objects.get().sealed not in trail

    @pytest.mark.parametrize(
        "given",
        [
            Secrets(),
            Secrets("secret", GUEK, GAK),
            Secrets("", GUEK, ""),
            Secrets("", GUEK[:-1], GAK),
            Secrets("", "x" * 32, GAK),
            Secrets("s" * 65),
        ],
    )
    def test_refuses_what_is_none_without_repeating_it(self, meter, given):
        with pytest.raises(BadKeys) as refused:
            keys.give(meter=meter, given=given)

        for secret in given:
            assert not secret or secret not in str(refused.value)
        assert not MeterKeys.objects.exists()

    def test_needs_something_to_encrypt_with(self, meter, settings):
        settings.SEALING_SECRETS = []

        with pytest.raises(sealing.NoSecret, match="SEALING_SECRETS"):
            keys.give(meter=meter, given=GIVEN)

    def test_goes_on_counting_when_keys_come_back(self, meter):
        keys.give(meter=meter, given=GIVEN)
        issued(meter)
        keys.give(meter=meter, given=GIVEN)

        assert issued(meter).counters.take() == 1 + BLOCK


class TestIssue:
    def test_opens_what_was_given(self, meter):
        keys.give(meter=meter, given=GIVEN)

        credentials = issued(meter)

        assert credentials.mechanism is Mechanism.HIGH_GMAC
        assert tuple(credentials.keys) == tuple(Keys(bytes.fromhex(GUEK), bytes.fromhex(GAK)))
        assert len(credentials.title) == 8

    def test_gives_a_password(self, meter):
        keys.give(meter=meter, given=Secrets("12345678"))

        assert (issued(meter).mechanism, issued(meter).password) == (Mechanism.LOW, b"12345678")
        assert MeterKeys.objects.get().next_counter == 1

    def test_has_nothing_for_a_meter_without(self, meter):
        assert keys.issue(meter.pk) is NOTHING

    def test_never_gives_a_counter_twice(self, meter):
        keys.give(meter=meter, given=GIVEN)
        first, second = issued(meter).counters, issued(meter).counters

        taken = [counters.take() for counters in (first, second) for _ in range(BLOCK)]

        assert taken == list(range(1, 1 + 2 * BLOCK))

    def test_ends_before_counters_begin_again(self, meter):
        keys.give(meter=meter, given=GIVEN)
        MeterKeys.objects.update(next_counter=2**32 - BLOCK)
        assert issued(meter).counters.take() == 2**32 - BLOCK

        with pytest.raises(Withheld, match="new keys"):
            issued(meter)

    def test_keys_of_another_meter_do_not_open(self, meter):
        other = MeterFactory.create()
        keys.give(meter=other, given=GIVEN)
        MeterKeys.objects.update(meter=meter)

        with pytest.raises(Withheld, match="something else"):
            issued(meter)

    def test_is_told_from_no_secret(self, meter, settings):
        keys.give(meter=meter, given=GIVEN)
        settings.SEALING_SECRETS = [Fernet.generate_key().decode()]

        with pytest.raises(Withheld, match="No key of SEALING_SECRETS"):
            issued(meter)


class TestNote:
    def refuse(self, meter, counter=None, used=5):
        shown = Credentials(counters=CounterBlock(used + 1, used + 2))
        keys.note([Shown(meter.pk, shown, True, counter)], now=NOW)

    def accept(self, meter, heard):
        shown = Credentials(heard=Watermark(heard))
        keys.note([Shown(meter.pk, shown, False)], now=NOW)

    def test_holds_a_meter_at_the_third(self, meter):
        keys.give(meter=meter, given=GIVEN)
        for _ in range(2):
            self.refuse(meter)
        assert issued(meter)

        self.refuse(meter)

        with pytest.raises(Withheld, match="refused the password or keys"):
            issued(meter)
        assert MeterAlert.objects.get().severity == "error"
        keys.give(meter=meter, given=GIVEN)
        assert issued(meter)

    def test_begins_anew_after_a_success(self, meter):
        keys.give(meter=meter, given=GIVEN)
        self.refuse(meter)
        self.refuse(meter)
        self.accept(meter, 77)
        self.refuse(meter)

        assert MeterKeys.objects.get().held_at is None
        assert issued(meter).heard.value == 77

    def test_goes_on_from_the_counter_that_the_meter_heard(self, meter):
        keys.give(meter=meter, given=GIVEN)

        self.refuse(meter, counter=70_000)

        assert MeterKeys.objects.get().refusals == 0
        assert issued(meter).counters.take() == 70_001

    def test_is_not_led_to_the_end_of_all_counters(self, meter):
        keys.give(meter=meter, given=GIVEN)

        self.refuse(meter, counter=2**32 - 1)

        assert MeterKeys.objects.get().refusals == 1
        assert MeterKeys.objects.get().next_counter == 1

    def test_a_lower_counter_is_no_excuse(self, meter):
        keys.give(meter=meter, given=GIVEN)

        self.refuse(meter, counter=4)

        assert MeterKeys.objects.get().refusals == 1


class TestReencrypt:
    def test_lets_the_old_secret_go(self, meter, settings):
        keys.give(meter=meter, given=GIVEN)
        old, new = settings.SEALING_SECRETS[0], Fernet.generate_key().decode()
        settings.SEALING_SECRETS = [new, old]

        call_command("reseal")

        settings.SEALING_SECRETS = [new]
        assert issued(meter).keys.encryption.hex() == GUEK

    def test_changes_nothing_where_one_does_not_open(self, meter, settings):
        keys.give(meter=meter, given=GIVEN)
        before = MeterKeys.objects.get().sealed
        settings.SEALING_SECRETS = [Fernet.generate_key().decode()]

        with pytest.raises(CommandError, match="opens"):
            call_command("reseal")
        assert MeterKeys.objects.get().sealed == before


class TestImport:
    HEAD = "serial,password,encryption_key,authentication_key\n"

    def run(self, tmp_path, text):
        file = tmp_path / "keys.csv"
        file.write_text(text)
        call_command("meter_keys", "import", str(file))

    def test_stores_all(self, meter, tmp_path, capsys, caplog):
        MeterFactory.create(serial="E2")
        with caplog.at_level(logging.DEBUG):
            self.run(tmp_path, f"{self.HEAD}E1,,{GUEK},{GAK}\nE2,12345678,,\n")

        assert issued(meter).keys.encryption.hex() == GUEK
        assert MeterKeys.objects.get(meter__serial="E2").level == "low"
        assert "2 meters" in capsys.readouterr().out
        assert GUEK not in caplog.text

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (f"{HEAD}E1,,{GUEK},{GAK}\nE9,12345678,,\n", "line 3: there is no meter"),
            (f"{HEAD}E1,,{GUEK},12\n", "line 2: Give the authentication key"),
            ("serial,password\nE1,x\n", "unknown columns: authentication_key, encryption_key"),
        ],
    )
    def test_or_nothing(self, meter, tmp_path, text, words):
        with pytest.raises(CommandError, match=words):
            self.run(tmp_path, text)
        assert not MeterKeys.objects.exists()


def test_the_form_never_shows_what_it_holds(meter):
    kept = keys.give(meter=meter, given=GIVEN)
    shown = str(MeterKeysForm(instance=kept))
    wrong = MeterKeysForm({"meter": meter.pk, "encryption_key": GUEK}, instance=kept)

    assert GUEK not in shown
    assert "32 hexadecimal digits" in str(wrong.errors)
    assert GUEK not in str(wrong)


def test_a_hundred_years_of_rounds():
    rounds = timedelta(days=365) / timedelta(minutes=15)

    assert 2**32 / (rounds * BLOCK) > 100
