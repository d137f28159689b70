"""What the access matrix asks of each address of the API, as functions that fail with its name."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from rest_framework.test import APIClient

from quantify.api import documents
from quantify.tests.access import ground as grounds
from quantify.tests.access.callers import Caller, Place, Reach
from quantify.tests.access.ground import CANARY, Ground, undone
from quantify.tests.access.routes import METHODS, Operation, operations
from quantify.tests.access.table import MACHINE, NAMED, OPEN, TABLE, Of, Own

UNKNOWN = "nobody_knows_it"
REFUSED = frozenset({401, 403, 404, 405})


def ask(
    operation: Operation,
    caller: Caller,
    pk: object = None,
    *,
    query: Mapping[str, object] | None = None,
    body: Any = None,
    accept: str = "*/*",
) -> Any:
    """Send one request as a caller."""
    row = TABLE[operation.route]
    asked = {**(row.query if isinstance(row, Of) else {}), **(query or {})}
    if isinstance(row, Of) and row.parameter and pk is not None:
        asked.setdefault(row.parameter, pk)
    client = APIClient(raise_request_exception=False)
    return client.generic(
        operation.method,
        operation.path(pk),
        b"" if operation.is_safe else json.dumps({} if body is None else body),
        content_type="application/json",
        query_params=asked,
        HTTP_ACCEPT=accept,
        HTTP_IF_MATCH="*",
        **caller.headers,
    )


def takes_object(operation: Operation) -> bool:
    row = TABLE[operation.route]
    return "<uuid:pk>" in operation.route or (isinstance(row, Of) and row.parameter is not None)


def check_answers(ground: Ground, route: str) -> None:
    """Each method for each caller and object: let in, or refused as the table says."""
    for operation in operations()[route]:
        with undone():
            for caller in ground.callers:
                for place, pk in _objects(ground, operation, caller):
                    _check_answer(ground, operation, caller, place, pk)
            assert not ground.held.changes(), f"{operation} changed what it refused."


def _check_answer(
    ground: Ground, operation: Operation, caller: Caller, place: Place | None, pk: object
) -> None:
    where = f"{caller.name}: {operation} {place.value if place else ''}"
    expected = expected_refusal(operation, caller, place)
    if expected:
        # What is refused is not taken back: the digest must be as it was.
        answer = ask(operation, caller, pk)
        assert answer.status_code == expected, f"{where}: {answer.status_code} {answer.content!r}"
    else:
        with undone():
            answer = ask(operation, caller, pk)
        assert answer.status_code < 500, f"{where}: {answer.content!r}"
        assert not is_refused(answer), f"{where}: {answer.status_code} {answer.content!r}"
    if caller.reach is not Reach.EVERYWHERE:
        leaks = ground.leaks(answer.getvalue() + repr(answer.headers).encode(), pk)
        assert not leaks, f"{where} tells of {leaks}"
    if expected == 404:
        nothing = ask(operation, caller, unknown := uuid4())
        told, untold = _without(answer, pk), _without(nothing, unknown)
        assert told == untold, f"{where} is not as if there were nothing: {told} {untold}"


def expected_refusal(operation: Operation, caller: Caller, place: Place | None) -> int | None:
    """The status that refuses, by the rules that hold for every route; None lets in."""
    row = TABLE[operation.route]
    if row == OPEN:
        return None
    if row == MACHINE:
        return 401
    if caller.reach is Reach.NOWHERE:
        return 401
    if not caller.may(operation.permission):
        return 403
    if isinstance(row, str) or place is None or caller.sees(row, place):
        return None
    return 404


def is_refused(answer: Any) -> bool:
    """Whether an answer refuses the caller; a rule that forbids what is asked has its own code."""
    if answer.status_code == 403:
        return bool(answer.json()["code"] == "permission_denied")
    return answer.status_code in REFUSED


def _objects(
    ground: Ground, operation: Operation, caller: Caller
) -> Iterator[tuple[Place | None, object]]:
    row = TABLE[operation.route]
    if isinstance(row, str) or not takes_object(operation):
        yield None, None
        return
    # Who may not do it at all is refused before anything is looked up.
    for place in Place if caller.may(operation.permission) else (Place.FOREIGN,):
        pk = ground.pick(row, place, caller)
        if pk is not None:
            yield place, pk


def check_other_methods(ground: Ground, route: str) -> None:
    """What an address does not offer is refused, whoever asks."""
    offered = {operation.method for operation in operations()[route]}
    row = TABLE[route]
    for method in {*METHODS, "OPTIONS", "TRACE", "CONNECT"} - offered - {"HEAD"}:
        for caller in (ground.caller("anonymous"), ground.caller("super_admin")):
            operation = Operation(route, method, None)
            pk = ground.pick(row, Place.OWN) if isinstance(row, Of) else None
            answer = ask(operation, caller, pk)
            assert answer.status_code in (401, 403, 404, 405), f"{operation} {answer.status_code}"


def check_list(ground: Ground, route: str) -> None:
    """A list, a search in it, each order of it and each kind of file: only what is one's own."""
    for operation in operations()[route]:
        if isinstance(TABLE[route], Own) and operation.method == "GET":
            _check_own(ground, operation)
    for operation in _readers(route):
        _check_contents(ground, operation)
        _check_search(ground, operation)
        for media_type in media_types(operation):
            _check_file(ground, operation, media_type)


