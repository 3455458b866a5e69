import Foundation
import StorageIO
import StorageIOTesting
import Testing

@testable import PageStore

/// Opening where the system has fewer addresses, or less memory to promise, than the options ask for. Each
/// test runs in a process of its own, which may have no more.
@Suite struct AddressLimitTests {
    #if os(Linux)
        /// Lets this process have `byteCount` more bytes than it has, of addresses or of memory to write to.
        private static func limit(_ kind: __rlimit_resource, to byteCount: Int) throws {
            let text = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
            let name = kind == RLIMIT_AS ? "VmSize:" : "VmData:"
            let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(name) })
            let kibibytes = try #require(Int(line.split(whereSeparator: { " \t".contains($0) })[1]))
            let bytes = rlim_t(kibibytes << 10 + byteCount)
            var limits = rlimit(rlim_cur: bytes, rlim_max: bytes)
            try #require(unsafe setrlimit(Int32(kind.rawValue), &limits) == 0)
        }

        @Test func aStoreTakesTheAddressesThereAre() async {
            await #expect(processExitsWith: .success) {
                try Self.limit(RLIMIT_AS, to: 3 << 30)
                let memory = try PageMemory(
                    sizeLimit: PageStoreOptions.defaultSizeLimit,
                    cacheBudget: 1 << 20)
                #expect(memory.isLimitedBySystem)
                // The half of 4 GiB, which are not there.
                #expect(memory.pageLimit == 1 << 19)
                #expect(memory.window.pageLimit == 1 << 19)
            }
        }

        @Test func aStoreThatGotFewerAddressesSaysSo() async {
            await #expect(processExitsWith: .success) {
                try Self.limit(RLIMIT_AS, to: 400 << 20)
                let store = try InMemoryPageStore()
                try store.beginTransaction(1)
                let value = [UInt8](repeating: 7, count: 1 << 20)
                var stored = 0
                let error = storageError {
                    while stored < 1000 {
                        _ = try lend(value) { view throws(StorageError) in
                            try store.allocateOverflow(view)
                        }
                        stored += 1
                    }
                }
                #expect(error?.code == .fileTooLarge)
                #expect(error?.message.contains("the 268435456 bytes of addresses") == true)
                #expect(stored > 250)
            }
        }

        @Test func aFileFindsRoomForTwiceItsSizeOrDoesNotOpen() async {
            await #expect(processExitsWith: .success) {
                try Self.limit(RLIMIT_AS, to: 3 << 30)
                let half = try PageMemory(
                    sizeLimit: 1 << 40, cacheBudget: 1 << 20, fileByteCount: 500 << 20)
                #expect(half.pageLimit == 1 << 19)
                let error = storageError {
                    _ = try PageMemory(
                        sizeLimit: 1 << 40, cacheBudget: 1 << 20, fileByteCount: 1 << 30)
                }
                #expect(error?.code == .outOfMemory)
            }
        }

        @Test func theStatesOfPagesThatAreNotThereTakeNoMemory() async {
            await #expect(processExitsWith: .success) {
                try Self.limit(RLIMIT_DATA, to: 200 << 20)
                let memory = try PageMemory(
                    sizeLimit: 1 << 40, cacheBudget: 1 << 20)
                #expect(!memory.isLimitedBySystem)
                try memory.open(through: 2)
                let table = PageTable(memory)
                #expect(table.state(memory.pageLimit - 1) == PageState.absent)
                #expect(memory.window.resident(PageNumber(memory.pageLimit - 1)) == nil)
                table.claim(1)
                #expect(table.state(1) == PageState.dirty)
            }
        }
    #endif
}
