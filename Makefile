# Every target makes what it needs: a virtual environment in .venv, the engine in place.
# `make` alone prints this list.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --no-input

WHEELS_VENV := build/wheels-venv
PARITY_VENV := build/parity-venv
PARITY :=

ROWS :=

MADE_C := $(patsubst %.pyx,%.c,$(wildcard fastnn/_core/*.pyx)) # Cython's, of every .pyx
SOURCES := setup.py $(filter-out $(MADE_C),$(shell find fastnn/_core -name '*.pyx' -o -name '*.px[di]' -o -name '*.[ch]'))
TESTS_C := $(wildcard tests/c/*.c)
C_FILES := $(filter %.c %.h,$(SOURCES)) $(TESTS_C) $(wildcard tests/c/*.h tests/matrix/*.c)

CROSS := aarch64-linux-gnu-gcc
CROSS_FLAGS := -O2 -fpeel-loops -funswitch-loops -ftree-vectorize -fvect-cost-model=dynamic -ffp-contract=off -fno-math-errno -fvisibility=hidden -pthread -std=c11 -Wall -Wextra -Wno-unused-parameter

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Tests start hundreds of processes: what one has compiled of the package, the next one loads.
unexport PYTHONDONTWRITEBYTECODE
# A file's tests stay in one process, with what they share.
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-c test-neon test-tsan test-release test-wasm test-asan test-ubsan test-without-openmp test-floors test-other-systems test-typed playground check check-slow format docs stubs goldens parity bench mutants perf-check perf-baseline wheel wheels try-wheels release clean machine cross
.DELETE_ON_ERROR:

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

demo: $(VENV)/built $(VENV)/extra-demo ## train on handwritten digits, beside NumPy and scikit-learn
	@$(BIN)/fastnn train digits --out demo-out/ --compare

test: $(VENV)/built $(VENV)/extra-test $(VENV)/extra-demo test-c ## run the tests, on all cores, but for those that take seconds each: `make check` runs all
	@$(PYTEST) -m "not slow and not long"

test-all: $(VENV)/built $(VENV)/extra-test $(VENV)/extra-demo test-c ## run those too
	@$(PYTEST)

test-c: build/test_kernels build/cases.bin ## run the kernels' tests in C, with every instruction set of this machine
	@build/test_kernels build/cases.bin

test-neon: build/test_kernels_neon build/cases.bin ## run them for AArch64 in an emulator, qemu-user
	@qemu-aarch64 -L /usr/aarch64-linux-gnu build/test_kernels_neon build/cases.bin

test-wasm: build/test_kernels_wasm.js build/cases.bin ## run them as WebAssembly, under Node.js (emscripten)
	@node --no-experimental-fetch build/test_kernels_wasm.js build/cases.bin scalar wasm128

test-tsan: build/test_teams_tsan ## run the thread team's tests under the thread sanitizer
	@build/test_teams_tsan

test-without-openmp: ## the tests in C of a build whose threads are pthreads alone
	@FASTNN_NO_OPENMP=1 $(MAKE) test-c

test-floors: $(VENV)/built ## all tests with the lowest versions that pyproject.toml names
	@echo "== installing them into build/floors-venv"
	@$(PYTHON) -m venv --clear build/floors-venv
	@build/floors-venv/bin/python -m pip install --quiet --no-input $$($(BIN)/python .ci/floors.py test)
	@PYTHONPATH="$(CURDIR)" build/floors-venv/bin/python -m pytest -n auto --dist loadfile

test-other-systems: $(WHEELS_VENV)/made ## compile the engine for Windows, macOS and musl, by zig
	@$(WHEELS_VENV)/bin/python .ci/other_systems.py

test-typed: $(VENV)/built $(VENV)/extra-dev ## what mypy and pyright say of the package and of a user's script
	@$(BIN)/python -m pytest tests/test_typed.py

test-asan: $(VENV)/extra-test $(VENV)/extra-demo build/cases.bin ## the tests in C and those of SANITIZED under the address sanitizer
	@$(sanitized)

test-ubsan: $(VENV)/extra-test $(VENV)/extra-demo build/cases.bin ## the same under the sanitizer of undefined behaviour
	@$(sanitized)

test-release: $(VENV)/built $(VENV)/extra-release ## run the release column of docs/reliability.md, where it stopped last time; ROWS="R3 R18"; hours
	@PYTHONPATH=tests:. nice -n 10 $(BIN)/python -m matrix $(ROWS)

check: $(VENV)/built $(VENV)/extra-dev ## lint, types, format, then the tests
	@echo "== ruff";         $(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check .
	@echo "== mypy";         $(BIN)/mypy --no-error-summary
	@echo "== stubtest";     $(BIN)/stubtest --concise --ignore-missing-stub --mypy-config-file pyproject.toml fastnn._core.engine fastnn._core.program fastnn._core.nets fastnn._core.tape fastnn._core.backward fastnn._core.replay fastnn._core.lbfgs
	@echo "== cython-lint";  PATH="$(CURDIR)/$(BIN):$$PATH" cython-lint fastnn/_core/*.pyx fastnn/_core/*.pxi
	@echo "== clang-format"; $(BIN)/clang-format --dry-run -Werror $(C_FILES)
	@echo "== instructions"; $(BIN)/python -m bench.instructions
	@echo "== tests";        $(MAKE) test-all

check-slow: $(VENV)/built $(VENV)/extra-dev $(VENV)/extra-slow ## the tests marked slow: browsers, sanitizers, emulators, larger data
	@$(BIN)/python -m pytest -m slow tests
	@$(MAKE) test-tsan test-ubsan test-asan test-other-systems

format: $(VENV)/extra-dev ## rewrite Python and C files as `make check` wants them
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .
	@$(BIN)/clang-format -i $(C_FILES)

docs: $(VENV)/built $(VENV)/extra-docs ## build the site in build/site, with a page for every public name; no warning, no dead link
	@$(BIN)/python -m sphinx -q -W --keep-going -b html -d build/doctrees docs build/site
	@echo "build/site/index.html"

playground: build/playground/engine.wasm ## build the playground as static files in build/playground, with the engine in WebAssembly (emscripten)
	@cp fastnn/playground/page/* build/playground
	@echo "build/playground/index.html, for any static host; here: python3 -m http.server --bind 127.0.0.1 --directory build/playground"

stubs: $(VENV)/built ## write what type checkers see of Tensor from the annotations of its methods
	@$(BIN)/python docs/stub.py

goldens: $(VENV)/built $(VENV)/extra-test $(VENV)/rivals ## remake the values of torch and scikit-learn that the tests compare with
	@for script in tests/goldens/make_*.py; do echo "== $$script"; \
	  PYTHONPATH=tests $(BIN)/python $$script || exit 1; done

parity: $(VENV)/built $(PARITY_VENV)/bin/python ## hold every name against the test data inside torch, with the stored figures; PARITY="--only op_db --ops add,sum"
	@PYTHONPATH=tests:. nice -n 10 $(PARITY_VENV)/bin/python -m parity $(PARITY)

bench: $(VENV)/built $(VENV)/rivals ## measure against other engines, render into docs/benchmarks.md
	@$(BIN)/python -m bench --render

mutants: $(VENV)/built $(VENV)/extra-test $(VENV)/extra-demo ## plant faults one at a time, in kernels and in Python, and see which tests catch them; hours
	@$(BIN)/python tests/mutate.py
	@$(BIN)/python tests/mutate_python.py

perf-check: $(VENV)/built ## instructions of kernels and steps, against the baseline (valgrind)
	@$(BIN)/python -m bench.instructions

perf-baseline: $(VENV)/built ## what is counted now becomes the baseline; NOTE="why"
	@$(BIN)/python -m bench.instructions --renew "$(NOTE)"

wheel: $(VENV)/extra-dev ## build sdist and wheel, try the wheel in a bare environment
	@rm -rf dist wheelhouse build/bare && mkdir -p build
	@echo "== sdist, and the wheel from it; threads by pthreads, which need no libgomp in it"
	@FASTNN_NO_OPENMP=1 $(BIN)/python -m build >build/wheel.log 2>&1 || { cat build/wheel.log; exit 1; }
	@echo "== auditwheel: which glibc will do; zopfli: smaller files"
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/auditwheel repair --wheel-dir wheelhouse dist/*.whl >build/wheel.log 2>&1 \
	  || { cat build/wheel.log; exit 1; }
	@$(BIN)/python .ci/repack_wheel.py wheelhouse/*.whl
	@echo "== train from the wheel: NumPy only, no compiler in sight"
	@$(BIN)/python -m venv build/bare
	@build/bare/bin/python -m pip install --quiet wheelhouse/*.whl
	@cd build/bare && env -i PATH="$(CURDIR)/build/bare/bin" HOME=/nonexistent \
	  bin/python -I "$(CURDIR)/tests/smoke_wheel.py" "$(CURDIR)"/wheelhouse/*.whl

wheels: $(WHEELS_VENV)/made ## wheels for Linux on x86-64 and ARM, glibc and musl, for each Python whose headers Debian has; ONLY="3.13 musllinux"
	@$(WHEELS_VENV)/bin/python .ci/wheels.py --only $(ONLY)

try-wheels: $(WHEELS_VENV)/made ## run them where they are to run: Debian releases, an emulator, Pythons built from source; TESTS="tests/test_nn.py": part of the suite, too
	@$(WHEELS_VENV)/bin/python .ci/try_wheels.py --write docs/wheels.md --tests $(TESTS)

release: $(WHEELS_VENV)/made ## sdist, wheels, checks, checksums and bill of materials into dist/; RELEASE=1 sets the tag, SIGN=key signs
	@rm -rf dist
	@$(WHEELS_VENV)/bin/python .ci/release.py $(if $(RELEASE),--tag) $(if $(SIGN),--sign "$(SIGN)") $(if $(ONLY),--only $(ONLY))

clean: ## remove everything that make made
	@rm -rf $(VENV) build docs/api docs/gallery dist wheelhouse demo-out *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
	@rm -f $(MADE_C) fastnn/_core/*.so
	@find fastnn tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

# --- tests in C ---------------------------------------------------------------------------------

# Calls of all ops with the limits of their results, which the tests in C replay.
build/cases.bin: tests/write_cases.py $(wildcard tests/families/*.py) | $(VENV)/extra-test
	@echo "== writing calls for the tests in C"
	@mkdir -p $(@D)
	@$(BIN)/python tests/write_cases.py $@

# Beside the engine's objects as setup.py has made them for Python.
build/test_kernels: $(VENV)/built $(filter tests/c/%,$(C_FILES))
	@echo "== building the kernels' tests"
	@objects=build/$$($(BIN)/python -c 'import sys, sysconfig; \
	  print(sysconfig.get_platform(), sys.implementation.cache_tag, sep="-")')/fastnn/_core/src; \
	$(CC) -std=c11 -O1 -Wall -Wextra -pthread -Ifastnn/_core/include -Ifastnn/_core/src $(TESTS_C) $$objects/*.o $$objects/isa/*.o \
	  $$(echo | $(CC) -fopenmp -E - >/dev/null 2>&1 && echo -fopenmp) -lm -o $@

# The whole engine once more, with setup.py's flags; no Python is needed for it.
build/test_kernels_neon: $(C_FILES) Makefile | cross
	@echo "== building the engine for AArch64 (half a minute)"
	@mkdir -p $(@D)
	@$(CROSS) $(CROSS_FLAGS) -Ifastnn/_core/include -Ifastnn/_core/src $(TESTS_C) \
	  $(wildcard fastnn/_core/src/*.c) $(addprefix fastnn/_core/src/isa/,scalar.c neon.c) -fopenmp -lm -o $@

# The team alone, by pthreads: the sanitizer does not see into OpenMP's own waits.
build/test_teams_tsan: $(C_FILES) Makefile
	@mkdir -p $(@D)
	@$(CC) -std=c11 -O1 -g -Wall -Wextra -Wno-unused-parameter -fsanitize=thread -DTEAMS_MAIN -Ifastnn/_core/include \
	  -Ifastnn/_core/src tests/c/teams.c $(patsubst %,fastnn/_core/src/%.c,helpers memory pace sleep threads) -lm -o $@

cross:
	@need=; \
	command -v $(CROSS) >/dev/null || need="$$need gcc-aarch64-linux-gnu"; \
	[ -e /usr/aarch64-linux-gnu/include/stdio.h ] || need="$$need libc6-dev-arm64-cross"; \
	command -v qemu-aarch64 >/dev/null || need="$$need qemu-user"; \
	[ -z "$$need" ] || { echo "fastnn: packages are missing; run: sudo apt install$$need"; exit 1; }

# The engine and Python's modules once more, in build/asan or build/ubsan, with pthreads. Python
# itself is not sanitized, so that the library comes first by LD_PRELOAD; its leaks are not ours.
SANITIZED := $(patsubst %,tests/test_%.py,compile_replay fit_lbfgs hostile_fields indexing inplace kernels \
  kernels_integer loop population predict random reads short_rows threads)
define sanitized
kind=$(@:test-%=%); flag=$$([ $$kind = asan ] && echo address || echo undefined); \
echo "== building the engine with -fsanitize=$$flag (minutes the first time)"; \
FASTNN_BUILD=$$kind FASTNN_NO_OPENMP=1 $(BIN)/python setup.py -q build_py --build-lib build/$$kind/lib \
  build_ext --build-lib build/$$kind/lib --build-temp build/$$kind >build/$$kind.log 2>&1 || { cat build/$$kind.log; exit 1; }; \
$(CC) -std=c11 -O1 -g -Wall -Wextra -Wno-unused-parameter -pthread -fsanitize=$$flag -fno-sanitize-recover -Ifastnn/_core/include \
  -Ifastnn/_core/src $(TESTS_C) build/$$kind/fastnn/_core/src/*.o build/$$kind/fastnn/_core/src/isa/*.o -lm -o build/$$kind/test_kernels && \
build/$$kind/test_kernels build/cases.bin && \
LD_PRELOAD="$$($(CC) -print-file-name=lib$$kind.so)" ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 PYTHONMALLOC=malloc \
  PYTHONPATH="build/$$kind/lib:$(CURDIR)" $(BIN)/python -P -m pytest -n auto --dist loadfile $(SANITIZED)
endef

# --- WebAssembly --------------------------------------------------------------------------------

WASM_FLAGS := -std=gnu11 -O2 -msimd128 -ffp-contract=off -fno-math-errno -Wall -Wextra -Wno-unused-parameter
WASM_SOURCES := $(filter-out %/lbfgs.c %/nets.c,$(wildcard fastnn/_core/src/*.c)) \
  $(addprefix fastnn/_core/src/isa/,scalar.c wasm128.c)
WASM_EXPORTS := _malloc,_free,_fnn_isa_count,_fnn_isa_select,_fnn_play_new,_fnn_play_free,_fnn_play_frame_bytes,_fnn_play_frame,_fnn_play_trace_bytes,_fnn_play_trace

# One module without JavaScript of emscripten's: page/wasm.js gives it the two functions it wants.
build/playground/engine.wasm: $(filter %.c %.h,$(SOURCES)) Makefile
	@command -v emcc >/dev/null || { echo "fastnn: emscripten is missing; run: sudo apt install emscripten"; exit 1; }
	@echo "== building the engine for WebAssembly (a quarter of a minute)"
	@mkdir -p $(@D)
	@emcc $(WASM_FLAGS) -Ifastnn/_core/include -Ifastnn/_core/src $(WASM_SOURCES) --no-entry -sSTANDALONE_WASM \
	  -sALLOW_MEMORY_GROWTH -sEXPORTED_FUNCTIONS=$(WASM_EXPORTS) -o $@

# Without the team's tests: WebAssembly here has one thread. -O2 would want JavaScript packages.
build/test_kernels_wasm.js: $(C_FILES) Makefile
	@command -v emcc >/dev/null || { echo "fastnn: emscripten is missing; run: sudo apt install emscripten"; exit 1; }
	@echo "== building the kernels' tests for WebAssembly"
	@mkdir -p $(@D)
	@emcc $(WASM_FLAGS) -O1 -Ifastnn/_core/include -Ifastnn/_core/src $(TESTS_C) $(WASM_SOURCES) -sNODERAWFS=1 \
	  -sALLOW_MEMORY_GROWTH=1 -sINITIAL_MEMORY=268435456 -o $@

# --- stamps ------------------------------------------------------------------------------------

# The environment with what the build needs; the list repeats build-system.requires.
$(VENV)/made: pyproject.toml
	@$(MAKE) machine
	@echo "== making $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) "setuptools>=77" "Cython>=3.3" "extension-helpers>=1.5" "numpy>=2.1"
	@touch $@

# Installed editable, the extension in place. Objects are kept in build/, so this is quick.
$(VENV)/built: $(VENV)/made $(SOURCES)
	@echo "== building the engine (the first time takes a minute)"
	@$(PIP) --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/extra-%: $(VENV)/made | $(VENV)/built
	@echo "== installing what '$*' needs"
	@$(PIP) --no-build-isolation --editable '.[$*]'
	@touch $@

$(VENV)/rivals: $(VENV)/made bench/requirements.txt
	@echo "== installing the rivals"
	@$(PIP) --requirement bench/requirements.txt
	@touch $@

# zig is a compiler for every target, in a wheel of 100 MB.
$(WHEELS_VENV)/made:
	@echo "== installing zig into $(WHEELS_VENV)"
	@$(PYTHON) -m venv --clear $(WHEELS_VENV)
	@$(WHEELS_VENV)/bin/python -m pip install --quiet --no-input ziglang==0.17.1 "setuptools>=77" "Cython>=3.3" \
	  "extension-helpers>=1.5" "zopflipy>=1.11" "build>=1.2" "packaging>=24.2" \
	  "auditwheel>=6.1" "twine>=6.1" "check-wheel-contents>=0.6" "cyclonedx-bom>=7"
	@touch $@

# Apart from $(VENV), whose tests must pass without torch. A failed installation removes Python
# again (.DELETE_ON_ERROR), so that the next call starts anew.
$(PARITY_VENV)/bin/python:
	@echo "== installing torch into $(PARITY_VENV)"
	@$(PYTHON) -m venv --clear $(PARITY_VENV)
	@$(PARITY_VENV)/bin/python -m pip install --quiet --no-input torch==2.13.0 numpy expecttest
	@touch -h $@

# One line that says what to install, before anything fails halfway.
machine:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "fastnn: no $(PYTHON) here; run: sudo apt install python3 python3-venv python3-dev gcc"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "fastnn: Python 3.11 or later is needed, this is $$($(PYTHON) -V); try: make PYTHON=python3.12"; exit 1; }
	@need=; \
	command -v $${CC:-cc} >/dev/null || need="$$need gcc"; \
	$(PYTHON) -c 'import os, sys, sysconfig; \
	  sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' || need="$$need python3-dev"; \
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || need="$$need python3-venv"; \
	[ -z "$$need" ] || { echo "fastnn: packages are missing; run: sudo apt install$$need"; exit 1; }
