"""Importing readings in the portal: a file, what it would come to, and a yes."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.utils import timezone
from unfold.widgets import UnfoldAdminFileFieldWidget

from accounts.models import User
from accounts.people import signed_in
from meters.importing import files, holding
from meters.importing import readings as importing
from meters.importing.files import Line
from meters.importing.readings import Imported, Outcome
from meters.models import Meter
from quantify.portal.actions import action
from quantify.portal.pages import ask, list_url
from quantify.tables.files import download

SHOWN = 200
TITLE = "Import readings"
INTRO = (
    "A CSV file whose first line names the columns: meter (serial), taken_at (2026-07-01 08:15, "
    "local time of the estate), value (kWh or kl) and, where a meter has several registers, "
    "register (import, export or volume). You see what each line comes to before it is recorded."
)
GONE = "The file is no longer kept: choose it again."
WORDS = {"created": "New", "duplicate": "Known", "conflict": "Contradicts", "rejected": "Rejected"}
LOOKS = {"created": "success", "duplicate": "muted", "conflict": "warning", "rejected": "danger"}
WORST_FIRST = ("rejected", "conflict", "duplicate", "created")


class FileForm(forms.Form):
    file = forms.FileField(
        label="CSV file",
        help_text=f"At most {files.LARGEST // 1024**2} MB and {files.MOST_LINES:,} lines.",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,text/csv,text/plain"}),
    )

    def clean_file(self) -> bytes:
        """The file's content, as far as a file may reach."""
        content: bytes = self.cleaned_data["file"].read(files.LARGEST + 1)
        return content


class ImportingMixin:
    """The button and the pages of an import, for the list of readings."""

    def has_import_file_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return request.user.has_perm("meters.add_reading")

    @action("Import", permission="import_file", icon="upload_file")
    def import_file(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for a file; show what it would come to; record it once a person says yes."""
        person = signed_in(request)
        if mark := request.POST.get("mark", ""):
            content = holding.held(person.pk, mark)
            if content is None:
                messages.warning(request, GONE)
                return self._asked(request, FileForm())
            return self._answered(request, person, mark, files.read(content))
        form = FileForm(request.POST or None, request.FILES or None)
        if not form.is_valid():
            return self._asked(request, form)
        content = form.cleaned_data["file"]
        try:
            lines = files.read(content)
        except files.NotATable as error:
            form.add_error("file", str(error))
            return self._asked(request, form)
        return self._previewed(request, person, holding.hold(person.pk, content), lines)

    def _asked(self, request: HttpRequest, form: FileForm) -> HttpResponseBase:
        page: Any = self
        words = {"title": TITLE, "intro": INTRO, "submit_words": "Preview"}
        return ask(request, page, None, form=form, template="portal/counter.html", **words)

    def _previewed(
        self, request: HttpRequest, person: User, mark: str, lines: list[Line]
    ) -> HttpResponseBase:
        page: Any = self
        told = importing.preview(lines, user=person, now=timezone.now())
        return ask(
            request,
            page,
            None,
            title="What the file would come to",
            form=FileForm(),
            mark=mark,
            counts=[(WORDS[name], LOOKS[name], count) for name, count in told.counts.items()],
            rows=_rows(told),
            left_out=max(len(told.outcomes) - SHOWN, 0),
            failed=len(told.failures),
            created=told.counts["created"],
            template="portal/import_preview.html",
        )

    def _answered(
        self, request: HttpRequest, person: User, mark: str, lines: list[Line]
    ) -> HttpResponseBase:
        page: Any = self
        if "_failures" in request.POST:
            told = importing.preview(lines, user=person, now=timezone.now())
            return download(importing.failures(told), "csv", "readings-not-imported")
        if "_confirm" not in request.POST:
            return self._previewed(request, person, mark, lines)
        told = importing.record(lines, user=person, now=timezone.now())
        _log(person, told)
        counts = ", ".join(f"{count} {WORDS[name].lower()}" for name, count in told.counts.items())
        show = messages.warning if told.failures else messages.success
        show(request, f"The file was imported. Lines: {counts}.")
        return HttpResponseRedirect(list_url(page))


def _rows(told: Imported) -> list[tuple[Line, str, str, str]]:
    """Lines with their results, the worst first."""

    def rank(one: Outcome) -> tuple[int, int]:
        return WORST_FIRST.index(one.result), one.line.number

    worst = sorted(told.outcomes, key=rank)[:SHOWN]
    return [(one.line, WORDS[one.result], LOOKS[one.result], one.reason) for one in worst]


def _log(person: User, told: Imported) -> None:
    """Note at each meter that came to new readings who imported them."""
    serials = {one.line.meter for one in told.outcomes if one.result == "created"}
    if serials:
        meters = Meter.objects.visible_to(person).alive().filter(serial__in=serials)
        words = "Readings were imported from a file."
        LogEntry.objects.log_actions(person.pk, meters, CHANGE, words)
