# make run    talk to it: sets up what is missing, starts the three servers and the agent
# make test   every test that needs neither torch nor a GPU, in about five minutes
# make test-models   those that need torch: the recipes of what this project has trained
# make demo-score    how well the demo hears and answers, on sentences and calls that it never saw
# make demo   trains the demo LLM anew: half an hour of two cores; goes on where it was stopped
#
# PYTHON=python3.12 picks a Python; without it, the environment that is there, or else the newest that works.

.PHONY: help run test test-slow test-models demo-score demo lint clean
.DELETE_ON_ERROR:

FITS := import sys, venv, ensurepip; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit(1); print(*v, sep=".")
ifeq ($(origin PYTHON), undefined)
PYTHON := $(shell for python in .venv/bin/python python3.13 python3.12 python3.11 python3; do \
	$$python -c '$(FITS)' >/dev/null 2>&1 && echo $$python && break; done)
endif
VERSION := $(if $(PYTHON),$(shell $(PYTHON) -c '$(FITS)' 2>/dev/null))
define NO_PYTHON
$(if $(PYTHON),'$(PYTHON)' cannot be used.,No Python was found that can be used.) \
It takes Python 3.11, 3.12 or 3.13 with its venv module \
(Debian and Ubuntu: apt-get install python3-venv). Name one: make run PYTHON=...
endef

SET_UP := pyproject.toml constraints/build.txt constraints/embedded.txt $(wildcard constraints/*.py)
EMBEDDED := .venv/.embedded-$(VERSION)
DEV := .venv/.dev-$(VERSION)
TRAIN := .venv-train/.train-$(VERSION)

PYTEST := .venv/bin/python -m pytest

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile
	@echo "make test-slow, make lint, make clean"

run: $(EMBEDDED)
	@.venv/bin/python -m agent.local

# Rules and servers side by side, in CI with asyncio's debug mode, which doubles their time; then the
# conversations, one at a time since they are held in real time. On a machine that stalls, one of them may
# miss its time: what fails is tried once more by itself. (5: ARGS has chosen no test.)
ASYNCIO_DEBUG := $(if $(CI),true,false)
test: $(DEV)
	@$(PYTEST) -m "not realtime and not slow" -n auto --dist loadfile \
		-o asyncio_debug=$(ASYNCIO_DEBUG) $(ARGS) || [ $$? -eq 5 ]
	@$(PYTEST) -m "realtime and not slow" $(ARGS) || case $$? in 5) ;; 1) \
		echo "Once more:"; $(PYTEST) -m "realtime and not slow" --last-failed $(ARGS);; *) exit 1;; esac

test-slow: $(DEV)
	@$(PYTEST) -m slow -n auto $(ARGS)

test-models: $(TRAIN)
	@.venv-train/bin/python -m pytest tests/llm/demo/test_train.py tests/asr_server/workshop/test_train.py tests/asr_server/workshop/test_hearing.py $(ARGS)

demo-score: $(DEV)
	@.venv/bin/python -m llm.demo.score
	@.venv/bin/python -m asr_server.workshop.score

demo: $(TRAIN)
	@.venv-train/bin/python -m llm.demo.train --into .run/demo
	@.venv-train/bin/python -m llm.demo.export --from .run/demo

lint: $(DEV)
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/pyright
	.venv/bin/pyright --project tests

clean:
	rm -rf .venv .venv-* .run .pytest_cache .ruff_cache .hypothesis

$(EMBEDDED): $(SET_UP)
	$(if $(VERSION),,$(error $(NO_PYTHON)))
	@$(PYTHON) -m constraints.install embedded
	@touch $@

# It has all that the embedded environment has.
$(DEV): $(SET_UP) constraints/dev.txt
	$(if $(VERSION),,$(error $(NO_PYTHON)))
	@$(PYTHON) -m constraints.install dev
	@touch $(EMBEDDED) $@

$(TRAIN): $(SET_UP) constraints/dev.txt constraints/train.txt
	$(if $(VERSION),,$(error $(NO_PYTHON)))
	@$(PYTHON) -m constraints.install train
	@touch $@
