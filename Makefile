# What a newcomer types. `make demo` and `make test` are all that the README asks for.
.DEFAULT_GOAL := build
PRESET ?= dev
JOBS ?= $(shell nproc)

.PHONY: build demo vote test check bench soak fuzz clean
build:            ## the programs, in build/dev
	@tools/dependencies demo
	@cmake --preset $(PRESET) >/dev/null
	@cmake --build build/$(PRESET) -j $(JOBS)

demo: build       ## 400 players, one kill -9, one freeze: see it heal, in under 3 minutes
	@node examples/lobby-game/demo.mjs

vote: build       ## a live vote on three instances of utakata-realtime: open the page it names; ^C ends it
	@node examples/live-vote/run.mjs

test:             ## every test on this machine
	@tools/dependencies test
	@tools/test

check:            ## arrows, sizes, format, headers alone
	@tools/dependencies test
	@tools/check

bench:            ## docs/benchmarks.md's table, as ratios within one run
	@tools/dependencies bench
	@tools/bench

soak:             ## the long runs: fuzzers by the minute, the fault tests again and again
	@tools/dependencies test
	@tools/soak

clean:
	@rm -rf build
