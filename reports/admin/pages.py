"""The pages of the reports: what is asked, charts, the table, and the same as files."""

from itertools import islice
from typing import Any

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.people import signed_in
from quantify.snapshots import snapshot
from quantify.tables.files import FORMATS, TooManyRows, download
from reports.admin import tables
from reports.catalogue import PAGES
from reports.charts.of_reports import charts
from reports.forms import ReportForm
from reports.report import BEGINNING, Answer, Note, Question, Report

SHOWN_ROWS = 500


def show(request: HttpRequest, page: ModelAdmin, slug: str) -> HttpResponseBase:
    """
    One report of an estate that the person sees, of the days that are asked for.

    :raises PermissionDenied: if the person may not read reports.
    :raises Http404: if there is no such report.
    """
    user = signed_in(request)
    if not user.has_perm("reports.view_report"):
        raise PermissionDenied
    report = PAGES.get(slug)
    if report is None:
        raise Http404("There is no such report.")
    form = ReportForm(request.GET, report=report, user=user, now=timezone.now())
    context: dict[str, Any] = {}
    if form.is_valid():
        question, asked = form.question(), form.asked()
        with snapshot(), report.answer(question) as answer:
            if (kind := request.GET.get("format", "")) in FORMATS:
                try:
                    table = report.table(question, answer.rows)
                    return download(table, kind, report.file_name(question))
                except TooManyRows as error:
                    form.add_error(None, str(error))
            else:
                context = on_screen(report, question, answer, user)
                context["files"] = [(one.upper(), f"?{asked}&format={one}") for one in FORMATS]
    return TemplateResponse(
        request,
        "portal/report.html",
        {
            **page.admin_site.each_context(request),
            "title": report.title,
            "report": report,
            "form": form,
            "media": page.media + form.media,
            **context,
        },
    )


def on_screen(report: Report, question: Question, answer: Answer, user: User) -> dict[str, Any]:
    """What the page shows of an answer; of many rows the first."""
    rows = list(islice(answer.rows, SHOWN_ROWS + 1) if answer.count else answer.rows)
    names = [column.name for column in report.columns[question.group_by]]
    named = [dict(zip(names, row, strict=True)) for row in rows]
    count = answer.count or len(rows)
    table = report.table(question, rows[:SHOWN_ROWS])
    return {
        "about": f"{question.estate}: {_days(question)}",
        "notes": [_note(note, user) for note in answer.notes],
        "charts": charts(report, question, answer, named),
        "shown": tables.shown(table, answer.totals),
        "count": count,
        "is_cut": count > SHOWN_ROWS,
        "sections": [
            (section.title, tables.shown(report.section(name, answer.sections.get(name, ()))))
            for name, section in report.sections.items()
        ],
    }


def _note(note: Note, user: User) -> tuple[str, str, str]:
    """The words of a note, and the page that it leads who may go there to."""
    leads = bool(note.leads_to) and user.has_perm(note.permission)
    return note.words, reverse(note.leads_to) if leads else "", note.link_words


def _days(question: Question) -> str:
    last = f"{question.last_day:%d %B %Y}"
    if question.first_day == BEGINNING:
        return f"up to {last}"
    return f"{question.first_day:%d %B %Y} to {last}"
