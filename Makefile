# SPDX-License-Identifier: Apache-2.0
# Two commands matter: `make demo` and `make test`. Both install what they need on Debian bookworm.
.DEFAULT_GOAL := help
.PHONY: help demo build test lint format tidy asan tsan ci bench clean

JOBS := $(shell nproc)
# Comfort where it is installed; nothing depends on it.
LAUNCHER := $(if $(shell command -v ccache),-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
LINKER := $(if $(shell command -v mold),-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=mold)
CONFIGURE = cmake $(LAUNCHER) $(LINKER) --preset
BUILD = cmake --build -j $(JOBS) --preset
CTEST = ctest -j $(JOBS) --preset

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## build the program (for the CPU) and ask the demo model about fourteen pictures
	@tools/setup.sh build
	$(CONFIGURE) release -DMONOCLE_CUDA=OFF
	$(BUILD) release
	@tools/demo.sh build/release/apps/monocle models/demo

build: ## build the program: build/release/apps/monocle, with CUDA where nvcc is
	@tools/setup.sh build
	$(CONFIGURE) release -DMONOCLE_CUDA=AUTO
	$(BUILD) release

test: ## build everything with warnings as errors, run every test
	@tools/setup.sh build test
	$(CONFIGURE) ci
	$(BUILD) ci
	$(CTEST) ci

lint: ## check the tree: layers, sizes, licence lines, links, shell scripts
	@tools/lint/run.sh

format: ## format every source file (clang-format 19)
	@tools/format.sh

tidy: ## clang-tidy 19 over the sources of build/ci, warnings are errors
	run-clang-tidy-19 -quiet -p build/ci '/(src|apps)/.*\.cc$$'

asan: ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/setup.sh build test
	$(CONFIGURE) asan
	$(BUILD) asan
	$(CTEST) asan

tsan: ## the tests of the threaded rooms under ThreadSanitizer
	@tools/setup.sh build test
	$(CONFIGURE) tsan
	$(BUILD) tsan --target base_test engine_test
	$(CTEST) tsan -R '^(base|engine)_test[.]'

ci: ## everything CI runs, in its order
	@.ci/run

bench: ## build the micro benchmarks
	@tools/setup.sh build bench
	$(CONFIGURE) bench
	$(BUILD) bench

clean: ## remove build/
	rm -rf build
