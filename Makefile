# lua-tuya. `make demo` and `make test` work from a bare Debian: they install what is missing.
#
#   make            build for one Lua            LUA=5.4 (default) 5.3 5.2 5.1 luajit
#   make demo       switch a simulated socket on, step by step
#   make test       everything that is fast: lint, C tests, specs on every Lua, LuaRocks
#   make check      everything that is slow: sanitizers, valgrind, failing allocations, fuzzers, the fault matrix, a soak
#   make bench      measure, as ratios against other code in the same run
#   make fuzz       fuzz until stopped           FUZZ=seal (default), url, capture, message, frames or packets
#   make install    PREFIX=/usr/local
#   make docs       HTML of the public functions, into build/docs
LUA ?= 5.4
PREFIX ?= /usr/local
FUZZ ?= seal
LUAS = 5.1 5.2 5.3 5.4 luajit
BUILD = build/$(LUA)

.PHONY: all build demo test check bench fuzz install docs clean
all: build

build:
	@mkdir -p build
	@cmake -S . -B $(BUILD) -DTUYA_LUA=$(LUA) -DTUYA_TESTS=OFF > $(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@cmake --build $(BUILD) -j 2 > $(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }

demo:
	@tools/needs demo
	@$(MAKE) --no-print-directory build
	@tools/demo $(LUA)

test:
	@tools/needs test
	@tools/test $(LUAS)

check:
	@tools/needs check
	@tools/check $(LUAS)

bench:
	@tools/needs bench
	@tools/bench

fuzz:
	@tools/needs check
	@tools/fuzz $(FUZZ)

install: build
	cmake --install $(BUILD) --prefix "$(PREFIX)"

docs:
	@tools/needs docs
	@cd docs && ldoc --quiet --fatalwarnings --config config.ld --dir ../build/docs .

clean:
	rm -rf build tuya src/*/*.o
