# The one door: everything that people and machines run starts here.

# Prints nothing to be run; `make` alone shows the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash

export HDFSTREAM_TOOLS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/hdfstream/tools
# The server's libhdf5 is built by CMake 3.26 or newer, which distributions may not have yet.
export CMAKE := $(HDFSTREAM_TOOLS)/python/bin/cmake
export PATH := $(PATH):$(HOME)/.cargo/bin

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
RELEASE := $(TARGET)/release
# Where `make deb` and `make wheel` put what they make.
PACKAGES ?= $(TARGET)/packages
PREFIX ?= /usr/local
# Arguments for the test programs: make test TESTS="--test end_to_end stubs::"
TESTS ?= --workspace
# Arguments for the benches: make bench BENCH="--workloads read-a,read-b --round-trips 0"
BENCH ?=

.PHONY: help build demo test suites torture check install install-client install-server deb wheel bench bench-docs clean tools python

help:
	@echo 'make build            plugin, server and command-line tool, in $(RELEASE)'
	@echo 'make demo             serve real files on loopback and read them with unmodified programs'
	@echo 'make test             all tests'
	@echo 'make suites           all of other people'\''s tests, with every file on a server (minutes)'
	@echo 'make torture          kill writers, servers and lines a thousand times, and look what is left'
	@echo 'make check            formatting, lints, documentation and all tests'
	@echo 'make install PREFIX=  install below PREFIX (now: $(PREFIX))'
	@echo 'make install-client PREFIX=, make install-server PREFIX=    one of the two sides'
	@echo 'make deb              Debian packages, in $(PACKAGES)'
	@echo 'make wheel            Python wheel, in $(PACKAGES)'
	@echo 'make bench            speed compared with local files and with other ways (benches/README.md)'
	@echo 'make bench-docs       its last results into README.md and docs/performance.md, tables and picture'
	@echo 'make clean            remove what was built, not the tools'

tools:
	@tests/tools/provision

# Enough to build: CMake, and nothing that needs minutes.
python:
	@tests/tools/provision --only python

build: python
	cargo build --release --workspace --locked

demo: tools build
	@$(HDFSTREAM_TOOLS)/python/bin/python tests/end_to_end/programs/demo.py '$(RELEASE)'

# The tests run the programs just built, so these come first.
test: tools build
	cargo test --release --locked $(TESTS)

# Whole suites of h5py and PyTables; `make test` runs parts of them.
suites: tools build
	cargo test --release --locked --test end_to_end suites:: -- --include-ignored --nocapture --test-threads=2

# TORTURE_SEED and TORTURE_FIRST, which it prints, repeat it or go on with it.
torture: tools build
	TORTURE_KILLS=$(or $(TORTURE_KILLS),1000) cargo test --release --locked --test end_to_end torture:: -- --nocapture

check: tools
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --release --workspace --no-deps --document-private-items --locked
	$(MAKE) test

install: install-client install-server

install-client: build
	@packaging/install client '$(RELEASE)' '$(PREFIX)' '$(DESTDIR)'

install-server: build
	@packaging/install server '$(RELEASE)' '$(PREFIX)' '$(DESTDIR)'

deb: build
	@PYTHON='$(HDFSTREAM_TOOLS)/python/bin/python' packaging/debian/build '$(RELEASE)' '$(PACKAGES)'

wheel: build
	@PYTHON='$(HDFSTREAM_TOOLS)/python/bin/python' packaging/wheel/build '$(RELEASE)' '$(PACKAGES)'

bench: build
	@tests/tools/provision --only bench
	@$(HDFSTREAM_TOOLS)/bench/bin/python benches/bench.py --release '$(RELEASE)' $(BENCH)

# RESULTS, which the run has named, if it is not the last one.
bench-docs:
	@tests/tools/provision --only bench
	@$(HDFSTREAM_TOOLS)/bench/bin/python benches/render.py '$(or $(RESULTS),$(RELEASE)/bench/results.json)' .

clean:
	cargo clean
