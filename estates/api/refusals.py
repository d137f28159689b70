"""The problems of estates."""

from http import HTTPStatus

from quantify.api import problems

ESTATE_IN_USE = problems.define(
    "estate_in_use", HTTPStatus.CONFLICT, "Estate in use",
    "The estate has units, or meters that hang there; the detail says what to do first.",
)  # fmt: skip
