# The ways in. Each target sets up what it needs; only Python 3.11 and make are assumed.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
PROTO := shelfsense/v1/query_understanding.proto
BUNDLE ?= bundles/starter
ARGS ?=

.PHONY: serve test check proto bench clean
.DELETE_ON_ERROR:

$(BIN)/python:
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || python3 -m venv $(VENV)

# The server's own needs: no torch.
$(VENV)/server.done: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing the server ..."
	@$(PIP) -e '.[server]'
	@touch $@

# Everything: training (torch), tests, checks.
$(VENV)/dev.done: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing training and development tools ..."
	@$(PIP) -e '.[training,dev]'
	@touch $@ $(VENV)/server.done

serve: $(VENV)/server.done  ## answer queries on localhost:50051
	@$(BIN)/shelfsense serve --bundle $(BUNDLE) $(ARGS)

test: $(VENV)/dev.done  ## unit and integration tests
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/dev.done  ## style, types, import contracts, freshness of the stubs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

proto: $(VENV)/dev.done  ## regenerate the stubs from the contract
	@$(BIN)/python -m grpc_tools.protoc -I proto --python_out=server --pyi_out=server --grpc_python_out=server $(PROTO)

bench: $(VENV)/dev.done  ## the figures about speed and size: docs/results.md, benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks $(ARGS)

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
