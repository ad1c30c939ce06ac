# Every target does all of its own set-up. The plain commands behind each stand in README.md.
PORT ?= 8000
DATA ?= ../shared/data/lfw
DEVICE ?= cpu
PY := .venv/bin/python

.PHONY: help demo test lint format bench evaluation proof screenshots clean

help:
	@echo "make demo [PORT=8000] [RESET=1]  run the demo network until Ctrl-C"
	@echo "make test [ARGS='tests/engine']  run the test suite"
	@echo "make lint | format               ruff and mypy"
	@echo "make proof                       10,000 random histories, 1,000 racing changes, calibration"
	@echo "make bench [DEVICE=cuda]         how fast it is, beside a baseline"
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

# Stages on the bundled six-person photo beside a dlib + OpenCV baseline, how they grow with faces, viewers, pixels and
# people, and peak memory (var/bench/speed.json, speed.svg); photos at once on DEVICE and the floor of its arithmetic
# (device.json, docs/gpu.md), on a card fifty posts at once; then the image gate on the demo network, one photo against
# 100,000 people, and the visible sets of a feed.
bench: export MFMC_VAR := $(CURDIR)/var/bench
bench: export OMP_NUM_THREADS := 2
bench:
	@sh scripts/setup.sh
	$(PY) -m mfmc_engine benchmark speed "$$($(PY) -c 'from importlib.util import find_spec; print(find_spec("insightface").submodule_search_locations[0])')/data/images/t1.jpg" --out var/bench --device $(DEVICE) --batches $(if $(filter cpu,$(DEVICE)),1,1,2,4,8,16,32)
	@$(PY) manage.py migrate --verbosity 0 && $(PY) manage.py demo_seed
	$(if $(filter cpu,$(DEVICE)),,ENGINE_DEVICE=$(DEVICE) $(PY) manage.py benchmark_posting)
	$(PY) manage.py benchmark_gate
	$(PY) manage.py benchmark_matching
	$(PY) manage.py benchmark_feed --json var/bench/feed.json --plot docs/images/feed.svg

# Decisions against a slow reference after every step of random histories, and changes racing with requests: the
# short runs of these are in make test. Then the builtin recogniser's thresholds anew. About an hour on two idle cores.
proof:
	@sh scripts/setup.sh dev
	HISTORIES=10000 $(PY) -m pytest tests/faceaccess/test_histories.py -q -s -n 0
	RACES=1000 $(PY) -m pytest tests/faceaccess/test_races.py -q -s -n 0
	CALIBRATION=1 $(PY) -m pytest tests/packs/test_calibrate.py -q -n 0

# The paper's experiment on the 840 people of LFW and all ablations on 40; figures and plots go to docs/evaluation.md.
evaluation: export OMP_NUM_THREADS := 1
evaluation:
	@sh scripts/setup.sh dev
	$(PY) -m mfmc_engine evaluate --data $(DATA) --out var/reports/lfw
	$(PY) -m mfmc_engine evaluate --data $(DATA) --limit 40 --ablate --out var/reports/ablations \
		--recognizers dlib,mobilefacenet
	$(PY) scripts/evaluation_docs.py var/reports/lfw var/reports/ablations

screenshots:
	@sh scripts/setup.sh dev
	$(PY) scripts/screenshots.py

clean:
	rm -rf var build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
