# Every target does all of its own set-up. The plain commands behind each stand in README.md.
PORT ?= 8000
DATA ?= ../shared/data/lfw
PY := .venv/bin/python

.PHONY: help demo test lint format bench evaluation screenshots clean

help:
	@echo "make demo [PORT=8000] [RESET=1]  run the demo network until Ctrl-C"
	@echo "make test [ARGS='tests/engine']  run the test suite"
	@echo "make lint | format               ruff and mypy"
	@echo "make bench                       how fast it is, beside a baseline"
	@echo "make evaluation [DATA=DIR]       the paper's experiment; writes docs/evaluation.md"
	@echo "make screenshots                 the pictures in README.md"

demo:
	@sh scripts/setup.sh
	@exec $(PY) manage.py demo --port $(PORT) $(if $(RESET),--reset)

test:
	@sh scripts/setup.sh dev
	@exec $(PY) -m pytest -n auto --maxprocesses 4 $(ARGS)

lint:
	@sh scripts/setup.sh dev
	$(PY) -m ruff format --check . && $(PY) -m ruff check . && $(PY) -m mypy

format:
	@sh scripts/setup.sh dev
	$(PY) -m ruff format . && $(PY) -m ruff check --fix .

# Stages on the bundled six-person photo beside a dlib + OpenCV baseline, then the image gate on the demo network.
bench: export MFMC_VAR := $(CURDIR)/var/bench
bench: export OMP_NUM_THREADS := 2
bench:
	@sh scripts/setup.sh
	$(PY) -m mfmc_engine benchmark speed "$$($(PY) -c 'from importlib.util import find_spec; print(find_spec("insightface").submodule_search_locations[0])')/data/images/t1.jpg"
	@$(PY) manage.py migrate --verbosity 0 && $(PY) manage.py demo_seed
	$(PY) manage.py benchmark_gate

# The paper's experiment on 200 people of LFW and all ablations on 40; figures and plots go to docs/evaluation.md.
evaluation: export OMP_NUM_THREADS := 1
evaluation:
	@sh scripts/setup.sh dev
	$(PY) -m mfmc_engine evaluate --data $(DATA) --limit 200 --out var/reports/lfw
	$(PY) scripts/evaluation_docs.py var/reports/lfw
	$(PY) -m mfmc_engine evaluate --data $(DATA) --limit 40 --ablate --out var/reports/ablations

screenshots:
	@sh scripts/setup.sh dev
	$(PY) scripts/screenshots.py

clean:
	rm -rf var build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