def _readers(route: str) -> list[Operation]:
    of_estates = isinstance(TABLE[route], Of)
    return [one for one in operations()[route] if one.method == "GET" and of_estates]


def _check_own(ground: Ground, operation: Operation) -> None:
    """Everybody lists what is theirs, and nothing else."""
    if takes_object(operation):
        return
    for caller in ground.callers:
        if caller.user is not None:
            listed = [one["id"] for one in ask(operation, caller).json()["data"]]
            own = ground.pick(TABLE[operation.route], Place.OWN, caller)
            assert listed == [str(own)], f"{caller.name}: {operation} {listed}"


def _check_contents(ground: Ground, operation: Operation) -> None:
    row = TABLE[operation.route]
    assert isinstance(row, Of)
    here = ground.caller("everything here")
    own = ground.pick(row, Place.OWN)
    answer = ask(operation, here, own)
    assert answer.status_code == 200, f"{operation}: {answer.content!r}"
    if row.listed or not takes_object(operation):
        # An empty answer hides nothing, and proves nothing.
        assert answer.json()["data"], f"{operation} is empty."
    for value in schema_of(operation, "sort").get("enum", ()):
        sorted_by = ask(operation, here, own, query={"sort": value, "per_page": "100"})
        assert sorted_by.status_code == 200, f"{operation} by {value}"
        assert not ground.leaks(sorted_by.content), f"{operation} by {value} tells too much."
    if not takes_object(operation):
        everything = ask(operation, ground.caller("super_admin"))
        assert ground.leaks(everything.content), f"{operation}: no canary to be seen by anybody."


def _check_search(ground: Ground, operation: Operation) -> None:
    if not schema_of(operation, "q"):
        return
    found = ask(operation, ground.caller("everything here"), query={"q": CANARY}).json()["data"]
    assert not found, f"{operation} finds what is foreign."
    assert ask(operation, ground.caller("super_admin"), query={"q": CANARY}).json()["data"], (
        f"{operation} finds no canary for anybody."
    )


def _check_file(ground: Ground, operation: Operation, media_type: str) -> None:
    row = TABLE[operation.route]
    assert isinstance(row, Of)
    own, foreign = ground.pick(row, Place.OWN), ground.pick(row, Place.FOREIGN)
    here, everywhere = ground.caller("everything here"), ground.caller("super_admin")
    answer = ask(operation, here, own, accept=media_type)
    assert answer.status_code == 200, f"{operation} as {media_type}"
    assert not ground.leaks(answer.getvalue()), f"{operation} as {media_type} tells too much."
    hidden = ask(operation, here, foreign, accept=media_type)
    if takes_object(operation):
        assert hidden.status_code == 404, f"{operation} as {media_type}: {hidden.status_code}"
    assert not ground.leaks(hidden.getvalue(), foreign), f"{operation} as {media_type}"
    seen = ask(operation, everywhere, foreign, accept=media_type)
    assert seen.status_code == 200, f"{operation} as {media_type}: {seen.status_code}"
    if not row.is_anonymous:
        assert ground.leaks(seen.getvalue()), f"{operation} as {media_type}: no canary at all."


