# Every target makes the environment it needs, so `git clone` and `make demo` is all there is to do.
# Options:  make demo CYCLES=3 ARGS="--seed 7"      make PYTHON=python3.12 test
# Kept to what GNU make 3.81 understands, which is what macOS ships.

VENV := .venv
ARGS :=
CYCLES := 1
SIM_ARGS := --lighter-port 8801 --pacifica-port 8802 --env-file .env.sim

# The environment's own Python if there is one, else the first that is new enough, else python3
# for its complaint.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
ifndef PYTHON
PYTHON := $(shell for name in $(VENV)/bin/python python3 python3.13 python3.12 python3.11; do \
	$$name -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && echo $$name && exit; done; echo python3)
endif

# A machine that cannot run the project gets one line and exit code 2, before anything is made.
ifneq ($(filter-out help,$(MAKECMDGOALS)),)
PROBLEM := $(shell $(PYTHON) scripts/python_problem.py 2>&1 \
	|| echo "- cannot run $(PYTHON): install Python 3.11 or newer")
ifneq ($(PROBLEM),)
$(error $(PROBLEM))
endif
endif

ENVIRONMENT := @$(PYTHON) scripts/environment.py

.PHONY: help demo test check economics storm mutants storm-kills
.PHONY: diagram picture conformance sim runtime develop

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile \
		| awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

demo: runtime ## one hedge on the embedded venues, from start to end: no keys, no network
	@$(VENV)/bin/python lighter_pacifica_hedge.py --demo --cycles $(CYCLES) $(ARGS)

test: develop ## run the tests, offline
	@$(VENV)/bin/python -m pytest -q $(ARGS)

check: develop ## lint, types and house style
	$(VENV)/bin/python -m ruff check .
	$(VENV)/bin/python -m mypy
	$(VENV)/bin/python -m pytest -q test/test_tidy.py
	@$(VENV)/bin/python -m test.tidy

economics: runtime ## judge the trading rules on 224 seeded markets, a minute or two
	@$(VENV)/bin/python -m desk.proof $(ARGS)

storm: runtime ## crash, starve and deceive the bot on virtual time; ten to fifteen minutes, 2 cores
	@$(VENV)/bin/python -m desk.storm --sweep pairs --runs 10000 $(ARGS)
	@$(VENV)/bin/python -m test.wire

mutants: runtime ## plant some forty bugs, one at a time: each must break a rule of the storm
	@$(VENV)/bin/python -m test.mutants $(ARGS)

storm-kills: develop ## kill the real daemon fifty times, in every state; ten minutes, 2 cores
	@$(VENV)/bin/python -m test.kills $(ARGS)

diagram: runtime ## draw docs/states.md from the transition table
	@$(VENV)/bin/python -m desk.hedge.diagram > docs/states.md.new
	@mv docs/states.md.new docs/states.md

picture: develop ## draw docs/dashboard.svg, the picture in the README
	@$(VENV)/bin/python -m test.screen.dashboard --readme

conformance: develop ## run strangers' clients (ccxt, lighter-sdk) against the embedded venues
	$(ENVIRONMENT) .venv-ccxt ccxt==4.5.90
	$(ENVIRONMENT) .venv-lighter lighter-sdk==1.1.8
	@$(VENV)/bin/python -m test.conformance $(ARGS)

sim: runtime ## serve both embedded venues on loopback, ports 8801 and 8802, keys in .env.sim
	@$(VENV)/bin/python -m desk.sim $(SIM_ARGS) $(ARGS)

runtime:
	$(ENVIRONMENT) $(VENV) requirements.txt

develop:
	$(ENVIRONMENT) $(VENV) requirements.txt requirements-dev.txt
