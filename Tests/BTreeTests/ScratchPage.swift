import PageStore
import StorageIO

/// A page of memory outside of any store.
final class ScratchPage {
    let bytes: PageBytes

    init() {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 4096)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: 4096)
        bytes = unsafe PageBytes(memory)
    }

    deinit { unsafe bytes.base.deallocate() }

    /// Writes `content` at `offset`.
    func set(_ offset: Int, _ content: [UInt8]) {
        for (index, byte) in content.enumerated() { bytes.store(byte, at: offset + index) }
    }

    /// The whole page, copied out.
    var array: [UInt8] { bytes.bytes(0, count: PageLayout.pageSize).array }
}