def check_parameters(ground: Ground, route: str) -> None:
    """A parameter that names a foreign object answers as if there were none."""
    here = ground.caller("everything here")
    for operation in operations()[route]:
        for name in uuid_parameters(operation) if isinstance(TABLE[route], Of) else ():
            assert name in NAMED, f"{operation}: say in NAMED what the parameter {name} names."
            row = TABLE[route]
            assert isinstance(row, Of)
            pk = ground.pick(row, Place.OWN) if takes_object(operation) else None
            foreign, unknown = ground.pick(NAMED[name], Place.FOREIGN), uuid4()
            told = _without(ask(operation, here, pk, query={name: foreign}), foreign)
            untold = _without(ask(operation, here, pk, query={name: unknown}), unknown)
            assert told == untold, f"{operation} {name}: {told} {untold}"
            assert told[0] == 404, f"{operation} {name}: {told}"
            own = ask(operation, here, pk, query={name: ground.pick(NAMED[name], Place.OWN)})
            assert own.status_code == 200, f"{operation} {name}: {own.content!r}"


def check_bodies(ground: Ground, route: str) -> None:
    """A field that names a foreign object is refused as one that names nothing."""
    here = ground.caller("everything here")
    for operation in operations()[route]:
        if operation.is_safe or not isinstance(row := TABLE[route], Of):
            continue
        pk = ground.pick(row, Place.OWN) if takes_object(operation) else None
        for name in uuid_fields(operation):
            assert name in NAMED, f"{operation}: say in NAMED what the field {name} names."
            _check_field(ground, operation, here, pk, name)


def check_unknown_fields(ground: Ground, route: str) -> None:
    """A field that an operation does not know is refused by its name, and nothing is done."""
    chief = ground.caller("super_admin")
    for operation in operations()[route]:
        if not takes_json(operation):
            continue
        row = TABLE[route]
        pk = None
        if not isinstance(row, str) and takes_object(operation):
            pk = ground.pick(row, Place.OWN if isinstance(row, Own) else Place.FOREIGN, chief)
        answer = ask(operation, chief, pk, body={UNKNOWN: 1})
        assert answer.status_code == 422, f"{operation}: {answer.status_code} {answer.content!r}"
        told = {(one["field"], one["code"]) for one in answer.json()["errors"]}
        assert (UNKNOWN, "unknown") in told, f"{operation}: {told}"
        assert not ground.held.changes(), f"{operation} changed what it refused."


def takes_json(operation: Operation) -> bool:
    """Whether an operation changes something, and reads nothing but JSON if it reads anything."""
    if operation.is_safe or TABLE[operation.route] == MACHINE:
        return False
    content = described(operation).get("requestBody", {}).get("content", {})
    return not content or "application/json" in content


def _check_field(
    ground: Ground, operation: Operation, caller: Caller, pk: object, name: str
) -> None:
    row = TABLE[operation.route]
    assert isinstance(row, Of)
    own, foreign, unknown = (
        str(ground.pick(NAMED[name], Place.OWN)),
        str(ground.pick(NAMED[name], Place.FOREIGN)),
        str(uuid4()),
    )
    answers = []
    for named in (own, foreign, unknown):
        with undone():
            answer = ask(operation, caller, pk, body={**row.body, name: named})
            if named != own:
                assert not ground.held.changes(), f"{operation} {name} changed something."
        answers.append(_without(answer, named))
    let_in, told, untold = answers
    assert told == untold, f"{operation} {name}: {told} {untold}"
    assert told[0] in (404, 422), f"{operation} {name}: {told}"
    assert let_in != told, f"{operation} {name}: one's own is answered no otherwise. {told}"


