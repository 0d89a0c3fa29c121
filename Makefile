# Needs only Python 3.11 or later, make and the package registries.
PYTHON ?= $(shell for each in python3.11 python3.12 python3.13 python3; do \
	$$each -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$each && break; done)
BIN := .venv/bin
SECONDS ?= 600

# Else each of the many processes that the tests start would compile the service anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run run-sign-in test journeys newest soak node check lint bench bench-growth bench-micro bench-report documents lock clean

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

run: .venv/run ## Set up, and serve a demo on SQLite with people to try, on 8000 or PORT
	$(BIN)/profile-service demo $(if $(PORT),--port $(PORT))

run-sign-in: .venv/run ## The same with a real OpenID Provider beside it, to sign in with; needs Node
	@$(MAKE) -s node NODE_FOLDERS=tests/support/oidc
	$(BIN)/python tools/run_sign_in.py

# These cover the rules whole; counting lines costs a fifth of the time of whatever runs with it.
OF_RULES := tests/rules tests/pictures
test: .venv/dev node ## Set up, and run the tests but the journeys
	$(BIN)/python -m pytest -n 2 -m "not journey" --cov --cov-report=term $(OF_RULES)
	$(BIN)/python -m pytest -n 2 -m "not journey" $(addprefix --ignore=,$(OF_RULES))

journeys: .venv/dev node ## Run the long tests: browsers, whole processes and drills
	$(BIN)/python -m pytest -n 2 -m journey

# Not part of the checks, since what it shows depends on the day.
newest: node ## Run the tests on the newest versions that pyproject.toml allows
	rm -rf .venv-newest
	$(PYTHON) -m venv .venv-newest
	.venv-newest/bin/python -m pip install -q .
	.venv-newest/bin/profile-service --help >/dev/null
	.venv-newest/bin/python -m pip install -q --upgrade pip
	.venv-newest/bin/python -m pip install -q -e '.[otel,redis]' --group dev --group build
	.venv-newest/bin/python -m pip check
	.venv-newest/bin/python -m pytest -n 2

ROUNDS ?= 20
soak: .venv/dev node ## Run the tests ROUNDS (20) times, shuffled, on a busy machine
	$(BIN)/python tools/soak.py $(ROUNDS)

# The tests that need Node say so and are skipped where it is missing.
NODE_FOLDERS ?= $(patsubst %/package.json,%,$(wildcard tests/support/*/package.json))
node:
	@for folder in $(NODE_FOLDERS); do \
		if ! command -v npm >/dev/null; then echo "No npm: what needs $$folder is left out."; \
		elif [ ! -d $$folder/node_modules ] || [ $$folder/package-lock.json -nt $$folder/node_modules ]; then \
			npm ci --silent --no-audit --no-fund --prefix $$folder && touch $$folder/node_modules; \
		fi; \
	done

check: lint test journeys ## All that CI checks: the tests, style, types and the arrows

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=domain:graphql:api:tools:bench:bench/drills $(BIN)/mypy --follow-imports=silent bench tools/*.py
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tools/breaking_changes.py

bench: .venv/dev ## Measure ours against the bare programs; needs wrk
	$(BIN)/python bench/run.py

bench-growth: .venv/dev ## Measure what more users, policies, pictures and history cost
	$(BIN)/python bench/growth.py

# They measure, so neither xdist nor the settings of the tests are of use to them.
bench-micro: .venv/dev ## Time single layers
	$(BIN)/python -m pytest bench/micro -o addopts= -o pythonpath=bench -p no:xdist \
		-p no:cacheprovider --import-mode=importlib --benchmark-only --benchmark-disable-gc \
		--benchmark-sort=fullname --benchmark-columns=min,median,iqr,rounds

bench-report: .venv/dev ## Draw the pictures and lay the tables of docs/performance.md anew
	$(BIN)/python bench/report.py

documents: .venv/dev ## Write schema.graphql, openapi.json and docs/errors.md anew, after a change to a face
	$(BIN)/profile-service sdl > schema.graphql
	env -u PROFILE_PUBLIC_URL $(BIN)/profile-service openapi > openapi.json
	$(BIN)/python tools/error_documents.py

COMPILE := uv pip compile -q --universal --generate-hashes --no-strip-extras --no-emit-index-url --no-header
CONSTRAINED := --constraint requirements-dev.lock

lock: .venv/dev ## Pin the newest versions that fit pyproject.toml, the same in all locks
	$(BIN)/$(COMPILE) --upgrade pyproject.toml --group dev --group build --extra otel --extra redis \
		-o requirements-dev.lock
	$(BIN)/$(COMPILE) --upgrade $(CONSTRAINED) pyproject.toml -o requirements.lock
	$(BIN)/$(COMPILE) --upgrade $(CONSTRAINED) pyproject.toml --extra otel --extra redis -o requirements-image.lock
	$(BIN)/$(COMPILE) --upgrade $(CONSTRAINED) --group build -o requirements-build.lock
	$(BIN)/$(COMPILE) --upgrade $(CONSTRAINED) --group torment -o requirements-torment.lock

DRILLS := kills slow hoarders refusals avatars memory strangers clock full_disk failover
drills: .venv/dev ## Torment a real service: kills, clients of all kinds, pictures, memory, clock, disk, fail-over
	@held=0; for each in $(DRILLS); do $(BIN)/python bench/drills/$$each.py || held=1; done; exit $$held

FUZZED := rest_body graphql_document token avatar request_framing
fuzz: $(FUZZED:%=fuzz-%) ## Fuzz each target for SECONDS (600); findings go to .fuzz

fuzz-%: .venv/torment
	$(BIN)/python fuzz/run.py $* $(SECONDS)

mutants: .venv/torment ## Change the rules in every way, and count what the tests notice
	rm -rf .mutants && mkdir -p .mutants/src
	cp -r domain/profile_domain .mutants/src/
	cp -r tests README.md pyproject.toml .mutants/
	cd .mutants && ../$(BIN)/mutmut run && ../$(BIN)/mutmut results

# A lock is complete, so nothing is resolved: neither the extras nor the build's own requirements
# follow what was released since.
INSTALL := -m pip install -q --disable-pip-version-check --no-deps
LOCKED := $(INSTALL) --require-hashes --only-binary :all: -r
PROJECT := $(INSTALL) --no-build-isolation -e .
CONSISTENT := -m pip check --disable-pip-version-check

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed, with venv."; exit 1; }
	$(PYTHON) -m venv .venv

.venv/run: requirements-build.lock requirements.lock pyproject.toml | .venv/bin/python
	$(BIN)/python $(LOCKED) requirements-build.lock
	$(BIN)/python $(LOCKED) requirements.lock
	$(BIN)/python $(PROJECT)
	$(BIN)/python $(CONSISTENT)
	@touch $@

.venv/dev: requirements-dev.lock pyproject.toml | .venv/bin/python
	$(BIN)/python $(LOCKED) requirements-dev.lock
	$(BIN)/python $(PROJECT)
	$(BIN)/python $(CONSISTENT)
	@touch $@ .venv/run

.venv/torment: requirements-torment.lock .venv/dev
	$(BIN)/python $(LOCKED) requirements-torment.lock
	$(BIN)/python $(CONSISTENT)
	@touch $@

clean: ## Remove what was set up
	rm -rf .venv .venv-newest .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
