# Every target that a person or CI runs. `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= python3
# Test processes side by side, each with a sandbox of its own.
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/clickstream-operator
READY := $(VENV)/.ready

export UV_CACHE_DIR ?= $(CACHE)/uv
# Bytecode of the tree belongs in the cache, not in the tree; without any, each process compiles all
# that it imports, which costs a quarter of a second and 70 MiB.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX ?= $(CACHE)/pycache

help: ## List every target
	@awk 'BEGIN {FS = ":.*## "} /^[a-z][a-z-]*:.*## / { \
	  count = split($$2, words, " "); line = sprintf("  %-16s", $$1); \
	  for (i = 1; i <= count; i++) { \
	    if (length(line) + length(words[i]) > 78) { print line; line = sprintf("%18s", "") } \
	    line = line " " words[i] } \
	  print line }' $(MAKEFILE_LIST)

# pyproject.toml says which folders the editable installation puts on the path.
$(READY): locks/dev.txt locks/uv.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || \
	  { echo "Python 3.11 to 3.14 is needed as $(PYTHON): install it, or run make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv module is missing: install the package python3-venv, then run make again" >&2; exit 1; }
	@echo "Installing the locked Python packages into $(VENV)" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement locks/uv.txt
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes locks/dev.txt
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(READY)

install: $(READY) ## Install the locked development environment into .venv

check: $(READY) ## Lint, format, types, layers, and that generated files are current
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m clickstream_operator.api.crd --check crds/clickstreampipelines.yaml
	$(BIN)/python -m docs.generator --check
	$(BIN)/python examples/iam/generate.py --check
	$(BIN)/python charts/generate.py --check
	$(BIN)/python -m sandbox.image.bom --check

format: $(READY) ## Format the code and apply safe fixes
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

test: $(READY) lambdas ## Run the whole test suite (builds the sandbox on first use)
	$(BIN)/python -m sandbox build
	$(BIN)/pytest -m "not audit and not browser and not docs and not gitops and not image and not roles and not sql" --prove-rights -n $(JOBS) --dist worksteal

.PHONY: test-sql
test-sql: $(READY) ## Run every view and report on a real Trino as well (needs Maven and JDK 25; fetches 450 MB on first use)
	$(BIN)/pytest --trino tests/sql tests/unit/query/test_reports.py tests/unit/query/test_odd_archives.py

test-gitops: $(READY) lambdas ## Run the tests with a real Argo CD (builds it on first use)
	$(BIN)/python -m sandbox build --argocd
	$(BIN)/pytest tests/gitops -m gitops

.PHONY: test-browser
test-browser: $(READY) lambdas ## Visit pages with the built script in Chromium, and in Firefox where it is (needs chromium and chromium-driver)
	$(BIN)/pytest tests/browser -m browser

.PHONY: test-docs
test-docs: $(READY) lambdas ## Run the commands of README, how-to pages and runbooks as they stand
	$(BIN)/python -m sandbox build
	$(BIN)/pytest tests/docs -m docs

test-image: $(READY) lambdas ## Build the image and run it as a pod would (needs root, buildah and debootstrap)
	$(BIN)/python -m sandbox build
	$(BIN)/pytest tests/image -m image

image: $(READY) web ## Build the image with docker, podman or buildah (BASE=... builds on another image)
	@$(BIN)/python -m sandbox.image $(if $(BASE),--base $(BASE)) $(if $(TAG),--tag $(TAG))

bom: $(READY) ## Write locks/operator.cdx.json, the bill of materials of the locked packages
	$(BIN)/python -m sandbox.image.bom

test-roles: $(READY) lambdas ## Take each permission from the functions' roles, one at a time: each must be missed
	$(BIN)/python -m sandbox build
	$(BIN)/pytest tests/integration/test_function_roles.py

audit: $(READY) ## Audit code, chart, IAM, secrets, licences, Dockerfile and workflows
	$(BIN)/pytest tests/audit -m audit

