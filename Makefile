# Every target does its own set-up in .venv; nothing is installed elsewhere, save what `make e2e` names first.
PYTHON ?= python3
BIN := .venv/bin
PACKAGE := pyproject.toml src/mlops_actions/__init__.py

.PHONY: demo test e2e bench lint docs lock clean

demo: .venv/demo.done
	$(BIN)/mlops-actions demo

test: .venv/dev.done
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(PYTEST)

e2e: .venv/dev.done
	tools/e2e.sh $(PYTEST)

bench: .venv/dev.done
	$(BIN)/python -m tests.bench

lint: .venv/dev.done
	tools/lint.sh

docs: .venv/dev.done
	$(BIN)/mlops-actions docs

# Compile the lock files anew from pyproject.toml.
lock: .venv/python.done
	$(BIN)/pip install --quiet uv
	PATH="$(CURDIR)/$(BIN):$$PATH" tools/lock.sh

clean:
	rm -rf .venv .cache demo-output

.venv/python.done:
	tools/venv.sh $(PYTHON)
	touch $@

.venv/%.done: tools/locks/%.txt $(PACKAGE) | .venv/python.done
	$(BIN)/pip install --quiet --no-deps --require-hashes -r tools/locks/$*.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@
