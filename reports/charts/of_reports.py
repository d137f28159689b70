"""Which charts show what a report answered."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from quantify.portal.formats import money_text
from quantify.quantities import Utility, as_kilo
from reports import arrears, reconciliation
from reports.charts.columns import Columns, Number, Slot, columns
from reports.charts.heat_map import HeatMap, heat_map
from reports.report import Answer, Question, Report

MOST = 40
"""So many units or meters fit side by side; the table has them all."""

type Chart = Columns | HeatMap
type Named = Mapping[str, Any]
type Rows = Sequence[Named]


def charts(report: Report, question: Question, answer: Answer, rows: Rows) -> list[Chart]:
    """The charts of an answer, without those that would be empty; `rows` by column names."""
    made = DRAWN[report.slug](rows, question, answer)
    return [one for one in made if one is not None]


def label(row: Named) -> str:
    """What a row is about, short enough to stand below a column."""
    for name in ("day", "month", "unit_number", "method", "level", "kind", "cause", "name"):
        if name in row:
            return _short(row[name])
    if "hour" in row:
        return f"{row['hour']:02}"
    return _short(row.get("utility") or row.get("serial"))


def _short(value: object) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        return f"{value:%d %b}"
    return str(value or "").replace("_", " ")


def _by_utility(rows: Rows) -> Iterable[tuple[Utility, list[Named]]]:
    for utility in Utility:
        if own := [row for row in rows if row["utility"] == utility]:
            yield utility, own


def _kilo(utility: Utility) -> Callable[[Number], str]:
    """kWh or kl as words."""
    return lambda value: f"{value:,.3f} {utility.unit}".replace(",", "\u00a0")


def _percent(value: Number) -> str:
    return f"{value} %"


def _plain(value: Number) -> str:
    return f"{value}"


def _rand(value: Number) -> str:
    return money_text(Decimal(value))


def _most(rows: Rows, name: str) -> list[Named]:
    """Those with the most, if there are more than fit."""
    if len(rows) <= MOST:
        return list(rows)
    return sorted(rows, key=lambda row: row[name] or 0, reverse=True)[:MOST]


def _consumption(rows: Rows, question: Question, _: Answer) -> Iterable[Chart | None]:
    for utility, own in _by_utility(rows):
        shown = _most(own, "consumption")
        title = f"{utility.value.capitalize()}, {utility.unit}"
        if len(shown) < len(own):
            title += f": the {len(shown)} units that used most"
        guessed = [row.get("estimated", 0) for row in shown]
        names = ["measured", "estimated"] if any(guessed) else ["used"]
        slots = [
            Slot(label(row), [as_kilo(row["consumption"] - part), as_kilo(part)][: len(names)])
            for row, part in zip(shown, guessed, strict=True)
        ]
        yield columns(title, names, slots, _kilo(utility))


def _analytics(rows: Rows, question: Question, _: Answer) -> Iterable[Chart | None]:
    by_day = question.group_by == "day"
    what, words = ("consumption", "by day") if by_day else ("average", "on an average day")
    if question.group_by == "weekday":
        words = "by weekday, on average"
    for utility, own in _by_utility(rows):
        title = f"{utility.value.capitalize()}, {utility.unit} {words}"
        slots = [Slot(label(row), [as_kilo(row[what])]) for row in own]
        yield columns(title, ["used"], slots, _kilo(utility))


def _reconciliation(rows: Rows, question: Question, _: Answer) -> Iterable[Chart | None]:
    for utility, own in _by_utility(rows):
        name = utility.value.capitalize()
        if question.group_by is reconciliation.GroupBy.HOUR:
            shares = {
                (row["weekday"], row["hour"]): row["percent"]
                for row in own
                if row["percent"] is not None
            }
            yield heat_map(f"{name}: loss in % of the bulk meter", shares)
            continue
        compared = [row for row in own if row["difference"] is not None]
        slots = [Slot(label(row), [as_kilo(row["difference"])]) for row in compared]
        yield columns(f"{name}: loss, {utility.unit}", ["loss"], slots, _kilo(utility))


def _revenue(rows: Rows, question: Question, _: Answer) -> Iterable[Chart | None]:
    if question.group_by == "method":
        slots = [Slot(label(row), [row["net"]]) for row in rows]
        yield columns("Money in by method, R", ["net"], slots, _rand)
    elif question.group_by == "utility":
        slots = [Slot(label(row), [row["revenue"], row["vat"]]) for row in rows]
        yield columns("Charged by utility, R", ["revenue", "VAT"], slots, _rand)
    else:
        slots = [Slot(label(row), [row["paid_in"] - row["paid_back"], row["charged"]])
                 for row in rows]  # fmt: skip
        names = ["money in, less what was paid back", "charged with VAT"]
        yield columns("Money in and charged, R", names, slots, _rand, is_stacked=False)


def _transactions(_: Rows, question: Question, answer: Answer) -> Iterable[Chart | None]:
    kinds: Any = answer.sections["kinds"]
    slots = [Slot(_short(kind), [effect]) for kind, _, _, effect in kinds]
    yield columns("Change of balances by kind, R", ["change"], slots, _rand)


def _low_credit(rows: Rows, question: Question, _: Answer) -> Iterable[Chart | None]:
    shown = list(rows)[:MOST]
    slots = [Slot(label(row), [row["balance"], -row["arrears"]]) for row in shown]
    yield columns("Balance and arrears, R", ["balance", "arrears"], slots, _rand, is_stacked=False)


def _arrears(rows: Rows, question: Question, _: Answer) -> Iterable[Chart | None]:
    slots = [
        Slot(
            column.title.removesuffix(", R"), [sum((row[column.name] for row in rows), Decimal(0))]
        )
        for column in arrears.AGES[:4]
    ]
    yield columns("Owed by age, R", ["owed"], slots, _rand)


def _disconnections(rows: Rows, question: Question, _: Answer) -> Iterable[Chart | None]:
    if question.group_by == "cut":
        by_day: dict[date, int] = {}
        for row in rows:
            by_day[row["cut_at"].date()] = by_day.get(row["cut_at"].date(), 0) + 1
        slots = [Slot(_short(day), [number]) for day, number in sorted(by_day.items())]
    else:
        slots = [Slot(label(row), [row["cuts"]]) for row in _most(rows, "cuts")]
    yield columns("Cuts", ["cuts"], slots, _plain)


def _quality(rows: Rows, question: Question, _: Answer) -> Iterable[Chart | None]:
    shown = _most(rows, "missing")
    parts = ("actual_percent", "estimated_percent", "missing_percent")
    slots = [
        Slot(row["serial"][-4:] if "serial" in row else label(row),
             [row[part] or Decimal(0) for part in parts])
        for row in shown
    ]  # fmt: skip
    title = "Quarters of an hour, %"
    if len(shown) < len(rows):
        title += f": the {len(shown)} meters that miss most"
    yield columns(title, ["measured", "estimated", "missing"], slots, _percent)


def _resale(rows: Rows, question: Question, _: Answer) -> Iterable[Chart | None]:
    for utility, own in _by_utility(rows):
        compared = [row for row in own if row["charged"] is not None]
        shown = _most(compared, "excess")
        title = f"{utility.value.capitalize()}: charged, and the licensed price, R"
        if len(shown) < len(compared):
            title += f": the {len(shown)} with most above it"
        slots = [
            Slot(str(row.get("unit_number") or label(row)), [row["charged"], row["allowed"]])
            for row in shown
        ]
        yield columns(title, ["charged", "licensed price"], slots, _rand, is_stacked=False)


DRAWN: Mapping[str, Callable[[Rows, Question, Answer], Iterable[Chart | None]]] = {
    "estate-consumption": _consumption,
    "analytics": _analytics,
    "reconciliation": _reconciliation,
    "revenue": _revenue,
    "transactions": _transactions,
    "low-credit": _low_credit,
    "arrears": _arrears,
    "disconnections": _disconnections,
    "data-quality": _quality,
    "resale-compliance": _resale,
}
