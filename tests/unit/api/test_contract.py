"""Every address is described, and the description is OpenAPI 3.1."""

from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from api.app import create_app
from api.contract.openapi import Schemas, openapi
from api.contract.operation import Described
from api.settings import ApiSettings

ROUTES = create_app(ApiSettings()).routes
DOCUMENT = openapi(ROUTES, "0")


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        here = [node["$ref"]] if "$ref" in node else []
        return here + [found for child in node.values() for found in references(child)]
    return [found for child in node for found in references(child)] if isinstance(node, list) else []


def test_there_is_no_address_without_a_description() -> None:
    assert not [route for route in ROUTES if not isinstance(route, Described) or not route.operations]


def test_nothing_below_v1_is_open_and_all_else_is() -> None:
    for route in ROUTES:
        assert isinstance(route, Described)
        for operation in route.operations.values():
            assert bool(operation.scopes) == route.path.startswith("/v1/"), route.path
            assert operation.summary.endswith(".")


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_every_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(DOCUMENT["components"]["schemas"][name])


def test_every_reference_leads_somewhere() -> None:
    found = references(DOCUMENT)
    assert found
    assert {name.rpartition("/")[2] for name in found} <= DOCUMENT["components"]["schemas"].keys()


def test_every_name_of_a_path_is_a_parameter_and_every_operation_has_its_own_id() -> None:
    ids = []
    for path, operations in DOCUMENT["paths"].items():
        for operation in operations.values():
            ids.append(operation["operationId"])
            named = {part["name"] for part in operation["parameters"] if part["in"] == "path"}
            assert named == {piece.partition("}")[0] for piece in path.split("{")[1:]}
    assert len(ids) == len(set(ids))


def test_two_types_of_one_name_are_refused() -> None:
    schemas = Schemas()
    schemas.of(msgspec.defstruct("Same", [("a", int)]))
    with pytest.raises(ValueError, match="Same"):
        schemas.of(msgspec.defstruct("Same", [("b", int)]))
