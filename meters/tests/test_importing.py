from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from accounts import roles
from accounts.tests.factories import UserFactory
from meters.importing import files
from meters.importing import readings as importing
from meters.importing.files import NotATable
from meters.models import Reading, ReadingConflict
from meters.tests.factories import RegisterFactory
from meters.tests.recording import LATER, at, intervals, new_meter, record
from quantify.tables.files import harmless, write_csv
from quantify.tests.client import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def meter():
    """A meter that showed 1.000 kWh at the beginning."""
    made = new_meter(serial="E1")
    record(made, {0: 1000})
    return made


@pytest.fixture
def manager(meter):
    user = UserFactory.create(role=roles.PROPERTY_MANAGER)
    meter.estate.memberships.create(user=user)
    return user


def table(*rows, head="meter,taken_at,value"):
    return "\n".join([head, *rows]).encode()


def row(quarter, value, serial="E1"):
    return f"{serial},{at(quarter).isoformat()},{value}"


def imported(content, user, work=importing.record):
    told = work(files.read(content), user=user, now=LATER)
    return [(one.line.number, one.result) for one in told.outcomes]


class TestFile:
    @pytest.mark.parametrize(
        ("content", "value"),
        [
            pytest.param(b"meter,taken_at,value\nE1,2026-06-08 00:15,1.5", "1.5", id="comma"),
            pytest.param(b"value;meter;taken_at\n1,5;E1;2026-06-08 00:15", "1.5", id="semicolon"),
            pytest.param(b"\xef\xbb\xbfmeter\ttaken_at\tvalue\r\nE1\t2026-06-08 00:15\t2\r\n", "2",
                         id="tab, with a mark"),
        ],
    )  # fmt: skip
    def test_is_read(self, content, value):
        (line,) = files.read(content)

        assert (line.number, line.meter, str(line.value), line.fault) == (2, "E1", value, "")

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "missing: meter, taken_at, value"),
            (b"meter,value\n", "missing: taken_at"),
            (b"meter,taken_at,value,price\n", "Unknown column: price"),
            (b"meter,meter,taken_at,value\n", "twice"),
            (b"\xff\xfe", "UTF-8"),
            (b"x" * (files.LARGEST + 1), "4 MB"),
            (b"meter,taken_at,value\n" + b"E1,x,1\n" * (files.MOST_LINES + 1), "50000 lines"),
            (b"meter,taken_at,value\n" + b"x" * 200_000, "Line 2"),
        ],
    )
    def test_that_is_none_is_refused(self, content, words):
        with pytest.raises(NotATable, match=words):
            files.read(content)

    @pytest.mark.parametrize(
        ("cells", "words"),
        [
            ("E1,yesterday,1", "is no time"),
            ("E1,0001-01-01,1", "is no time"),
            ("E1,2026-06-08 00:15,many", "is no number"),
            ("E1,2026-06-08 00:15", "2 cells"),
        ],
    )
    def test_says_what_is_wrong_with_a_line(self, cells, words):
        (line,) = files.read(table(cells))

        assert words in line.fault


