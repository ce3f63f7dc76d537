# SPDX-License-Identifier: Apache-2.0
#
# The front door for developers: prepares the machine, picks a build folder, calls Meson and
# Ninja. Nothing is built here; `make help` lists the words. Each kind of build has a folder of
# its own under build/, so switching between them costs nothing.
BUILD  ?= release
PREFIX ?= /usr/local
S      ?= 60
DIR    := build/$(BUILD)
SAN    := -Doptimization=1 -Ddebug=true -Db_lundef=false
OPTS.release := -Doptimization=2 -Ddebug=true
OPTS.asan    := $(SAN) -Db_sanitize=address,undefined
OPTS.tsan    := $(SAN) -Db_sanitize=thread
OPTS.fuzz    := $(SAN) -Db_sanitize=address,undefined -Dfuzz=true
CC.fuzz      := CC=clang
RUN_TESTS     = tools/run_tests.py $(DIR) $(if $(T),$(addprefix --only ,$(T)))
MAKEFLAGS    += --no-print-directory

all: $(DIR)/build.ninja ## build the program (the default)
	@touch $(DIR)/.built.new
	@flock build/.lock ninja --quiet -C $(DIR) >$(DIR)/build.log 2>&1 || \
	    { grep -q '^FAILED' $(DIR)/build.log && sed -n '/^FAILED/,$$p' $(DIR)/build.log >&2 || \
	      cat $(DIR)/build.log >&2; exit 1; }
	@mv $(DIR)/.built.new $(DIR)/.built

build/.ready: tools/packages.txt
	@tools/setup.sh

$(DIR)/build.ninja: | build/.ready
	@$(CC.$(BUILD)) meson setup $(DIR) $(OPTS.$(BUILD)) >build/meson.log 2>&1 || \
	    { cat build/meson.log >&2; exit 1; }

run: all ## run it: make run A='"What is the capital of France?"'
	@$(DIR)/omnesia run $(A)

serve: all ## answer over HTTP at http://127.0.0.1:8080: make serve A='-m MODEL'
	@exec $(DIR)/omnesia serve --log text $(A)

test: all ## all tests of the SmolLM2 kind, a few minutes; T=NAME.. runs only those
	@$(RUN_TESTS) --suite quick --suite crash --suite model

quick: all ## tests without a model, under a minute
	@$(RUN_TESTS) --suite quick

fleet: all ## a brain and three unlike robots, each a process, and a task: make fleet A="--kill arm"
	@$(DIR)/omnesia fleet demo --dashboard $(A)

test-all: all ## everything, with the larger models too
	@$(RUN_TESTS)

asan tsan: ## the quick tests under sanitizers (address and undefined; thread)
	@$(MAKE) BUILD=$@ quick

fuzz: ## fuzz one target: make fuzz T=gguf S=60
	@$(MAKE) BUILD=fuzz all
	@tools/fuzz.sh "$(T)" "$(S)"

soak: all ## the long tests: make soak ROW=4 S=600; without ROW: what was reached
	@tools/soak.py $(if $(ROW),--row $(ROW) --seconds $(S)) $(if $(W),--write $(W))

check: all ## the rules of the house: layers, sizes, formatting, links
	@tools/check.py

format: ## let clang-format write every C file
	@clang-format -i $$(git ls-files '*.c' '*.h')

bench: all ## one system against its baseline: make bench NAME=speed
	@$(DIR)/omnesia bench $(NAME)

peers: all ## the table of docs/SPEED.md, measured beside llama.cpp
	@tools/peers/run

wheel: all ## the Python wheel, into dist/ (docs/PYTHON.md)
	@tools/wheel.py $(DIR) dist

install: $(DIR)/build.ninja ## into $(DESTDIR)$(PREFIX), /usr/local unless said
	@meson configure $(DIR) -Dprefix=$(abspath $(PREFIX)) && $(MAKE) all
	@meson install -C $(DIR) --no-rebuild --quiet

clean: ## remove build/ and dist/; models and packed weights stay in the cache folder
	@rm -rf build dist

help: ## this list
	@sed -n 's/^\([a-z -]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14

fuzz_targets = []
