"""Rate tables out to JSON and in again, and the published ones."""

import json
import re
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from estates.tests.factories import EstateFactory
from rates import catalogue, exchange
from rates.documents import FORMAT, InvalidDocument
from rates.models import RateTable, RateTableVersion
from rates.tests.factories import RateTableFactory, flat

pytestmark = pytest.mark.django_db

DOCS = Path(__file__).parents[2] / "docs" / "rate-tables.md"
JANUARY, JULY = date(2026, 1, 1), date(2026, 7, 1)


def document(**changes):
    return {
        "format": FORMAT,
        "name": "Residential",
        "utility": "electricity",
        "versions": [version("2026-01-01", "2.10"), version("2026-07-01", "2.40")],
    } | changes


def version(first, price, **changes):
    return {"effective_from": first, "components": flat(price)} | changes


def problems_of(written, **options):
    before = list(RateTable.objects.values()), list(RateTableVersion.objects.values())
    with pytest.raises(InvalidDocument) as caught:
        exchange.import_table(written, **options)
    after = list(RateTable.objects.values()), list(RateTableVersion.objects.values())
    assert after == before
    return [(problem.path, problem.code) for problem in caught.value.problems]


def shown(table):
    return [
        (one.number, str(one.effective_from), str(one.effective_to), one.components[0]["price"])
        for one in table.versions.order_by("number")
    ]