def check_batch(ground: Ground) -> None:
    """What an address hides it hides in a batch too, in the same words as what is not there."""
    here = ground.caller("everything here")
    batch = operations()["batch"][0]
    for route, row in TABLE.items():
        if not isinstance(row, Of) or "<uuid:pk>" not in route:
            continue
        for operation in operations()[route]:
            answers = []
            for pk in (ground.pick(row, Place.FOREIGN), uuid4()):
                inside = {"method": operation.method, "path": operation.path(pk)}
                if operation.method in ("POST", "PUT", "PATCH"):
                    inside["body"] = {}
                answer = ask(batch, here, body={"operations": [inside]})
                answers.append(_without(answer, pk))
                assert not ground.leaks(answer.content, pk), f"{operation} in a batch"
            assert answers[0] == answers[1], f"{operation} in a batch: {answers}"
            code = "not_found" if here.may(operation.permission) else "permission_denied"
            refused = f'"{code}"' in answers[0][1] or '"not_in_a_batch"' in answers[0][1]
            assert refused, f"{operation} in a batch: {answers[0]}"
    assert not ground.held.changes()


def check_search(ground: Ground) -> None:
    """The search over everything finds what one may see, and nothing of the foreign estate."""
    search = operations()["search"][0]
    for caller in ground.callers:
        if caller.reach not in (Reach.NOWHERE, Reach.EVERYWHERE):
            for words in (CANARY, f"{CANARY} Gardens", f"{CANARY}-A001"):
                answer = ask(search, caller, query={"q": words})
                assert answer.status_code == 200, answer.content
                assert not answer.json()["data"], f"{caller.name} finds {answer.json()}"
    everything = ask(search, ground.caller("super_admin"), query={"q": f"{CANARY}-A001"})
    assert ground.leaks(everything.content), "The search finds no canary for anybody."
    own = ask(search, ground.caller("everything here"), query={"q": f"{grounds.OURS}-A001"})
    assert own.json()["data"], "The search finds nothing at all."


def _without(answer: Any, sent: object) -> tuple[int, str]:
    """An answer as it is whatever id was sent, and whenever."""
    text = answer.content.decode(errors="replace").replace(str(sent), "?")
    return answer.status_code, re.sub(r'"request_id": ?"[^"]*"', '"request_id":"?"', text)


# --- What the OpenAPI document says of an operation ---------------------------------------------


def described(operation: Operation) -> dict[str, Any]:
    path = "/" + "api/v1/" + re.sub(r"<\w+:(\w+)>", r"{\1}", operation.route)
    by_method = documents.openapi()["paths"].get(path.replace("{pk}", "{id}"), {})
    return by_method.get(operation.method.lower(), {})


def schema_of(operation: Operation, parameter: str) -> dict[str, Any]:
    for one in described(operation).get("parameters", ()):
        if one["in"] == "query" and one["name"] == parameter:
            return one["schema"]
    return {}


def uuid_parameters(operation: Operation) -> list[str]:
    return [
        one["name"]
        for one in described(operation).get("parameters", ())
        if one["in"] == "query" and one["schema"].get("format") == "uuid"
    ]


def uuid_fields(operation: Operation) -> list[str]:
    content = described(operation).get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    return sorted(set(_uuid_fields(schema)))


def _uuid_fields(schema: Mapping[str, Any]) -> Iterator[str]:
    if "$ref" in schema:
        schemas = documents.openapi()["components"]["schemas"]
        yield from _uuid_fields(schemas[schema["$ref"].rsplit("/", 1)[-1]])
    for one in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        yield from _uuid_fields(one)
    for name, inner in schema.get("properties", {}).items():
        if inner.get("format") == "uuid" and not inner.get("readOnly"):
            yield name


def media_types(operation: Operation) -> list[str]:
    content = described(operation).get("responses", {}).get("200", {}).get("content", {})
    return sorted(one for one in content if not one.endswith("json"))
