"""A statement as data, and as a document to print."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import typst
from django.conf import settings

from quantify.money import ZERO
from quantify.quantities import Utility, format_kilo
from wallets.statements.statement import CHARGES, Movement, Statement

FOLDER = "templates/statements"


def as_data(statement: Statement) -> dict[str, Any]:
    """Everything on a statement, with amounts and quantities as text so that nothing is rounded."""
    wallet = statement.wallet
    estate = wallet.unit.estate
    return {
        "wallet": str(wallet.pk),
        "estate": {
            "code": estate.code,
            "name": estate.name,
            "address": ", ".join(filter(None, (estate.address, estate.city, estate.postal_code))),
            "contact": ", ".join(
                filter(None, (estate.contact_name, estate.contact_phone, estate.contact_email))
            ),
            "footer": estate.settings.statement_footer,
        },
        "unit": {"number": wallet.unit.unit_number, "building": wallet.unit.building},
        "occupants": list(statement.occupants),
        "from": statement.first_day.isoformat(),
        "to": statement.last_day.isoformat(),
        "opening": _standing(statement.opening),
        "closing": _standing(statement.closing),
        "movements": _movements(statement),
        "readings": _readings(statement),
        "days": [
            {
                "day": one.day.isoformat(),
                "utility": one.utility.value,
                "quantity": format_kilo(one.quantity),
                "charged": str(one.charged),
            }
            for one in statement.days
        ],
        "used": _used(statement),
        "bills": _bills(statement),
        "shares": {name: str(getattr(statement.shares, name)) for name in (
            "paid_in", "energy", "water", "vat", "fees", "refunds", "adjustments"
        )},
    }  # fmt: skip


def as_pdf(statement: Statement, *, made_at: datetime) -> bytes:
    """
    The statement on A4 pages, in the estate's template.

    The data goes in as a value, nothing of it is read as markup; the compiler sees the folder of
    the templates and no other file.
    """
    folder: Path = settings.BASE_DIR / FOLDER
    estate = statement.wallet.unit.estate
    local = made_at.astimezone(estate.zone)
    data = {
        **_printed(statement),
        "made_at": f"{local:%-d %B %Y %H:%M}",
        "template": estate.settings.statement_template,
    }
    made: bytes = typst.compile(
        folder / "statement.typ",
        root=folder,
        font_paths=[],
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={"statement": json.dumps(data)},
    )
    return made


def _printed(statement: Statement) -> dict[str, Any]:
    """For print the many small charges of a day are one row; every other movement is its own."""
    data = as_data(statement)
    zone = statement.wallet.unit.estate.zone
    data["movements"] = [
        {**row, "day": f"{one.transaction.occurred_at.astimezone(zone):%-d %b %H:%M}",
         "kind": one.transaction.get_kind_display()}
        for row, one in zip(data["movements"], statement.movements, strict=True)
        if not _is_charge(one)
    ]  # fmt: skip
    for line in (line for bill in data["bills"] for line in bill["lines"]):
        line["what"] = _in_words(line["what"])
        line["quantity"] = f"{Decimal(line['quantity']):.3f}".removesuffix(".000")
    shares = statement.shares
    return {
        **data,
        "title": f"{statement.first_day:%-d %B %Y} to {statement.last_day:%-d %B %Y}",
        "charged": str(shares.energy + shares.water + shares.vat + shares.fees),
        "consumption_effect": str(
            sum((one.effect for one in statement.movements if _is_charge(one)), ZERO)
        ),
        "by_day": _by_day(statement, [row["utility"] for row in data["used"]]),
    }


def _in_words(what: str) -> str:
    """A line of a bill as people write it."""
    words = what.replace("block upto None", "last block").replace("block upto", "block up to")
    return words.replace("_", "-")


def _is_charge(one: Movement) -> bool:
    return one.transaction.kind.startswith(CHARGES)


def _by_day(statement: Statement, utilities: list[str]) -> list[dict[str, Any]]:
    """A row for each day, with what each utility used and was charged."""
    known = {(one.day, one.utility.value): one for one in statement.days}
    rows = []
    for day in sorted({day for day, _ in known}):
        cells: list[str] = []
        for utility in utilities:
            used = known.get((day, utility))
            cells += [format_kilo(used.quantity), str(used.charged)] if used else ["0.000", "0.00"]
        rows.append({"day": f"{day:%a %-d %b}", "cells": cells})
    return rows


def _standing(standing: Any) -> dict[str, str]:
    return {"balance": str(standing.balance), "arrears": str(standing.arrears)}


def _movements(statement: Statement) -> list[dict[str, Any]]:
    balance, arrears = statement.opening.balance, statement.opening.arrears
    rows = []
    for one in statement.movements:
        balance, arrears = balance + one.effect, arrears + one.arrears_effect
        rows.append({**_movement(one), "balance": str(balance), "arrears": str(arrears)})
    return rows


def _movement(one: Movement) -> dict[str, Any]:
    made = one.transaction
    return {
        "sequence": made.sequence,
        "number": str(made),
        "occurred_at": made.occurred_at.isoformat(),
        "kind": made.kind,
        "utility": made.utility,
        "payment_method": made.payment_method,
        "reference": made.reference,
        "amount": str(made.amount),
        "effect": str(one.effect),
    }


def _readings(statement: Statement) -> list[dict[str, Any]]:
    def register(value: int | None) -> str | None:
        return None if value is None else format_kilo(value)

    return [
        {
            "meter": one.serial,
            "utility": one.utility.value,
            "unit": one.utility.unit,
            "opening": register(one.opening),
            "opening_at": one.opening_at.isoformat() if one.opening_at else None,
            "closing": register(one.closing),
            "closing_at": one.closing_at.isoformat() if one.closing_at else None,
        }
        for one in statement.readings
    ]


def _used(statement: Statement) -> list[dict[str, str]]:
    rows = []
    for utility in sorted({one.utility for one in statement.days}):
        quantity, charged = statement.used(Utility(utility))
        rows.append(
            {
                "utility": utility.value,
                "unit": utility.unit,
                "quantity": format_kilo(quantity),
                "charged": str(charged),
                "paid": str(statement.paid(utility)),
                "owed": str(statement.owed(utility)),
            }
        )
    return rows


def _bills(statement: Statement) -> list[dict[str, Any]]:
    return [
        {
            "utility": bill.utility,
            "month": bill.month.isoformat(),
            "rate_table": bill.version.rate_table.name if bill.version else "",
            "lines": [
                {name: str(line[name]) for name in ("what", "quantity", "unit", "price", "amount")}
                for line in bill.lines
            ],
            "subtotal": str(bill.subtotal),
            "vat": str(bill.vat),
            "total": str(bill.total),
        }
        for bill in statement.bills
    ]
