# Bridgehead's commands. Only `make` and `git` must be there; .ci/set-up installs the rest and says what.

SITES = examples/lab.yaml examples/lab-join.yaml
SITE  =
# Only the lab's tests need its payload, which takes minutes the first time.
LAB   = $(if $(wildcard tests/lab/test_*.py),--lab)
# And only these need Vagrant and libvirt.
VAGRANT = $(if $(wildcard tests/vagrant/test_*.py),--vagrant)
BIN   = .venv/bin
# Slow things are kept in its folder `bridgehead`, for all clones; the lab finds its payload there, also under sudo.
export XDG_CACHE_HOME ?= $(HOME)/.cache
# The lab makes network namespaces and taps.
ROOT := $(if $(filter-out 0,$(shell id -u)),sudo --preserve-env=XDG_CACHE_HOME env PYTHONDONTWRITEBYTECODE=1)

.PHONY: help rehearse box test test-vagrant test-long test-clean lint format lock set-up set-up-lab

help:          ## what there is
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 20

rehearse: set-up-lab  ## the whole story in emulation; SITE=file.yaml rehearses that file alone
	@for site in $(or $(SITE),$(SITES)); do $(ROOT) $(BIN)/provision rehearse $$site || exit; done

test:          ## all that fits an hour: lint, every suite, three rehearsals at most; SUITES="web flow" runs those
	@.ci/set-up $(LAB) $(VAGRANT)
	@.ci/suites.py $(SUITES)

box:           ## the bridge's box for `vagrant up`, from Debian packages, with all that it installs
	@.ci/set-up --lab --vagrant
	@box=$$($(ROOT) $(BIN)/python -m appliance.lab.vagrant_box $(XDG_CACHE_HOME)/bridgehead) && \
	    vagrant box add --force --name bridgehead-debian "$$box"

test-vagrant:  ## a whole site by Vagrant and libvirt, machines switched by Redfish, no hand on anything
	@.ci/set-up --lab --vagrant
	@.ci/suites.py --vagrant

test-long:     ## what does not fit
	@.ci/set-up $(LAB) $(VAGRANT)
	@.ci/suites.py --long

test-clean:    ## the README's two commands in a fresh Debian 12; TARGETS="test" runs one of them
	@.ci/test-clean $(TARGETS)

lint: set-up   ## ruff, mypy, the layers
	@.ci/suites.py lint

format: set-up ## put the code in order
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock:          ## resolve the dependencies anew
	@.ci/lock

set-up:        ## install what is missing
	@.ci/set-up

set-up-lab:    ## and build what the lab's machines install
	@.ci/set-up --lab
