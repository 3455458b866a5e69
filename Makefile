# make demo    a real data set goes in, is read, changed, killed, recovered, verified and exported
# make test    every test of every layer
# make check   what continuous integration checks besides the tests (Scripts/check-*)
# make lint    style, as `swift format lint --strict` sees it
# make format  put every source file into that style
# make embedded  the engine under Embedded Swift, and a small program built so
# make clean   remove what was built

SOURCES := Package.swift Packages Tests Examples

.PHONY: demo test check lint format embedded clean liblz4

demo: liblz4
	@Scripts/demo

test: liblz4
	swift test

check:
	@Scripts/check-warnings
	@Scripts/check-packages
	@Scripts/check-consumers
	@Scripts/check-embedded

lint:
	swift format lint --strict --parallel --recursive $(SOURCES)

format:
	swift format --in-place --parallel --recursive $(SOURCES)

embedded:
	@Scripts/check-embedded

clean:
	rm -rf .build .build-* Packages/*/.build Packages/*/.build-* Examples/*/.build

liblz4:
	@Scripts/install-liblz4
