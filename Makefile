# The commands people use. Each is a short script in scripts/; ARGS goes to the program it starts.

.DEFAULT_GOAL := help
.PHONY: help run cluster dev build check test fuzz faults bench screenshots clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build everything and serve it with the demo accounts on http://127.0.0.1:3000
	@scripts/run.sh $(ARGS)

cluster: ## Three nodes on MongoDB and Redis behind nginx, on this machine, until Ctrl-C
	@scripts/cluster.sh run

dev: ## Serve a development build that follows every change (the first time installs cargo-leptos)
	@scripts/dev.sh $(ARGS)

build: ## Build the release: target/release/samvad and target/site
	@scripts/build.sh $(ARGS)

check: ## Formatting, lints and types, warnings denied, and what we depend on
	@scripts/check.sh

test: ## Every test, the end-to-end journeys included (ARGS="--grep group" narrows those)
	@scripts/test.sh $(ARGS)

fuzz: ## Ten minutes of forms that nobody meant (SECONDS=60 SEED=7 for others)
	@SAMVAD_FUZZ_SECONDS=$(or $(SECONDS),600) SAMVAD_FUZZ_SEED=$(or $(SEED),$(shell date +%s)) \
		cargo test --locked -p server --test uploads -- --nocapture fuzz

faults: ## Break nodes, MongoDB, Redis and the wire while people write (SEEDS=20 FIRST=1 LONG=1 ARGS="redis")
	@SEEDS=$(SEEDS) FIRST=$(FIRST) LONG=$(LONG) scripts/faults.sh $(ARGS)

bench: ## Measure speed and cost
	@scripts/bench.sh $(ARGS)

screenshots: ## Take a picture of every page and state into target/screenshots
	@scripts/screenshots.sh $(ARGS)

clean: ## Remove what was built and installed here; ./data stays
	rm -rf target .tools scripts/node_modules end2end/node_modules end2end/test-results end2end/playwright-report
