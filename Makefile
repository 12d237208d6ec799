# Gantry's tasks; `make` alone lists them. Everything is installed in $(VENV), nothing has to be activated.

PYTHON ?= python3
VENV ?= .venv
STAGE ?= dev
TESTFLAGS ?=

# Byte code beside our own modules would end up in the archives that Chalice packs.
export PYTHONDONTWRITEBYTECODE := 1

RUN := $(VENV)/bin/python
READY := $(VENV)/.complete

.DEFAULT_GOAL := help
.PHONY: help demo test bench-mongodb lint format package clean

help: ## list these tasks
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{printf "%-19s %s\n", $$1, $$2}'

# What is set on the command line goes to the playground as words: `make demo HANDOFF=retry` ends in
# `python -m playground HANDOFF=retry`. Only the names are taken from make's own list (where blanks and backslashes
# in values carry a backslash); the values come through the environment, so the shell never reads them as a command.
ifneq ($(filter demo,$(MAKECMDGOALS)),)
blank := $(subst ,, )
tab := $(shell printf '\t')
define newline


endef
one-word-each = $(subst \$(tab),,$(subst \$(blank),,$(subst $(newline),,$(subst \\,,$(MAKEOVERRIDES)))))
name-of = $(firstword $(subst =, ,$(subst :, ,$(subst +, ,$(subst ?, ,$1)))))
SETTINGS := $(filter-out PYTHON VENV,$(foreach word,$(one-word-each),$(call name-of,$(word))))
# As typed: a `$` in a value is not make's.
$(foreach name,$(SETTINGS),$(eval override export $(name) := $$(value $(name))))
endif

demo: $(VENV) ## start the playground: a local stand-in workspace with Gantry in front (settings: make demo HANDOFF=retry)
	@exec $(RUN) -m playground $(foreach name,$(SETTINGS),"$(name)=$${$(name)}")

test: $(VENV) ## run all tests (a part of them: make test TESTFLAGS='-k session')
	@$(RUN) -m tests.browser
	@$(RUN) -m playground.database
	@$(RUN) -m pytest --cov $(TESTFLAGS)

bench-mongodb: $(VENV) ## what a check and a sign-in cost with many accounts (a million: BENCH_ACCOUNTS=1000000)
	@$(RUN) -m playground.database
	@$(RUN) -m benchmarks.mongodb

lint: $(VENV) ## check style and types
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy

format: $(VENV) ## put the sources in the one format, mend what can be mended
	$(RUN) -m ruff check --fix-only
	$(RUN) -m ruff format

package: $(VENV) ## build the archive and template of a stage in build/ without deploying (make package STAGE=prod)
	@find chalicelib -name __pycache__ -prune -exec rm -rf {} +
	$(RUN) -c 'from chalice.cli import main; main()' package --stage $(STAGE) build/$(STAGE)

clean: ## remove what the tasks made: the environment, caches, reports, archives
	rm -rf $(VENV) build .chalice/deployments .coverage .coverage.* htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name .git -prune -o -name __pycache__ -prune -exec rm -rf {} +

# The environment counts as made only when its last file is written, so an interrupted installation starts anew.
$(VENV): $(READY)

define check_python
import sys
name = "Python %d.%d" % sys.version_info[:2]
if sys.version_info < (3, 11):
    sys.exit("Gantry needs Python 3.11 or newer, and this is %s. Name another: make PYTHON=python3.13" % name)
try:
    import ensurepip, venv
except ImportError:
    package = "python%d.%d-venv" % sys.version_info[:2]
    sys.exit("%s has no venv module here. Install the package python3-venv (or %s) and try again." % (name, package))
endef
export check_python

$(READY): requirements.txt requirements-dev.txt
	@command -v $(PYTHON) >/dev/null || { echo 'There is no $(PYTHON) here: Gantry needs Python 3.11 or newer.' >&2; exit 1; }
	@$(PYTHON) -c "$$check_python"
	@echo 'Making $(VENV) from the pinned requirements (a minute or two).'
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --no-input --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@
