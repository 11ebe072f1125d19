# Every command of the project. `make` alone lists them.

CORE := bot/core/.venv/bin
# One process of tests for each core, four at most: two were seen to use 5 GB. The files go in their order: those that take
# longest come first.
TOGETHER := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder --instafail --durations 20 --durations-min 10
export UV_PYTHON_DOWNLOADS := never
export RASA_TELEMETRY_ENABLED := false
export TF_CPP_MIN_LOG_LEVEL := 3
export SQLALCHEMY_SILENCE_UBER_WARNING := 1
export PYTHONWARNINGS := ignore

.PHONY: help run test test-core test-gateway test-assistant journeys train validate shell actions lint format bench load chaos screenshots docs setup playground doctor clean

help:             ## List these commands
	@grep -hE '^[a-z-]+: .*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | column -t -s '|'

run: setup train  ## Set everything up, train if needed, start it all and print the addresses
	@.venv/bin/throughline run

test: setup playground train test-assistant test-core test-gateway ## Run every test

test-assistant: train ## Rasa's own tests: data, understanding on held-out examples, stories
	@scripts/test-assistant

test-core:        ## Tests of Rasa's side (Python 3.10)
	$(CORE)/python -m pytest -q $(TOGETHER) tests/core tests/actions

test-gateway:     ## Tests of the gateway, the channels, the sandbox; acceptance; browser (Python 3.13)
	.venv/bin/python -m pytest -q $(TOGETHER) tests --ignore tests/core --ignore tests/actions

journeys: setup train ## Play the conversations of tests/journeys on the running product
	@.venv/bin/throughline journeys

train: setup      ## Train the model, if the training data changed since the last one
	@$(CORE)/python -m bot.core.training

validate: setup   ## Rasa's check of domain and training data
	$(CORE)/rasa data validate --domain domain

shell: train      ## Talk to the bot in this terminal; needs `make actions` in another one
	@.venv/bin/throughline migrate
	$(CORE)/rasa shell

actions: setup    ## Start the action server alone
	SANIC_HOST=127.0.0.1 $(CORE)/python -m rasa_sdk --actions actions

lint: setup       ## ruff and mypy --strict, on code and tests
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/mypy --config-file bot/core/mypy.ini

format: setup     ## Put the code in order
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: setup train ## Measure; a table on screen and JSON under benchmarks/results/
	.venv/bin/python -m benchmarks

chaos: setup train ## A storm of crashes and faults over the whole product, then what became of every message
	.venv/bin/python -m benchmarks.chaos

load: setup train ## Measure what the gateway carries, in half an hour; a table and JSON under benchmarks/results/
	.venv/bin/python -m benchmarks.load

screenshots: setup train ## Make the pictures in docs/ anew
	.venv/bin/python -m tests.acceptance.screenshots
	.venv/bin/python -m tests.browser.desk

docs: setup train ## Make docs/channels.md and docs/messages.md anew, from the code and the running product
	$(CORE)/python -m bot.core.preview docs/messages/kinds.yml > docs/messages/kinds.json
	.venv/bin/python -m tests.gallery

doctor: setup     ## Show what is on, what is off and why
	@.venv/bin/throughline doctor

setup:            ## Build both environments from their lock files
	@scripts/setup

playground: setup ## Install Microsoft's Agents Playground, with which the tests try Teams
	@scripts/playground

clean:            ## Remove environments, models, caches and the local databases
	rm -rf .venv bot/core/.venv .tools .cache .rasa models/*.tar.gz models/trained.json var tests/acceptance/playground/node_modules
