# Gantry's tasks; `make` alone lists them. Everything is installed in $(VENV), nothing has to be activated.

PYTHON ?= python3
VENV ?= .venv
STAGE ?= dev
TESTFLAGS ?=
PACKAGEFLAGS ?=

# Byte code beside our own modules ends up in the archives that Chalice packs, and Lambda cannot use what Python writes by
# itself: the tasks write none, and neither does anything else that is run by $(VENV) (see below), a plain
# `chalice deploy` included. What Lambda can use is made by `python -m admin byte-code`.
export PYTHONDONTWRITEBYTECODE := 1

RUN := $(VENV)/bin/python
READY := $(VENV)/.complete

.DEFAULT_GOAL := help
.PHONY: help demo test pictures bench bench-mongodb lint format package deploy delete clean

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

# A worker of pytest-xdist for each processor; whoever is done takes from the others. In one process: TESTFLAGS='-n 0'.
SPREAD := --numprocesses auto --maxprocesses 4 --dist worksteal

test: $(VENV) ## run all tests (a part of them: make test TESTFLAGS='-k session')
	@$(RUN) -m tests.browser
	@$(RUN) -m playground.database
	@$(RUN) -m pytest $(SPREAD) --cov $(TESTFLAGS)

pictures: $(VENV) ## take the screenshots in docs/pictures/ anew
	@$(RUN) -m tests.browser
	@$(RUN) -m playground.pictures

bench: $(VENV) ## what Gantry costs beside a bare Chalice app: cold, warm, memory, size (more stable: BENCH_ROUNDS=40)
	@$(RUN) -m playground.database
	@$(RUN) -m benchmarks $(if $(BENCH_ROUNDS),--rounds $(BENCH_ROUNDS))

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
	@$(RUN) -c "$$check_aws" region
	@$(RUN) -m admin byte-code
	@$(CHALICE) package --stage $(STAGE) $(PACKAGEFLAGS) build/$(STAGE)

deploy: $(VENV) ## put a stage on AWS, or bring it up to date there (make deploy STAGE=prod)
	@case "$$(uname -s) $$(uname -m)" in 'Linux aarch64' | 'Linux arm64') echo "$$on_arm" >&2; exit 1;; esac
	@test -f .chalice/policy-$(STAGE).json || { echo 'There is no stage $(STAGE) in .chalice/.' >&2; exit 1; }
	@$(RUN) -c "$$check_aws" region credentials
	@$(RUN) -m admin byte-code
	@$(CHALICE) deploy --stage $(STAGE)

delete: $(VENV) ## take a stage off AWS: its address is gone for good (make delete STAGE=prod)
	@test '$(origin STAGE)' != file || { echo 'Say which stage: make delete STAGE=dev' >&2; exit 1; }
	@test -f .chalice/deployed/$(STAGE).json || { echo "$$not_deployed" >&2; exit 1; }
	@$(RUN) -c "$$check_aws" region credentials
	@$(CHALICE) delete --stage $(STAGE)

CHALICE = $(RUN) -c 'import sys; from chalice.cli import main; sys.exit(main())'

define on_arm
This is arm64 Linux. The function runs on x86-64: from here Chalice before 1.34 packs arm64 libraries, with which it
cannot start, and a later one has not been tried on AWS. Deploy from x86-64 Linux, from macOS or from your CI.
endef
export on_arm

define not_deployed
Nothing was deployed to the stage $(STAGE) from here: there is no .chalice/deployed/$(STAGE).json.
endef
export not_deployed

define check_aws
import sys
from botocore.exceptions import BotoCoreError
from botocore.session import Session
try:
    session = Session()
    if not session.get_config_variable("region"):
        sys.exit("No AWS region is configured: put AWS_DEFAULT_REGION=eu-central-1 (or another) before make, "
                 "or a region into your profile in ~/.aws/config.")
    if "credentials" in sys.argv and session.get_credentials() is None:
        sys.exit("No AWS credentials are configured: log in with the AWS CLI, "
                 "or put AWS_PROFILE and the name of a profile in ~/.aws/config before make.")
except BotoCoreError as error:
    sys.exit("The AWS configuration cannot be used: %s" % error)
endef
export check_aws

clean: ## remove what the tasks made: the environment, caches, reports, archives
	rm -rf $(VENV) build vendor .chalice/deployments .coverage .coverage.* htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache
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
	@echo 'import sys; sys.dont_write_bytecode = True' > "$$($(RUN) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/no-byte-code.pth"
	@touch $@
