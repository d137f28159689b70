"""Readings by hand and from a file in the portal, and the preview over the API."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts import roles
from accounts.tests.factories import UserFactory
from meters.importing import files
from meters.models import Interval, Reading, ReadingConflict
from meters.tests.factories import LoraDeviceFactory, MeterFactory, RegisterFactory
from meters.tests.recording import at, new_meter, record
from quantify.tests.browser import page, sign_in  # noqa: F401  (a fixture)
from quantify.tests.client import Client

pytestmark = pytest.mark.django_db

DAY = 96
LIST = "admin:meters_reading_import_file"


@pytest.fixture
def meter():
    """A meter that used 1 kWh in each of ten days."""
    made = new_meter(serial="E1")
    record(made, {day * DAY: 100_000 + day * 1000 for day in range(11)})
    return made


def person_of(meter, role=roles.PROPERTY_MANAGER):
    user = UserFactory.create(role=role)
    meter.estate.memberships.create(user=user)
    return user


def browser_of(meter, role=roles.PROPERTY_MANAGER):
    browser = Browser()
    browser.force_login(person_of(meter, role), backend="accounts.backends.RoleBackend")
    return browser


def stored():
    return Reading.objects.count(), Interval.objects.count(), ReadingConflict.objects.count()


class TestPreviewOverTheApi:
    def asked(self, meter, quarter, value, **more):
        client = Client(person_of(meter))
        body = {"taken_at": at(quarter).isoformat(), "value": value}
        return client.post(f"/meters/{meter.pk}/readings?preview=true", body | more)

    def test_says_what_a_reading_would_mean_and_stores_nothing(self, meter):
        before = stored()

        answer = self.asked(meter, 12 * DAY, "111.500")

        told = answer.json()["data"]
        assert answer.status_code == 200
        assert (told["outcome"]["result"], told["previous_value"], told["used_since_previous"]) == (
            "created", "110.000", "1.500",
        )  # fmt: skip
        assert told["usual_per_day"] == "1.000"
        assert told["warnings"] == ["2 days were not read: their use is spread as on like days."]
        assert stored() == before

    @pytest.mark.parametrize(
        ("quarter", "value", "words"),
        [
            pytest.param(12 * DAY, "118.000", "4.0 times what is usual", id="much"),
            pytest.param(12 * DAY, "110.100", "5% of what is usual", id="little"),
            pytest.param(9 * DAY + 4, "109.100", "There are later readings", id="between"),
            pytest.param(-DAY, "99.000", "no valid reading before it", id="the first"),
        ],
    )
    def test_warns(self, meter, quarter, value, words):
        told = self.asked(meter, quarter, value).json()["data"]

        assert told["outcome"]["result"] == "created"
        assert any(words in warning for warning in told["warnings"]), told["warnings"]

    def test_says_that_a_register_started_again(self):
        meter = new_meter(span=100_000)
        record(meter, {0: 99_500})

        told = self.asked(meter, 4, "0.100").json()["data"]

        assert told["used_since_previous"] == "0.600"
        assert any("started again at zero" in warning for warning in told["warnings"])

    def test_says_why_a_reading_would_not_be_taken(self, meter):
        told = self.asked(meter, 12 * DAY, "50.000").json()["data"]

        assert (told["outcome"]["result"], told["used_since_previous"]) == ("rejected", None)
        assert "cannot have gone back" in told["outcome"]["reason"]

    def test_rehearses_a_batch_together(self, meter):
        rows = [(12, "111.000"), (13, "112.000")]
        body = {"readings": [{"taken_at": at(d * DAY).isoformat(), "value": v} for d, v in rows]}

        answer = Client(person_of(meter)).post(f"/meters/{meter.pk}/readings?preview=true", body)

        used = [one["used_since_previous"] for one in answer.json()["data"]["results"]]
        assert used == ["1.000", "1.000"]

    def test_is_closed_to_viewers_and_hidden_from_others(self, meter):
        body = {"taken_at": at(12 * DAY).isoformat(), "value": "111"}
        address = f"/meters/{meter.pk}/readings?preview=true"

        assert Client(person_of(meter, roles.VIEWER)).post(address, body).status_code == 403
        assert Client(person_of(MeterFactory.create())).post(address, body).status_code == 404


class TestEntering:
    def url(self, meter):
        return reverse("admin:meters_meter_enter_reading", args=[meter.pk])

    def filled(self, quarter, value):
        local = at(quarter) + timedelta(hours=2)
        return {"taken_at_0": f"{local:%Y-%m-%d}", "taken_at_1": f"{local:%H:%M}", "value": value}

    def test_is_asked_shown_and_stored_once(self, meter):
        browser, before = browser_of(meter), stored()
        filled = self.filled(12 * DAY, "118.000")

        assert "Enter a reading" in browser.get(self.url(meter)).content.decode()
        shown = browser.post(self.url(meter), filled | {"_preview": ""}).content.decode()
        assert "8.000" in shown
        assert "4.0 times what is usual" in shown
        assert stored() == before
        for _ in range(2):
            assert browser.post(self.url(meter), filled | {"_confirm": ""}).status_code == 302
        made = Reading.objects.get(taken_at=at(12 * DAY))
        assert (made.value, made.source) == (118_000, "manual")
        assert LogEntry.objects.filter(object_id=meter.pk).count() == 1

    def test_says_what_is_wrong_beside_the_field(self, meter):
        for button in ("_preview", "_confirm"):
            answer = browser_of(meter).post(
                self.url(meter), self.filled(12 * DAY, "50.000") | {button: ""}
            )
            assert "cannot have gone back" in answer.context["form"].errors["value"][0]
        assert stored()[0] == 11

    def test_asks_for_the_register_where_there_are_several(self, meter):
        RegisterFactory.create(meter=meter, channel=2)

        filled = self.filled(12 * DAY, "4.000") | {"channel": "2", "_confirm": ""}
        assert browser_of(meter).post(self.url(meter), filled).status_code == 302

        assert Reading.objects.get(taken_at=at(12 * DAY)).channel == 2

    def test_is_closed_to_viewers_and_hidden_from_others(self, meter):
        filled = self.filled(12 * DAY, "111.000") | {"_confirm": ""}

        assert browser_of(meter, roles.VIEWER).get(self.url(meter)).status_code == 403
        elsewhere = browser_of(MeterFactory.create())
        assert elsewhere.post(self.url(meter), filled).status_code == 404
        assert stored()[0] == 11

    def test_shows_battery_and_signal_on_the_meters_page(self, meter):
        LoraDeviceFactory.create(meter=meter, model="uc300", battery_percent=73, rssi=-101, snr=4.5)

        page_of_meter = reverse("admin:meters_meter_change", args=[meter.pk])
        shown = browser_of(meter, roles.VIEWER).get(page_of_meter).content.decode()

        assert "Battery 73 %, signal -101 dBm, 4.5 dB above noise" in shown


def table(*rows):
    return "\n".join(["meter,taken_at,value", *rows]).encode()


def row(quarter, value, serial="E1"):
    return f"{serial},{at(quarter).isoformat()},{value}"


class TestImporting:
    def upload(self, browser, content):
        return browser.post(reverse(LIST), {"file": SimpleUploadedFile("readings.csv", content)})

    def test_previews_then_records_what_passes(self, meter):
        browser, before = browser_of(meter), stored()
        content = table(
            row(12 * DAY, "111"), row(13 * DAY, "50"), row(14 * DAY, "1", "=FOREIGN"),
            row(DAY, "7"), row(0, "100"),
        )  # fmt: skip

        seen = self.upload(browser, content)
        shown = seen.content.decode()
        assert stored() == before
        assert "Import 1 reading" in shown
        assert "cannot have gone back" in shown
        assert [line.number for line, *_ in seen.context["rows"]] == [3, 4, 5, 6, 2]

        mark = {"mark": seen.context["mark"]}
        left_out = browser.post(reverse(LIST), mark | {"_failures": ""})
        listed = b"".join(left_out.streaming_content).decode()
        assert [one.split(",")[0] for one in listed.splitlines()] == ["line", "3", "4", "5"]
        assert "'=FOREIGN" in listed
        assert stored() == before

        for _ in range(2):
            done = browser.post(reverse(LIST), mark | {"_confirm": ""})
            assert done.status_code == 302
        assert stored()[0] == before[0] + 1
        assert LogEntry.objects.get().object_id == str(meter.pk)

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            pytest.param(b"a,b\n1,2", "missing: meter", id="columns"),
            pytest.param(b"\xff\xfe\x00", "not UTF-8", id="no text"),
            pytest.param(b"x" * (files.LARGEST + 1), "larger than", id="too large"),
        ],
    )
    def test_refuses_what_is_no_table(self, meter, content, words):
        answer = self.upload(browser_of(meter), content)

        assert words in answer.context["form"].errors["file"][0]

    def test_asks_again_when_the_file_is_gone_or_anothers(self, meter):
        seen = self.upload(browser_of(meter), table(row(12 * DAY, "111")))

        for mark in (seen.context["mark"], "x y\n", "é" * 500):
            answer = browser_of(meter).post(reverse(LIST), {"mark": mark, "_confirm": ""})
            assert "choose it again" in answer.content.decode()
        assert stored()[0] == 11

    def test_is_closed_to_viewers_and_finds_no_foreign_meter(self, meter):
        assert browser_of(meter, roles.VIEWER).get(reverse(LIST)).status_code == 403
        seen = self.upload(browser_of(MeterFactory.create()), table(row(12 * DAY, "111")))
        assert "There is no such meter" in seen.content.decode()


@pytest.mark.chromium
@pytest.mark.django_db(transaction=True)
class TestInABrowser:
    @pytest.fixture
    def tab(self, page: Page, live_server, meter) -> Page:  # noqa: F811
        sign_in(page, live_server.url, person_of(meter).username)
        return page

    def test_imports_a_file(self, tab, live_server, meter):
        tab.goto(live_server.url + reverse("admin:meters_reading_changelist"))
        tab.get_by_role("link", name="Import").click()
        content = table(row(12 * DAY, "111"), row(13 * DAY, "50"))
        tab.set_input_files(
            "[name=file]", {"name": "readings.csv", "mimeType": "text/csv", "buffer": content}
        )
        tab.get_by_role("button", name="Preview").click()
        expect(tab.get_by_role("row", name="Rejected")).to_contain_text("cannot have gone back")
        with tab.expect_download() as waiting:
            tab.get_by_role("button", name="Download left out lines").click()
        assert waiting.value.suggested_filename == "readings-not-imported.csv"

        tab.get_by_role("button", name="Import 1 reading").dblclick()

        expect(tab.get_by_text("The file was imported.")).to_be_visible()
        assert Reading.objects.get(taken_at=at(12 * DAY)).source == "manual"

    def test_enters_a_reading(self, tab, live_server, meter):
        tab.goto(live_server.url + reverse("admin:meters_meter_change", args=[meter.pk]))
        tab.get_by_role("link", name="Enter reading").click()
        tab.fill("[name=taken_at_0]", "2026-06-20")
        tab.fill("[name=taken_at_1]", "00:00")
        tab.fill("[name=value]", "118")
        tab.get_by_role("button", name="Preview").click()
        expect(tab.get_by_text("4.0 times what is usual")).to_be_visible()

        tab.get_by_role("button", name="Store").dblclick()

        tab.wait_for_url("**/meter/**/change/")
        assert Reading.objects.get(taken_at=at(12 * DAY)).value == 118_000