class TestRecord:
    def test_answers_each_line(self, meter, manager):
        content = table(
            row(1, "1.010"), row(0, "1.000"), row(0, "1.001"), row(2, "0.900"), row(3, "1.030"),
            row(1, "1.010"), row(3.5, "1.035"), row(4, "1.040", "E9"),
        )  # fmt: skip

        assert imported(content, manager) == [
            (2, "created"), (3, "duplicate"), (4, "conflict"), (5, "rejected"), (6, "created"),
            (7, "duplicate"), (8, "rejected"), (9, "rejected"),
        ]  # fmt: skip
        assert intervals(meter) == {0: (10, "a"), 1: (10, "e"), 2: (10, "e")}
        assert ReadingConflict.objects.get().value == 1001
        assert set(Reading.objects.exclude(taken_at=at(0)).values_list("source", flat=True)) == {
            "manual"
        }

    def test_again_changes_nothing(self, meter, manager):
        content = table(row(1, "1.010"), row(2, "1.020"))
        imported(content, manager)

        assert {result for _, result in imported(content, manager)} == {"duplicate"}
        assert Reading.objects.count() == 3

    def test_a_preview_is_the_same_and_records_nothing(self, meter, manager):
        content = table(row(1, "1.010"), row(2, "0.900"), row(0, "1.001"))

        seen = imported(content, manager, importing.preview)

        assert Reading.objects.count() == 1
        assert not ReadingConflict.objects.exists()
        assert seen == imported(content, manager)

    def test_what_contradicts_later_readings_is_rejected(self, meter, manager):
        record(meter, {8: 1080})

        content = table(row(4, "2.000"), row(5, "1.050"))

        assert imported(content, manager) == [(2, "rejected"), (3, "rejected")]
        assert Reading.objects.filter(is_valid=True).count() == 2

    def test_an_early_fault_does_not_spoil_what_follows(self, meter, manager):
        content = table(row(1, "0.100"), row(2, "1.020"))

        assert imported(content, manager) == [(2, "rejected"), (3, "created")]

    def test_takes_the_register_by_name_and_local_time(self, meter, manager):
        RegisterFactory.create(meter=meter, channel=2)
        content = table(
            "E1,2026-06-08 00:15,0.007,export", "E1,2026-06-08 00:15,1.010,", "E1,2026-06-08,1,x",
            head="meter,taken_at,value,register",
        )  # fmt: skip

        assert [result for _, result in imported(content, manager)] == [
            "created", "created", "rejected",
        ]  # fmt: skip
        assert Reading.objects.get(channel=2).taken_at == at(1)

    def test_the_future_is_rejected(self, meter, manager):
        ahead = LATER + timedelta(days=40)
        content = table(f"E1,{ahead.isoformat()},2", row(1, "1.010"))

        assert imported(content, manager) == [(2, "rejected"), (3, "created")]

    def test_a_foreign_meter_does_not_exist(self, meter):
        stranger = UserFactory.create(role=roles.PROPERTY_MANAGER)

        told = importing.record(files.read(table(row(1, "1.010"))), user=stranger, now=LATER)

        assert told.outcomes[0].reason == importing.NO_METER
        assert Reading.objects.count() == 1

    def test_costs_no_statement_per_line(self, meter, manager, django_assert_max_num_queries):
        content = table(*(row(quarter, f"1.{quarter:03}") for quarter in range(1, 200)))

        with django_assert_max_num_queries(80):
            imported(content, manager)

    def test_failures_hold_no_formula(self, meter, manager, tmp_path):
        told = importing.record(
            files.read(table(row(1, "1.010", '=HYPERLINK(""x"")'))), user=manager, now=LATER
        )
        path = tmp_path / "failures.csv"
        with path.open("wb") as out:
            write_csv(importing.failures(told), out)

        assert harmless("=HYPERLINK") in path.read_text()
        assert ",=HYPERLINK" not in path.read_text()


class TestApi:
    def test_previews_and_imports(self, meter, manager):
        client = Client(manager)
        content = table(row(1, "1.010"), row(2, "0.900"))

        seen = client.post("/readings/import?preview=true", content, content_type="text/csv")
        assert seen.json()["data"]["counts"]["created"] == 1
        assert Reading.objects.count() == 1
        told = client.post("/readings/import", content, content_type="text/csv").json()["data"]
        assert told["failures"] == [
            {
                "line": 3,
                "meter": "E1",
                "result": "rejected",
                "reason": "The register cannot have gone back since the reading before it.",
            }
        ]
        assert Reading.objects.count() == 2

    @pytest.mark.parametrize(
        ("content", "query", "status"), [(b"x", "", 400), (b"", "?preview=maybe", 422)]
    )
    def test_refuses_nonsense(self, manager, content, query, status):
        answer = Client(manager).post(f"/readings/import{query}", content, content_type="text/csv")

        assert answer.status_code == status

    def test_is_closed_to_viewers(self, meter):
        viewer = UserFactory.create(role=roles.VIEWER)

        answer = Client(viewer).post("/readings/import", table(), content_type="text/csv")

        assert answer.status_code == 403


class TestCommand:
    def test_imports_a_file(self, meter, manager, tmp_path, capsys):
        path = tmp_path / "readings.csv"
        path.write_bytes(table(row(1, "1.010"), row(2, "0.900")))

        call_command("import_readings", str(path), "--as", manager.username, "--dry-run")
        assert Reading.objects.count() == 1
        call_command("import_readings", str(path), "--as", manager.username)

        assert Reading.objects.count() == 2
        assert "line 3: rejected" in capsys.readouterr().out

    def test_asks_who_imports(self, meter, tmp_path):
        with pytest.raises(CommandError, match="may not"):
            call_command("import_readings", str(tmp_path / "x"), "--as", "nobody")
