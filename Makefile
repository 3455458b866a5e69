# make demo    a real data set goes in, is read, changed, killed, recovered, verified and exported
# make test    every test of every layer
# make check   what continuous integration checks besides the tests (Scripts/check-*)
# make crashtest  crashes, faults, hostile files, thread schedules …: the gate of Docs/Testing.md
# make soak HOURS=2  the same tests, always further cases, for hours; goes on where it stopped; then the fuzzers
# make bench   measured beside LMDB, SQLite, RocksDB, LevelDB, WiredTiger; hours, writes Docs/Benchmarks.md
# make bench-quick  a hundredth of it, once
# make lint    style, as `swift format lint --strict` sees it
# make format  put every source file into that style
# make embedded  the engine under Embedded Swift, and a small program built so; its size and memory
# make clean   remove what was built

SOURCES := Package.swift Packages Tests Examples

HOURS ?= 2

.PHONY: demo test check crashtest soak bench bench-quick lint format embedded clean lz4

demo: lz4
	@Scripts/demo

test: lz4
	swift test

check:
	@Scripts/check-warnings
	@Scripts/check-packages
	@Scripts/check-consumers
	@Scripts/check-embedded
	@Scripts/check-embedded-static
	@Scripts/check-docs
	@Scripts/crashtest subset
	@Scripts/check-memory
	@Scripts/check-threads

crashtest: lz4
	@Scripts/crashtest gate

soak: lz4
	@Scripts/crashtest soak $(HOURS)

bench:
	@Scripts/bench full

bench-quick:
	@Scripts/bench quick

lint:
	swift format lint --strict --parallel --recursive $(SOURCES)

format:
	swift format --in-place --parallel --recursive $(SOURCES)

embedded:
	@Scripts/check-embedded
	@Scripts/check-embedded-static

clean:
	rm -rf .build .build-* Packages/*/.build Packages/*/.build-* Packages/*/*/.build Examples/*/.build

lz4:
	@Scripts/install-lz4
