# Samplehouse. `make` lists what there is; every target sets up what it needs.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.PHONY: help setup run ui test lint lint-style lint-types lint-sql format dictionary coverage bench clean

BIN := .venv/bin
# uv from the machine, or one of the project's own.
UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
READY := .venv/.ready
CODE := pipelines assets expectations warehouse tests

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## install everything into .venv

.uv/bin/uv:
	@python3 -m venv .uv
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv

$(READY): pyproject.toml uv.lock | $(filter .uv/bin/uv,$(UV))
	@$(UV) sync --quiet --frozen --compile-bytecode --extra ui
	@touch $@

run: $(READY) ## deliver the demo city year and build a release from it
	@$(BIN)/samplehouse demo || [ $$? -eq 1 ]  # 1: done, and some deliveries want a look

ui: $(READY) ## open the Dagster UI on the built graph
	@test -e "$${SAMPLEHOUSE_HOME:-warehouse/data}/release/samplehouse.duckdb" \
		|| $(MAKE) --no-print-directory run
	@$(BIN)/samplehouse ui

test: lint ## lint, then run all tests
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(READY) ## check style, types, import layers and SQL
	@$(MAKE) --no-print-directory --jobs 2 --output-sync lint-types lint-sql lint-style

lint-types:
	@$(BIN)/mypy --no-error-summary

lint-sql:
	@found=$$($(BIN)/sqlfluff lint --nocolor --disable-progress-bar dbt_like_sql) \
		|| { echo "$$found"; exit 1; }

lint-style:
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@found=$$($(BIN)/lint-imports --no-logo) || { echo "$$found"; exit 1; }

format: $(READY) ## rewrite code and SQL in the house style
	@$(BIN)/ruff check --quiet --fix . || true
	@$(BIN)/ruff format .
	@$(BIN)/sqlfluff fix --nocolor --disable-progress-bar dbt_like_sql

dictionary: $(READY) ## write docs/data_dictionary.md from the contracts
	@$(BIN)/python -m warehouse.dictionary

coverage: $(READY) ## write docs/coverage.md from the plans
	@$(BIN)/python -m warehouse.plan_coverage

SIZE ?= 100000
REPEAT ?= 3

bench: $(READY) ## compare with a hand-written floor and dbt (SIZE=1000000, REPEAT=3)
	@UV=$(UV) $(BIN)/python bench/run.py --samples $(SIZE) --repeat $(REPEAT)

clean: ## remove the environment and caches; data stays
	@rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
