"""The templates that come with the product, of every estate, in English and Afrikaans."""

from typing import Any

# Event, language, subject, body, short.
TEMPLATES = [
    (
        "low_balance",
        "en",
        "Your balance is low: {unit_number}",
        "Dear {name}\n\n{balance} is left for unit {unit_number} at {estate}{lasting}. Please top "
        "up soon: the electricity is cut when the credit is used up.",
        "{estate} {unit_number}: {balance} is left{lasting}. Top up soon, or the "
        "electricity is cut "
        "when it is used up.",
    ),
    (
        "low_balance",
        "af",
        "U balans is laag: {unit_number}",
        "Beste {name}\n\n{balance} is oor vir eenheid {unit_number} by {estate}. Koop "
        "asseblief gou "
        "krediet: die krag word afgesny wanneer dit op is.",
        "{estate} {unit_number}: {balance} is oor. Koop gou krediet, anders word die krag afgesny.",
    ),
    (
        "critical_balance",
        "en",
        "Your balance is almost used up: {unit_number}",
        "Dear {name}\n\nOnly {balance} is left for unit {unit_number} at {estate}{lasting}. The "
        "electricity is cut when it is used up. Please top up today.",
        "{estate} {unit_number}: only {balance} is left{lasting}. Top up today, or the electricity "
        "is cut.",
    ),
    (
        "critical_balance",
        "af",
        "U balans is byna op: {unit_number}",
        "Beste {name}\n\nNet {balance} is oor vir eenheid {unit_number} by {estate}. Die krag word "
        "afgesny wanneer dit op is. Koop asseblief vandag krediet.",
        "{estate} {unit_number}: net {balance} is oor. Koop vandag krediet, anders word die krag "
        "afgesny.",
    ),
    (
        "disconnection_warning",
        "en",
        "The {utility} of {unit_number} is about to be cut",
        "Dear {name}\n\nNo credit is left for {utility} at unit {unit_number}, {estate}. Top up or "
        "move at least {activation_minimum} to it, or it is cut.",
        "{estate} {unit_number}: no credit is left for {utility}. Top up at least "
        "{activation_minimum}, or it is cut.",
    ),
    (
        "disconnection_warning",
        "af",
        "Toevoer van {unit_number} word binnekort afgesny",
        "Beste {name}\n\nGeen krediet is oor vir die toevoer van eenheid {unit_number}, {estate}, "
        "nie. Koop ten minste {activation_minimum}, anders word dit afgesny.",
        "{estate} {unit_number}: geen krediet is oor nie. Koop ten minste {activation_minimum}, "
        "anders word die toevoer afgesny.",
    ),
    (
        "disconnected",
        "en",
        "The {utility} of {unit_number} was cut",
        "Dear {name}\n\nThe {utility} of unit {unit_number} at {estate} was cut. It comes back by "
        "itself once the credit reaches {activation_minimum}.",
        "{estate} {unit_number}: the {utility} was cut. It comes back with a credit of "
        "{activation_minimum}.",
    ),
    (
        "disconnected",
        "af",
        "Toevoer van {unit_number} is afgesny",
        "Beste {name}\n\nDie toevoer van eenheid {unit_number} by {estate} is afgesny. Dit kom "
        "terug sodra die krediet {activation_minimum} bereik.",
        "{estate} {unit_number}: toevoer is afgesny. Dit kom terug met krediet van "
        "{activation_minimum}.",
    ),
    (
        "reconnected",
        "en",
        "The {utility} of {unit_number} is back",
        "Dear {name}\n\nThe {utility} of unit {unit_number} at {estate} is on again. If it is not, "
        "press the button on the meter.",
        "{estate} {unit_number}: the {utility} is on again. If not, press the button on the meter.",
    ),
    (
        "reconnected",
        "af",
        "Toevoer van {unit_number} is terug",
        "Beste {name}\n\nDie toevoer van eenheid {unit_number} by {estate} is weer aan. "
        "Indien nie, "
        "druk die knoppie op die meter.",
        "{estate} {unit_number}: toevoer is weer aan. Indien nie, druk die knoppie op die meter.",
    ),
    (
        "payment_received",
        "en",
        "We received {amount} for {unit_number}",
        "Dear {name}\n\nThank you: {amount} was received for unit {unit_number} at {estate} "
        "(reference: {reference}). The balance is {balance}.",
        "{estate} {unit_number}: {amount} received, thank you. The balance is {balance}.",
    ),
    (
        "payment_received",
        "af",
        "Ons het {amount} vir {unit_number} ontvang",
        "Beste {name}\n\nDankie: {amount} is ontvang vir eenheid {unit_number} by {estate} "
        "(verwysing: {reference}). Die balans is {balance}.",
        "{estate} {unit_number}: {amount} ontvang, dankie. Die balans is {balance}.",
    ),
    (
        "water_in_debt",
        "en",
        "{debt} is owed for water: {unit_number}",
        "Dear {name}\n\nUnit {unit_number} at {estate} owes {debt} for water. Your next top-up "
        "clears it first.",
        "{estate} {unit_number}: {debt} is owed for water. The next top-up clears it first.",
    ),
    (
        "water_in_debt",
        "af",
        "{debt} is verskuldig vir water: {unit_number}",
        "Beste {name}\n\nEenheid {unit_number} by {estate} skuld {debt} vir water. U volgende "
        "betaling delg dit eerste.",
        "{estate} {unit_number}: {debt} is verskuldig vir water. Die volgende betaling delg dit "
        "eerste.",
    ),
    (
        "leak",
        "en",
        "Water seems to be leaking at {unit_number}",
        "Dear {name}\n\nThe water meter of unit {unit_number} at {estate} points to a leak. {says} "
        "Please look at taps, toilets and the geyser.",
        "{estate} {unit_number}: water seems to be leaking. Please look at taps, toilets and the "
        "geyser.",
    ),
    (
        "leak",
        "af",
        "Dit lyk of water by {unit_number} lek",
        "Beste {name}\n\nDie watermeter van eenheid {unit_number} by {estate} dui op 'n lek. Kyk "
        "asseblief na krane, toilette en die geiser.",
        "{estate} {unit_number}: dit lyk of water lek. Kyk na krane, toilette en die geiser.",
    ),
    (
        "announcement",
        "en",
        "{title}",
        "Dear {name}\n\n{text}\n\n{estate}",
        "{estate}: {title}. {text}",
    ),
    (
        "announcement",
        "af",
        "{title}",
        "Beste {name}\n\n{text}\n\n{estate}",
        "{estate}: {title}. {text}",
    ),
    (
        "statement_ready",
        "en",
        "Your statement of {month}: {unit_number}",
        "Dear {name}\n\nThe statement of {month} for unit {unit_number} at {estate} is ready.",
        "{estate} {unit_number}: the statement of {month} is ready.",
    ),
    (
        "statement_ready",
        "af",
        "U staat is gereed: {unit_number}",
        "Beste {name}\n\nDie maandstaat vir eenheid {unit_number} by {estate} is gereed ({month}).",
        "{estate} {unit_number}: die maandstaat is gereed ({month}).",
    ),
]


def write(model: type[Any]) -> None:
    """Store those that are missing; what people changed stays."""
    model.objects.bulk_create(
        [
            model(event=event, language=language, subject=subject, body=body, short=short)
            for event, language, subject, body, short in TEMPLATES
        ],
        ignore_conflicts=True,
    )
