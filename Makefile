# Every target does its own set-up in .venv; nothing is installed elsewhere, save what `make e2e` names first.
PYTHON ?= python3
BIN := .venv/bin
# Most tests wait for processes and answers of their own: two workers a core.
WORKERS ?= $(shell expr 2 '*' `getconf _NPROCESSORS_ONLN`)
PACKAGE := pyproject.toml src/mlops_actions/__init__.py

.PHONY: check site demo screenshots test e2e bench lint audit docs lock release-prepare release-dry-run clean

# make demo KEEP=1: go on serving at the end, to comment in the browser.
demo: .venv/demo.done
	$(BIN)/mlops-actions demo $(if $(KEEP),--keep)

# The demo's pages as pictures beside them in demo-output, and those of the documentation in docs/pictures: light and dark.
screenshots: .venv/dev.done
	$(BIN)/python tools/screenshots.py --docs

# The fast loop: lint that needs no Go, and the unit tests.
check: .venv/dev.done
	tools/lint.sh --fast
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile tests/unit $(PYTEST)

test: .venv/dev.done
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile $(PYTEST)

e2e: .venv/dev.done .venv/docs.done
	tools/e2e.sh $(PYTEST)

bench: .venv/dev.done
	$(BIN)/python -m tests.bench

lint: .venv/dev.done .venv/docs.done
	tools/lint.sh

# Ask for known vulnerabilities of what is locked; AUDIT=required fails where nobody can be asked.
audit: .venv/dev.done
	$(BIN)/python tools/audit.py

docs: .venv/dev.done
	$(BIN)/mlops-actions docs

# The documentation as a site, into site/.
site: .venv/docs.done
	tools/website/build.sh

# Compile the lock files anew from pyproject.toml.
lock: .venv/python.done
	$(BIN)/pip install --quiet uv
	PATH="$(CURDIR)/$(BIN):$$PATH" tools/lock.sh

# Version and changelog, for review: make release-prepare VERSION=1.2.3
release-prepare: .venv/dev.done
	$(BIN)/python tools/release.py prepare $(VERSION)

# A whole release of a clone into a registry on loopback, and act on what it tagged; nothing leaves this machine.
release-dry-run: .venv/dev.done
	tools/e2e.sh --verbose -s tests/e2e/test_release.py $(PYTEST)

clean:
	rm -rf .venv .cache demo-output site

.venv/python.done:
	tools/venv.sh $(PYTHON)
	touch $@

.venv/%.done: tools/locks/%.txt $(PACKAGE) | .venv/python.done
	$(BIN)/pip install --quiet --no-deps --require-hashes -r tools/locks/$*.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@