.PHONY: vulnerabilities
vulnerabilities: $(READY) ## Compare the locked packages with the list of known vulnerabilities (ACCEPTED="id ..." leaves some out)
	@failed=0; for lock in operator cli emulator dev; do \
	  echo "locks/$$lock.txt" >&2; \
	  $(BIN)/python -m sandbox audit-tool pip-audit --strict --disable-pip --progress-spinner off $(VULNERABILITY_LIST) \
	    $(foreach id,$(ACCEPTED),--ignore-vuln $(id)) --requirement "locks/$$lock.txt" || failed=1; \
	done; exit $$failed

test-unit: $(READY) lambdas ## Run the tests that need no sandbox
	$(BIN)/pytest tests/unit tests/resources tests/lambdas

.PHONY: test-functions
test-functions: $(READY) lambdas ## Run the functions' tests on another interpreter: RUNTIME=/path/to/python3.14
	$(BIN)/uv venv --quiet --clear --python $(or $(RUNTIME),$(PYTHON)) $(CACHE)/test-functions
	$(BIN)/uv pip sync --quiet --python $(CACHE)/test-functions/bin/python --require-hashes locks/dev.txt
	$(CACHE)/test-functions/bin/python -m pytest tests/lambdas

test-sweeps: $(READY) lambdas ## Run the sweeps whole: lives in any order, a death at every write, every fault at every call, refusals that last, a bucket with 250,000 versions
	$(BIN)/python -m sandbox build
	$(BIN)/pytest --whole-sweeps --timeout 1200 -n $(JOBS) --dist worksteal tests/reliability/test_any_order.py tests/reliability/test_crash_points.py tests/reliability/test_fault_sweep.py tests/reliability/test_refusal_sweep.py tests/reliability/test_emptying.py

crds: $(READY) ## Generate the CRD from the models, and the reference pages
	$(BIN)/python -m clickstream_operator.api.crd --output crds/clickstreampipelines.yaml
	$(BIN)/python -m docs.generator
	$(BIN)/python charts/generate.py

field-check: $(READY) ## Print the open places of a field or of an AWS kind that was begun
	@$(BIN)/python -m docs.generator.open_places

docs: $(READY) ## Generate the reference pages in docs/reference/ from the code
	$(BIN)/python -m docs.generator

chart: $(READY) ## Generate what the chart has from elsewhere (CRD, schema, table of values), and lint it
	@$(BIN)/python charts/generate.py
	@for major in 3 4; do "$$($(BIN)/python -m sandbox helm $$major)" lint --strict --set aws.region=eu-west-1 charts/clickstream-operator || exit 1; done

iam: $(READY) ## Generate the IAM documents in examples/iam/ from the operator's policy
	$(BIN)/python examples/iam/generate.py

upgrade-fixture: $(READY) lambdas ## At a release: write anew what the next version must take over
	cp crds/clickstreampipelines.yaml tests/fixtures/upgrade/crd.yaml
	$(BIN)/python -m sandbox build
	$(BIN)/python -m tests.integration.upgrade_fixture

.PHONY: web
web: $(READY) ## Build the script of web pages (with npm, once for each version of it)
	@$(BIN)/python web/build.py --output build/web $(if $(filter web,$(MAKECMDGOALS)),,--quiet)

lambdas: $(READY) web ## Build the function packages, byte for byte reproducible
	@$(BIN)/python lambdas/build.py --output build/lambdas $(if $(filter lambdas,$(MAKECMDGOALS)),,--quiet)

lock: $(READY) ## Resolve the dependencies again and rewrite locks/
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml -o locks/operator.txt --quiet
	$(BIN)/python -m sandbox.image.bom
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml --extra cli -o locks/cli.txt --quiet
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml --extra cli --group dev -o locks/dev.txt --quiet
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --python-version 3.11 locks/audit.in -o locks/audit.txt --quiet
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate --python-version 3.11 locks/uv.in -o locks/uv.txt --quiet
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --python-version 3.11 locks/emulator.in -o locks/emulator.txt --quiet

