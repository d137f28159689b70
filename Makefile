# Everything is run through .venv, which `install` makes; only Python and make are needed.
PYTHON := .venv/bin/python
WITH_SERVERS := $(PYTHON) -m quantify.stack run --
COVERAGE_FLOOR := 85
ROOMS := accounts estates units meters rates wallets payments reports notifications quantify

.DEFAULT_GOAL := help
.PHONY: help install dev test soak fuzz lint coverage migrate seed bench lock reset clean

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: ## Make .venv and install the locked requirements.
	@sh quantify/stack/prepare.sh

dev: install ## Run the whole product on this machine, with a demo estate.
	@$(PYTHON) manage.py up

test: lint ## Check everything that CI demands.
	$(WITH_SERVERS) $(PYTHON) manage.py makemigrations --check --dry-run
	@echo "manage.py check --deploy"
	@DJANGO_SETTINGS_MODULE=quantify.settings.prod ALLOWED_HOSTS=quantify.example \
	    SECRET_KEY=$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(50))') \
	    $(WITH_SERVERS) $(PYTHON) manage.py check --deploy --fail-level WARNING
	@# Lines are told by the interpreter itself; branches would cost a third of the time again.
	COVERAGE_CORE=sysmon $(WITH_SERVERS) $(PYTHON) -m pytest -n 2 \
	    --cov --cov-report=term --cov-fail-under=$(COVERAGE_FLOOR)

soak: install ## Kill some 500 processes, run crowds, read bad lines, ask the API anything.
	$(WITH_SERVERS) $(PYTHON) -m pytest -m soak -s

FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= wrapper answer sealed rows conversation lorawan webhook
fuzz: install ## Fuzz codec, decoders and webhook for FUZZ_SECONDS each (Linux; coverage-guided).
	@for target in $(FUZZ_TARGETS); do \
	    echo "== $$target"; \
	    $(PYTHON) -m meters.tests.fuzzing $$target $(FUZZ_SECONDS) || exit 1; \
	done

lint: install ## Check format, style, types, who imports whom, and what is dangerous.
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy .
	.venv/bin/lint-imports
	.venv/bin/bandit --quiet --recursive --configfile pyproject.toml $(ROOMS)

coverage: install ## Run the tests and write htmlcov/index.html, with branches.
	$(WITH_SERVERS) $(PYTHON) -m pytest -n 2 --cov --cov-branch --cov-report=html

migrate: install ## Apply the migrations to DATABASE_URL.
	$(PYTHON) manage.py migrate

seed: install ## Fill DATABASE_URL with the demo estate.
	$(PYTHON) manage.py seed_demo

bench: install ## Measure what the README claims, on servers that lose nothing.
	$(PYTHON) -m quantify.stack --var var/bench --instance dev run -- $(PYTHON) -m benchmarks

lock: install ## Resolve requirements*.in anew (needs uv).
	uv pip compile --universal --no-emit-index-url --python-version 3.12 \
	    --upgrade --quiet -o requirements.txt requirements.in
	uv pip compile --universal --no-emit-index-url --python-version 3.12 \
	    --upgrade --quiet -o requirements-dev.txt requirements-dev.in

reset: install ## Delete the demo's data; the next `make dev` begins anew.
	$(PYTHON) -m quantify.stack --instance dev erase

clean: ## Remove caches and the test servers' data; the demo's data stays.
	[ ! -x $(PYTHON) ] || $(PYTHON) -m quantify.stack erase
	rm -rf .coverage .coverage.* htmlcov .mypy_cache .ruff_cache .pytest_cache \
	    .hypothesis .import_linter_cache var/test
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
