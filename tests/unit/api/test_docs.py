"""docs/api.md says what there is: a new metric, dimension, error, field or address that is not in it fails here."""

import re
from pathlib import Path

import pytest

from api import errors
from api.app import create_app
from api.clicks.endpoints import PARAMETERS as CLICKS
from api.contract.endpoints import addresses
from api.contract.operation import Described
from api.dimensions import DIMENSIONS
from api.formats.choose import FORMATS
from api.metrics import LEFT_OUT, METRICS
from api.query.address import QUESTION
from api.query.endpoints import INTERVALS
from api.query.model import Include, Query
from api.settings import ApiSettings
from deploy.links.rows import COLUMNS

DOCS = (Path(__file__).parents[3] / "docs" / "api.md").read_text()


def test_every_metric_and_dimension_stands_with_its_meaning() -> None:
    for metric in METRICS.values():
        assert f"| `{metric.name}` | {metric.help} |\n" in DOCS
    for dimension in DIMENSIONS.values():
        assert f"| `{dimension.name}` | {dimension.shape.value} | {dimension.help} |\n" in DOCS


def test_every_error_stands_with_its_status() -> None:
    for error in errors.ApiError.__subclasses__():
        assert f"| {error.status.value} | `{error.code}` |" in DOCS


@pytest.mark.parametrize(
    "names",
    [
        Query.model_fields,
        Include.model_fields,
        [part.name for part in (*QUESTION, *CLICKS)],
        INTERVALS,
        LEFT_OUT,
        COLUMNS,
        FORMATS,
    ],
)
def test_every_name_is_mentioned(names: object) -> None:
    assert isinstance(names, dict | tuple | list)
    assert not [name for name in names if f"`{name}`" not in DOCS]


def test_every_format_stands_with_its_media_type() -> None:
    for format_ in FORMATS.values():
        assert f"| `{format_.name}` | `{format_.media_type}` |" in DOCS


def test_every_address_is_mentioned() -> None:
    routes = [route for route in create_app(ApiSettings()).routes if isinstance(route, Described)]
    for address in addresses(routes):
        assert address.split(" ")[-1] in DOCS


def test_every_variable_that_it_mentions_exists() -> None:
    mentioned = set(re.findall(r"WEIR_(\w+)", DOCS))
    assert mentioned <= {name.upper() for name in ApiSettings.model_fields}
