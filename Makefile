# Every target does all of its own set-up. The plain commands behind each stand in README.md.
PORT ?= 8000
PY := .venv/bin/python

.PHONY: help demo test lint format bench screenshots clean

help:
	@echo "make demo [PORT=8000] [RESET=1]  run the demo network until Ctrl-C"
	@echo "make test [ARGS='tests/engine']  run the test suite"
	@echo "make lint | format               ruff and mypy"
	@echo "make screenshots                 the pictures in README.md"

demo:
	@sh scripts/setup.sh
	@exec $(PY) manage.py demo --port $(PORT) $(if $(RESET),--reset)

test:
	@sh scripts/setup.sh dev
	@exec $(PY) -m pytest $(ARGS)

lint:
	@sh scripts/setup.sh dev
	$(PY) -m ruff format --check . && $(PY) -m ruff check . && $(PY) -m mypy

format:
	@sh scripts/setup.sh dev
	$(PY) -m ruff format . && $(PY) -m ruff check --fix .

screenshots:
	@sh scripts/setup.sh dev
	$(PY) scripts/screenshots.py

clean:
	rm -rf var build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
