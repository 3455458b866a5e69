# make demo    imports a real data set, reads and changes it, kills a writer, recovers, verifies, exports
# make test    the tests of every layer and of the command
# make kvtools  the command, into .build-shared/release/kvtools
# make check   everything that continuous integration checks (Scripts/check lists it)
# make crashtest  crashes, faults, hostile files, thread schedules …: the gate of Docs/Testing.md
# make soak HOURS=2  further cases of the same tests, for hours; goes on where it stopped; then the fuzzers
# make bench   measured beside LMDB, SQLite, RocksDB, LevelDB, WiredTiger; hours, writes Docs/Benchmarks.md
# make bench-quick  a hundredth of it, once
# make docs    the documentation of every library, by the toolchain's docc, into .build-docs
# make lint    style, as `swift format lint --strict` sees it
# make format  puts every source file into that style
# make embedded  the engine under Embedded Swift, and a small program built so; its size and memory
# make clean   removes what was built

SOURCES := Package.swift Packages Tests Verification Benchmarks Examples

HOURS ?= 2

.PHONY: demo test kvtools check crashtest soak bench bench-quick docs lint format embedded embedded-package embedded-static clean lz4

demo: lz4
	@Scripts/demo

test: lz4
	@Scripts/test

kvtools: lz4
	swift build -c release --package-path Packages/KVTools --scratch-path .build-shared \
		--disable-build-manifest-caching --product kvtools

check:
	@Scripts/check

crashtest: lz4
	@Scripts/crashtest gate

soak: lz4
	@Scripts/crashtest soak $(HOURS)

bench:
	@Scripts/bench full

bench-quick:
	@Scripts/bench quick

docs:
	@Scripts/docs

lint:
	swift format lint --strict --parallel --recursive $(SOURCES)

format:
	swift format --in-place --parallel --recursive $(SOURCES)

# Each compiles one module at a time, so both at once.
embedded:
	@$(MAKE) --no-print-directory -j2 embedded-package embedded-static

embedded-package:
	@Scripts/check-embedded

embedded-static:
	@Scripts/check-embedded-static

clean:
	rm -rf .build .build-* */.build */.build-* */*/.build */*/.build-* */*/*/.build

lz4:
	@Scripts/install-lz4
