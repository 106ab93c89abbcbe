# The development commands. Each does its own set-up; only Python 3.11 or newer has to be there.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv/bin
PYTEST := $(VENV)/pytest --numprocesses $(or $(WORKERS),auto) --dist worksteal

.PHONY: help
help: ## Show this list.
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Run everything on this machine: simulated WhatsApp, bot and agent console.
	@scripts/setup.sh runtime
	@exec $(VENV)/ponte demo

.PHONY: setup
setup: ## Make .venv with the development tools.
	@scripts/setup.sh dev

.PHONY: test
test: setup ## Run all tests (ARGS="-k claim" picks some, WORKERS=4 sets how many at once).
	$(PYTEST) $(ARGS)

.PHONY: test-fast
test-fast: setup ## Run the tests that need neither Chromium nor real processes.
	$(PYTEST) -m "not slow and not browser" $(ARGS)

.PHONY: coverage
coverage: setup ## Run all tests and report which branches they did not reach.
	$(PYTEST) --cov --cov-report=term --cov-report=html $(ARGS)

.PHONY: check
check: setup ## Check format, lint, types, import contracts, locks and prompts: what CI runs.
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy
	$(VENV)/lint-imports --no-cache
	scripts/lock.sh --check
	$(VENV)/ponte prompts check

.PHONY: format
format: setup ## Format the code and mend what ruff can mend.
	$(VENV)/ruff check --fix-only .
	$(VENV)/ruff format .

.PHONY: lock
lock: setup ## Write the locks from pyproject.toml (ARGS=--upgrade takes newer versions).
	scripts/lock.sh $(ARGS)

.PHONY: soak
soak: setup ## Run the pipeline against chance for 100,000 steps (STEPS=5000 for fewer, SEED=1 to repeat a run).
	@seed=$(or $(SEED),$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')); echo "seed: $$seed"; \
	PIPELINE_STEPS=$(or $(STEPS),100000) $(VENV)/pytest tests/integration/test_pipeline_model.py --timeout 14400 --hypothesis-seed=$$seed

.PHONY: bench
bench: setup ## Measure speed on this machine (see benchmarks/README.md).
	$(VENV)/python -m benchmarks $(ARGS)

.PHONY: clean
clean: ## Remove .venv and every cache; the data under var/ stays.
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache htmlcov .coverage* build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
