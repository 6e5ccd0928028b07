"""The models of dbt_like_sql: contracts, lint and the given/expect tests of their YAML."""

import pytest

from expectations.suite import UNIQUE
from warehouse.engine.lint import lint_models
from warehouse.engine.model import ModelTest, SqlModel, load_models
from warehouse.engine.run import describe_check
from warehouse.engine.testing import run_model_test

MODELS = load_models()


@pytest.mark.parametrize(
    ("model", "test"),
    [
        pytest.param(model, test, id=f"{model.table}: {test.name}")
        for model in MODELS.values()
        for test in model.tests
    ],
)
def test_given_rows_give_the_expected_ones(model: SqlModel, test: ModelTest) -> None:
    difference = run_model_test(model, test, MODELS)
    assert difference is None, difference


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_every_model_has_two_tests_and_a_blocking_check_of_its_key(model: SqlModel) -> None:
    assert len(model.tests) >= 2
    unique = [
        expectation
        for expectation in model.contract.expectations
        if expectation.name in UNIQUE and expectation.columns == model.contract.key
    ]
    # A view is computed, and its YAML says from which unique rows.
    assert [each.action for each in unique] == ([] if model.contract.is_view else ["block"])


def test_models_give_the_columns_and_types_of_their_contracts() -> None:
    assert describe_check(MODELS) == []


def test_models_keep_to_the_portable_subset_and_house_style() -> None:
    assert [str(finding) for finding in lint_models(MODELS)] == []


def test_latest_models_have_the_columns_of_their_records() -> None:
    for name, model in MODELS.items():
        if name.startswith("latest."):
            assert model.depends_on >= {name.replace("latest.", "core.")}
            assert "version" in model.contract.column_names
            assert "version" not in model.contract.key
