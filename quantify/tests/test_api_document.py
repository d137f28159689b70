"""The document of the API says what there is: every route, every example, every header."""

import json
import re

import jsonschema_rs
from django.contrib.auth.password_validation import MinimumLengthValidator
from django.urls import URLPattern, URLResolver, get_resolver

from quantify.api import documents, postman
from quantify.stack.management.commands import export_postman
from quantify.tests import contract

# The document itself, its readers, and what answers where nothing is.
UNDOCUMENTED = {"api-schema", "api-docs", "api-redoc", None}
METHODS = ("get", "post", "put", "patch", "delete")


def document():
    return documents.openapi()


def routes(patterns, prefix=""):
    """Every route of the URL configuration with the methods that its view has."""
    for pattern in patterns:
        where = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, where)
        elif isinstance(pattern, URLPattern) and where.startswith("api/v1/"):
            yield contract.address(where), pattern


def methods(pattern):
    actions = getattr(pattern.callback, "actions", None)
    view = pattern.callback.cls
    names = actions or {name for name in METHODS if hasattr(view, name)}
    return {name for name in names if name in view.http_method_names} - {"head", "options"}


def operations():
    return [
        (path, method)
        for path, by_method in document()["paths"].items()
        for method in by_method
        if method in METHODS
    ]


def contents(path, method):
    """Each body that an operation takes or answers: where, its schema and its examples."""
    operation = document()["paths"][path][method]
    bodies = {"body": operation.get("requestBody", {}), **operation["responses"]}
    for where, body in bodies.items():
        for media_type, content in body.get("content", {}).items():
            named = [one.get("value", one) for one in content.get("examples", {}).values()]
            examples = [content["example"]] if "example" in content else named
            yield f"{where} {media_type}", content["schema"], [_resolved(one) for one in examples]


def _resolved(example):
    if isinstance(example, dict) and "$ref" in example:
        return document()["components"]["examples"][example["$ref"].rsplit("/", 1)[-1]]["value"]
    return example


class TestRoutes:
    def test_are_those_of_the_url_configuration(self):
        built = {
            (path, method)
            for path, pattern in routes(get_resolver().url_patterns)
            if pattern.name not in UNDOCUMENTED
            for method in methods(pattern)
        }
        told = {
            (path, method)
            for path, by_method in document()["paths"].items()
            for method in by_method
            if method in METHODS
        }

        assert built == told

    def test_leave_out_nothing_but_the_document_and_what_is_nowhere(self):
        hidden = {
            path
            for path, pattern in routes(get_resolver().url_patterns)
            if pattern.name in UNDOCUMENTED
        }

        assert hidden == {"/api/v1/schema", "/api/v1/docs", "/api/v1/redoc", "/api/v1/"}


class TestOperations:
    def test_have_examples_that_their_schemas_accept(self):
        faults = [
            f"{method} {path} {where}: {fault}"
            for path, method in operations()
            for where, schema, examples in contents(path, method)
            for fault in ([] if examples else ["has no example"]) + refused(schema, examples)
        ]

        assert faults == []

    def test_tell_where_what_they_made_is(self):
        silent = [
            (method, path)
            for path, method in operations()
            if "Location"
            not in answers(path, method).get("201", {"headers": "Location"})["headers"]
        ]

        assert silent == []

    def test_have_each_a_name_of_its_own(self):
        ids = [document()["paths"][path][method]["operationId"] for path, method in operations()]

        assert len(ids) == len(set(ids))

    def test_say_what_a_list_or_an_object_holds_at_least(self):
        forms = document()["components"]["schemas"]

        for name, field, least in (
            ("BatchFormRequest", "readings", "minItems"),
            ("CalculateFormRequest", "intervals", "minItems"),
            ("PatchedCheckLimitsFormRequest", "limits", "minProperties"),
            ("SimulateFormRequest", "components", "minItems"),
        ):
            assert forms[name]["properties"][field][least] == 1, name

    def test_say_how_large_an_amount_is_also_as_a_text(self):
        amount = document()["components"]["schemas"]["AllocationFormRequest"]["properties"][
            "amount"
        ]

        assert re.search(amount["pattern"], "9999999999.99")
        assert not re.search(amount["pattern"], "10000000000")
        assert amount["maximum"] == 9999999999.99

    def test_say_how_large_a_number_is_that_filters(self):
        listed = document()["paths"]["/api/v1/units"]["get"]["parameters"]
        (floor,) = (one["schema"] for one in listed if one["name"] == "floor")

        assert floor == {"type": "number", "maximum": 1e50}

    def test_say_that_a_body_of_either_shape_is_needed(self):
        asked = document()["paths"]["/api/v1/meters/{id}/readings"]["post"]["requestBody"]

        assert asked["required"] is True

    def test_say_which_field_needs_another(self):
        forms = document()["components"]["schemas"]

        assert forms["RoundFormRequest"]["dependentRequired"] == {"to": ["from"]}

    def test_take_an_empty_text_beside_a_format(self):
        """As strictly as JSON Schema has it, where a format is a remark and no rule."""
        email = document()["components"]["schemas"]["Resident"]["properties"]["email"]
        strict = jsonschema_rs.Draft202012Validator(email, validate_formats=False)

        assert strict.is_valid("")
        assert strict.is_valid("thandi@example.com")

    def test_say_how_long_a_password_is(self):
        told = document()["components"]["schemas"]["UserRequest"]["properties"]["password"]

        shortest = MinimumLengthValidator().min_length
        assert (told["minLength"], told["maxLength"]) == (shortest, 256)

    def test_say_what_they_do(self):
        mute = [
            (method, path)
            for path, method in operations()
            if not document()["paths"][path][method].get("description")
        ]

        assert mute == []


def answers(path, method):
    return document()["paths"][path][method]["responses"]


def refused(schema, examples):
    whole = {**schema, "components": document()["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    return [
        f"{error.instance_path}: {error.message}"
        for example in examples
        for error in validator.iter_errors(example)
    ]


def test_problems_and_envelopes_are_components():
    components = document()["components"]

    assert components["schemas"]["Problem"]["required"] == [
        "type", "title", "status", "detail", "instance", "code", "errors", "request_id",
    ]  # fmt: skip
    assert components["schemas"]["EstateDetailAnswer"]["properties"]["data"] == {
        "$ref": "#/components/schemas/EstateDetail"
    }
    assert "insufficient_balance" in components["examples"]


class TestPostmanCollection:
    def test_is_current(self):
        written = json.loads(export_postman.FILE.read_text())

        assert written == postman.collection(document())

    def test_asks_each_operation_once_with_an_example_as_body(self):
        made = postman.collection(document())

        requests = [item["request"] for folder in made["item"] for item in folder["item"]]
        asked = {(one["method"].lower(), one["url"]["raw"]) for one in requests}
        assert len(requests) == len(asked) == len(operations())
        [topup] = [one for one in requests if one["url"]["raw"].endswith("/wallets/:id/topup")]
        assert json.loads(topup["body"]["raw"])["payment_method"] == "eft"
        assert topup["url"]["variable"] == [{"key": "id", "value": ""}]
        assert made["auth"]["basic"][1] == {"key": "password", "value": "{{password}}"}
