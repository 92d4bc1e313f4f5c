# The commands of this repository. `make demo` and `make test` install what they miss and can be run on a bare Debian 12
# with Rust, Python 3, Node 20, make and git.

.DEFAULT_GOAL := help
.PHONY: help demo test check-long mutants bench format lint dependencies system-demo system-test system-bench counterparties binary
SHELL := /bin/bash

export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/causeway/target

setup := conformance/setup

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

demo: system-demo ## everything on loopback, ready to click through; ARGS="--port-base 9000 --dir DIR"
	@$(MAKE) --no-print-directory -j2 counterparties binary
	@exec "$(CARGO_TARGET_DIR)/debug/causeway" demo --packages "$$($(setup)/counterparties.sh)" $(ARGS)

test: system-test ## formatting, lints, licences, and every test on both engines with real counterparties
	@$(MAKE) --no-print-directory counterparties dependencies lint
	cargo test --locked --lib --bins
	cargo test --locked --test conformance -- --test-threads 3

check-long: test ## what takes too long for every change: many more generated cases, mutants, and the benches
	PROPTEST_CASES=20000 cargo test --locked --lib
	@$(MAKE) --no-print-directory mutants
	@$(MAKE) --no-print-directory bench

mutants: ## changes the checks of SAML and of enforcement one place at a time; what survives is a check without a test
	@$(setup)/mutants.sh saml
	@$(setup)/mutants.sh enforcement

bench: system-bench counterparties ## load on an optimised build, as a table; ARGS="--users 10000 --seconds 10"
	cargo build --locked --release --bin causeway
	conformance/bench/run.py --program "$(CARGO_TARGET_DIR)/release/causeway" $(ARGS)
	conformance/bench/sign_ins.py --program "$(CARGO_TARGET_DIR)/release/causeway"
	conformance/bench/sign_ins.py --program "$(CARGO_TARGET_DIR)/release/causeway" --passwords

format: ## formats the source
	cargo fmt

lint:
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings

dependencies: ## licences, sources, banned and doubled crates
	"$$($(setup)/cargo_deny.sh)" --locked --config .cargo/deny.toml check --hide-inclusion-graph bans licenses sources

system-demo:
	@$(setup)/system.sh demo

system-test:
	@$(setup)/system.sh test

system-bench:
	@$(setup)/system.sh bench

counterparties:
	@$(setup)/counterparties.sh >/dev/null

binary:
	cargo build --locked --bin causeway