class TestImport:
    def test_creates_versions_that_follow_each_other(self):
        outcome = exchange.import_table(document())

        assert (outcome.created, outcome.changed, outcome.unchanged) == (2, 0, 0)
        assert shown(outcome.table) == [
            (1, "2026-01-01", "2026-07-01", "2.10"), (2, "2026-07-01", "None", "2.40"),
        ]  # fmt: skip

    def test_again_writes_nothing(self):
        first = exchange.import_table(document())
        before = list(RateTableVersion.objects.values())

        again = exchange.import_table(document())

        assert (again.table, again.created, again.changed, again.unchanged) == (
            first.table, 0, 0, 2,
        )  # fmt: skip
        assert list(RateTableVersion.objects.values()) == before

    def test_changes_what_priced_nothing_and_adds_what_is_new(self):
        exchange.import_table(document())
        third = [version("2026-07-01", "2.50"), version("2027-07-01", "2.70")]

        outcome = exchange.import_table(document(versions=third))

        assert (outcome.created, outcome.changed, outcome.unchanged) == (1, 1, 0)
        assert shown(outcome.table) == [
            (1, "2026-01-01", "2026-07-01", "2.10"),
            (2, "2026-07-01", "2027-07-01", "2.50"),
            (3, "2027-07-01", "None", "2.70"),
        ]

    def test_ends_a_used_version_but_never_changes_it(self):
        table = exchange.import_table(document(versions=[version("2026-01-01", "2.10")])).table
        table.versions.update(used_at=timezone.now())

        changed = document(versions=[version("2026-01-01", "9.99")])
        assert problems_of(changed) == [("versions[0]", "version_used")]
        outcome = exchange.import_table(document())

        assert (outcome.created, outcome.changed) == (1, 1)
        assert shown(table)[0] == (1, "2026-01-01", "2026-07-01", "2.10")
        other_rule = document(mid_month="prorate_blocks")
        assert problems_of(other_rule) == [("mid_month", "rate_table_used")]
        ended = document(versions=[version("2026-01-01", "2.10", effective_to="2026-03-01")])
        assert problems_of(ended) == [("versions[0]", "version_used")]

    def test_is_an_estates_own_beside_the_shared_one(self):
        estate = EstateFactory.create()

        own = exchange.import_table(document(), estate=estate).table
        shared = exchange.import_table(document()).table

        assert (own.estate, shared.estate) == (estate, None)

    def test_knows_the_same_prices_in_other_words(self):
        table = RateTableFactory.create(
            name="Residential",
            version__components=[{"kind": "block", "blocks": [{"price": 2.1}]}],
        )
        table.versions.update(used_at=timezone.now())

        outcome = exchange.import_table(exchange.export_table(table))

        assert (outcome.created, outcome.changed, outcome.unchanged) == (0, 0, 1)

    @pytest.mark.parametrize(
        ("changes", "path", "code"),
        [
            pytest.param({"format": "other/2"}, "format", "unknown_format", id="format"),
            pytest.param({"name": ""}, "name", "not_a_text", id="no name"),
            pytest.param({"utility": None}, "utility", "missing", id="no utility"),
            pytest.param({"utility": "gas"}, "utility", "unknown_choice", id="utility"),
            pytest.param({"mid_month": "reset"}, "mid_month", "unknown_choice", id="rule"),
            pytest.param({"is_reference": "yes"}, "is_reference", "not_a_flag", id="flag"),
            pytest.param({"vat": "15"}, "vat", "unknown_field", id="unknown field"),
            pytest.param({"calendar": "nope"}, "calendar", "unknown_calendar", id="calendar"),
            pytest.param({"versions": []}, "versions", "missing", id="no versions"),
            pytest.param(
                {"versions": [version("July", "1")]},
                "versions[0].effective_from",
                "not_a_day",
                id="day",
            ),
            pytest.param(
                {"versions": [version("2026-01-01", "1", effective_to="2026-01-01")]},
                "versions[0].effective_to",
                "ends_too_early",
                id="no days",
            ),
            pytest.param(
                {"versions": [version("2026-01-01", "-1")]},
                "versions[0].components[0].price",
                "negative",
                id="component",
            ),
            pytest.param(
                {"versions": [version("2026-01-01", "1", components="2.10")]},
                "versions[0].components",
                "missing",
                id="no components",
            ),
            pytest.param(
                {"versions": [version("2026-01-01", "1"), version("2026-01-01", "2")]},
                "versions",
                "versions_overlap",
                id="twice the same day",
            ),
            pytest.param(
                {"versions": [version("2026-01-01", "1", effective_to="2026-08-01"),
                              version("2026-07-01", "2")]},
                "versions",
                "versions_overlap",
                id="overlap",
            ),
        ],
    )  # fmt: skip
    def test_refuses_what_is_wrong_and_changes_nothing(self, changes, path, code):
        exchange.import_table(document(name="Another"))

        assert (path, code) in problems_of(document(**changes))

    def test_refuses_a_version_before_the_newest(self):
        exchange.import_table(document())

        early = document(versions=[version("2025-01-01", "1")])
        assert problems_of(early) == [("versions[0]", "not_later")]

    def test_warns_of_cents(self):
        outcome = exchange.import_table(document(versions=[version("2026-01-01", "210")]))

        assert [found.path for found in outcome.warnings] == ["version from 2026-01-01[0].price"]

    def test_reads_the_example_of_the_documentation(self):
        (example,) = re.findall(r"```json\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)

        outcome = exchange.import_table(json.loads(example))

        assert exchange.export_table(outcome.table) == json.loads(example)


class TestCommands:
    def test_export_and_import_go_round(self, tmp_path):
        catalogue.load()
        for table in RateTable.objects.all():
            call_command(
                "export_rate_table", str(table.pk), output=tmp_path / "one.json",
                stdout=StringIO(),
            )  # fmt: skip
            exported = exchange.export_table(table)
            written = json.loads((tmp_path / "one.json").read_text(encoding="utf-8"))
            assert written == exported
            assert exchange.import_table(written).unchanged == table.versions.count()

    def test_export_asks_which_of_several(self):
        for licensee in ("One", "Two"):
            RateTableFactory.create(name="Residential", licensee=licensee)
        out = StringIO()

        call_command("export_rate_table", "Residential", licensee="Two", stdout=out)

        assert json.loads(out.getvalue())["licensee"] == "Two"
        with pytest.raises(CommandError, match="choose one by id or licensee"):
            call_command("export_rate_table", "Residential")
        with pytest.raises(CommandError, match="There is no rate table"):
            call_command("export_rate_table", "Nothing")

    def test_import_says_what_it_did_and_checks_without_doing(self, tmp_path):
        file, out = tmp_path / "in.json", StringIO()
        file.write_text(json.dumps(document()), encoding="utf-8")

        call_command("import_rate_table", str(file), check=True, stdout=out)
        assert "Checked: Residential: 2 versions created" in out.getvalue()
        assert not RateTable.objects.exists()

        estate = EstateFactory.create()
        call_command("import_rate_table", str(file), estate=estate.code, stdout=out)
        assert RateTable.objects.get().estate == estate

    def test_import_names_what_is_wrong(self, tmp_path):
        file, errors = tmp_path / "in.json", StringIO()
        file.write_text(json.dumps(document(utility="gas", name="")), encoding="utf-8")

        with pytest.raises(CommandError, match="2 to put right; nothing was changed"):
            call_command("import_rate_table", str(file), stderr=errors)
        assert "utility: Use one of" in errors.getvalue()
        file.write_text("{", encoding="utf-8")
        with pytest.raises(CommandError, match="cannot be read as JSON"):
            call_command("import_rate_table", str(file))
        file.write_text("{}", encoding="utf-8")
        with pytest.raises(CommandError, match="no estate"):
            call_command("import_rate_table", str(file), estate="NONE")


class TestCatalogue:
    def test_loads_once_and_says_what_it_has(self):
        first, again = StringIO(), StringIO()
        call_command("load_tariffs", stdout=first)
        before = list(RateTableVersion.objects.values())
        call_command("load_tariffs", stdout=again)

        count = len(catalogue.published())
        assert f"{count} of {count} versions are new." in first.getvalue()
        assert f"0 of {count} versions are new." in again.getvalue()
        assert list(RateTableVersion.objects.values()) == before
        assert "2024-07-01 to 2025-07-01, year inferred; published: NERSA" in first.getvalue()
        assert not RateTableVersion.objects.filter(confidence="").exists()
        assert not RateTableVersion.objects.filter(source="").exists()

    def test_leaves_what_somebody_changed(self):
        catalogue.load()
        table = RateTable.objects.get(name="Homeflex 1")
        newest = table.versions.latest("number")
        RateTableVersion.objects.filter(pk=newest.pk).update(components=flat("9"))

        assert {one.state for one in catalogue.load()} == {catalogue.KNOWN}
        newest.refresh_from_db()
        assert newest.components == flat("9")

    def test_adds_a_year_after_those_that_are_there(self):
        catalogue.load()
        table = RateTable.objects.get(name="Homeflex 1")
        table.versions.filter(number=2).delete()
        table.versions.update(effective_to=None)

        states = [one.state for one in catalogue.load() if one.entry["name"] == "Homeflex 1"]

        assert states == [catalogue.KNOWN, catalogue.NEW]
        assert [str(one.effective_to) for one in table.versions.order_by("number")] == [
            "2026-04-01", "None",
        ]  # fmt: skip

    def test_has_no_place_for_a_year_before_the_newest(self):
        table = RateTableFactory.create(
            name="Homeflex 1", licensee="Eskom", version__effective_from=date(2027, 1, 1)
        )

        states = {one.state for one in catalogue.load() if one.entry["name"] == "Homeflex 1"}

        assert states == {catalogue.LEFT_OUT}
        assert table.versions.count() == 1