pin-controlplane: $(READY) ## Pin the digests of the released Kubernetes programs, to be reviewed: downloads instead of builds
	$(BIN)/python -m sandbox.programs.released "$$(sed -n 's/^\tk8s.io\/kubernetes //p' sandbox/programs/controlplane/go.mod)"

up: $(READY) ## Start the sandbox: Kubernetes API and AWS emulator on loopback
	@$(BIN)/python -m sandbox up

down: $(READY) ## Stop the sandbox
	@$(BIN)/python -m sandbox down

status: $(READY) ## Show what of the sandbox runs
	@$(BIN)/python -m sandbox status

demo: $(READY) lambdas ## From nothing to a live pipeline: sandbox, operator, events, proof, clean-up (KEEP=1 leaves it running)
	@$(BIN)/python -m sandbox demo $(if $(filter 1,$(KEEP)),--keep)

demo-producers: $(READY) lambdas ## Events of six well-known producers through a pipeline each, the truth beside the counts
	@$(BIN)/python -m sandbox producers-demo

demo-lifecycle: $(READY) lambdas ## A pipeline's whole life on an AWS with all its states: edit, break, scale, approve, suspend, delete, return
	@$(BIN)/python -m sandbox lifecycle $(if $(filter 1,$(KEEP)),--keep)

demo-install: $(READY) lambdas ## The chart's life with Helm: install, upgrade, failover, rollback, uninstall with pipelines intact, back again
	@$(BIN)/python -m sandbox install-demo $(if $(filter 1,$(KEEP)),--keep)

demo-tenants: $(READY) lambdas ## Two tenants and the shipped policy, IAM enforced: each attack of the security review, with what stops it
	@$(BIN)/python -m sandbox tenants-demo

demo-cli: $(READY) lambdas ## Fourteen commands of the command line, each judged; WRITE=1 renews the page in docs/
	@$(BIN)/python -m sandbox cli-demo $(if $(filter 1,$(WRITE)),--write)

demo-migrate: $(READY) lambdas ## A Terraform deployment to a Ready pipeline and back, with every event counted
	@$(BIN)/python -m sandbox migrate-demo

demo-query: $(READY) ## Six weeks of events: reports on DuckDB and on a real Trino, beside the truth
	@$(BIN)/python -m sandbox query-demo

bench-operator: $(READY) lambdas ## Count what one and fifty pipelines cost; writes build/bench-operator.json
	@$(BIN)/python -m benchmarks.reconciling

test-exact: $(READY) ## Run 10,000 faulty runs of the functions, then with each protocol weakened; writes build/bench-exactness.json
	@$(BIN)/python -m benchmarks.exactness

demo-exact: $(READY) ## Every count beside the truth with every fault on, then the original's design for contrast
	@$(BIN)/python -m simulator

bench-dataplane: $(READY) lambdas ## Measure the data plane, limits beside the figures (RUNS=10000 faulty runs); writes build/bench-dataplane.json
	@$(BIN)/python -m benchmarks.dataplane --runs $(or $(RUNS),10000)

cli: $(READY) ## Build the archives of the command line for krew, and their manifest, into build/cli
	@$(BIN)/python examples/krew/build.py --uv $(BIN)/uv

bench-cli: $(READY) lambdas ## Time the command line's answers, limits beside them
	@$(BIN)/python -m benchmarks.command_line

clean: ## Remove what builds left in the tree (caches outside it stay)
	rm -rf build dist .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: demo-query demo-cli demo-migrate demo-producers pin-controlplane cli demo-tenants field-check upgrade-fixture image bom test-image audit iam bench-dataplane test-roles test-exact demo-exact demo-lifecycle demo-install test-gitops chart bench-operator help install check format test test-unit crds docs lambdas lock up down status demo clean
