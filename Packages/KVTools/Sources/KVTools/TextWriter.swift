import StorageIO

/// Writes keys and values as text, in any ``ByteFormat`` or as JSON strings, however long they are: in
/// pieces, through a buffer of its own, so that no second copy of a value is made.
///
/// What is not to be changed is found eight bytes at a time and copied in runs; every other byte is one
/// entry of a table (``EscapeTable``) and one store.
@safe final class TextWriter {
    // Safe: nothing is stored beyond `capacity`, since every method makes room first; the memory lives
    // as long as the writer.
    private let output: any ByteOutput
    private let start: UnsafeMutableRawPointer
    private var count = 0
    /// How many bytes were escaped so far, over all calls.
    private(set) var escapeCount = 0
    private let printable = PrintableCharacters()
    private let escaped = EscapeTable.escaped
    private let quoted = EscapeTable.quoted

    private static let capacity = 1 << 16
    /// The bytes that are changed at once, a multiple of three for Base64. Six times as many fit in
    /// the buffer: the longest form of a byte is JSON's `\u0000`.
    private static let pieceByteCount = 8190
    /// What is stored at once may reach beyond what counts of it.
    private static let slack = 8

    /// A writer to `output`; what it holds back, ``flush()`` hands on.
    init(_ output: any ByteOutput) {
        self.output = output
        unsafe start = UnsafeMutableRawPointer.allocate(
            byteCount: Self.capacity, alignment: 16)
    }

    deinit { unsafe start.deallocate() }

    /// Writes ASCII or other UTF-8 of the program's own.
    func write(_ text: StaticString) throws(StorageError) {
        let bytes = unsafe UnsafeRawBufferPointer(
            start: text.utf8Start, count: text.utf8CodeUnitCount)
        try write(unsafe ByteView(bytes))
    }

    /// Writes bytes as they are. O(n).
    func write(_ bytes: ByteView) throws(StorageError) {
        if bytes.count > Self.capacity / 2 {
            try flush()
            return try output.write(bytes)
        }
        try makeRoom(bytes.count)
        copy(bytes)
    }

    /// Writes bytes in a format. O(n).
    func write(_ bytes: ByteView, as format: ByteFormat) throws(StorageError) {
        if format == .text { return try write(bytes) }
        var rest = bytes
        while rest.count > 0 {
            var piece = rest.prefix(Self.pieceByteCount)
            if format == .escaped, piece.count < rest.count {
                piece = rest.prefix(rest.lastCharacterStart(before: piece.count))
            }
            rest = rest.dropFirst(piece.count)
            try makeRoom(4 * piece.count)
            switch format {
            case .text, .escaped: escape(piece)
            case .hex: hex(piece)
            case .base64: base64(piece)
            }
        }
    }

    /// Writes UTF-8 as a JSON string, without the quotation marks. O(n).
    ///
    /// - Parameter text: must be valid, which ``ByteView/isUTF8`` tells.
    func writeJSON(_ text: ByteView) throws(StorageError) {
        var rest = text
        while rest.count > 0 {
            var piece = rest.prefix(Self.pieceByteCount)
            if piece.count < rest.count {
                piece = rest.prefix(rest.lastCharacterStart(before: piece.count))
            }
            rest = rest.dropFirst(piece.count)
            try makeRoom(6 * piece.count)
            quote(piece)
        }
    }

    /// Writes the member of a JSON object for bytes, name and all; what ``JSONValue/member(_:_:_:)``
    /// makes. O(n).
    ///
    /// - Parameters:
    ///   - name: as `key`; `_` and the format follow where it is not text.
    ///   - format: nil for text where the bytes are that, and Base64 otherwise.
    func writeMember(
        _ name: StaticString, _ bytes: ByteView, _ format: ByteFormat?
    ) throws(StorageError) {
        let isText = format ?? .text == .text && bytes.isUTF8
        let format = isText ? ByteFormat.text : format == nil || format == .text ? .base64 : format!
        try write("\"")
        try write(name)
        if !isText {
            try write("_")
            try Array(format.rawValue.utf8).withByteView { name throws(StorageError) in
                try write(name)
            }
        }
        try write("\":\"")
        switch format {
        case .text: try writeJSON(bytes)
        case .hex, .base64: try write(bytes, as: format)
        case .escaped:
            // Twice escaped: once for the format, once for JSON.
            let text = format.encode(bytes)
            try text.withByteView { text throws(StorageError) in try writeJSON(text) }
        }
        try write("\"")
    }

    /// Hands on what was held back.
    func flush() throws(StorageError) {
        guard count > 0 else { return }
        let bytes = unsafe ByteView(start: start, count: count)
        // Emptied even when the write fails: what can't be written must not be tried again.
        count = 0
        try output.write(bytes)
    }

    private func makeRoom(_ needed: Int) throws(StorageError) {
        if count + needed + Self.slack > Self.capacity { try flush() }
    }

    private func copy(_ bytes: ByteView) {
        unsafe (start + count).copyMemory(from: bytes.start, byteCount: bytes.count)
        count += bytes.count
    }

    /// Stores up to eight bytes, of which `length` count.
    @inline(__always)
    private func store(_ form: UInt64, _ length: Int) {
        unsafe (start + count).storeBytes(of: form.littleEndian, as: UInt64.self)
        count += length
    }

    private func escape(_ piece: ByteView) {
        var index = 0
        while index < piece.count {
            if let word = piece.word(at: index), word.isPlain(but: UInt8(ascii: "\\")) {
                store(word, 8)
                index += 8
                continue
            }
            let end = min(index + 8, piece.count)
            while index < end {
                let byte = piece[index]
                let length = byte < 0x80 ? 0 : printable.length(piece, at: index)
                if length > 0 {
                    copy(piece.dropFirst(index).prefix(length))
                    index += length
                } else {
                    let form = escaped[byte]
                    store(form.bytes, form.length)
                    if form.length > 1 { escapeCount += 1 }
                    index += 1
                }
            }
        }
    }

    private func quote(_ piece: ByteView) {
        var index = 0
        while index < piece.count {
            if let word = piece.word(at: index),
                word.isPlain(but: UInt8(ascii: "\\"), UInt8(ascii: "\""))
            {
                store(word, 8)
                index += 8
                continue
            }
            let end = min(index + 8, piece.count)
            while index < end {
                let byte = piece[index]
                if byte < 0x80 {
                    let form = quoted[byte]
                    store(form.bytes, form.length)
                    index += 1
                } else {
                    index += quoteBeyondASCII(piece, at: index)
                }
            }
        }
    }

    /// Writes a byte, or all of a character that JSON's readers may stumble over: C1 controls, and the
    /// line ends that JavaScript knows beyond JSON. Returns how many bytes it took.
    private func quoteBeyondASCII(_ piece: ByteView, at index: Int) -> Int {
        let byte = piece[index]
        let next = index + 1 < piece.count ? piece[index + 1] : 0
        if byte == 0xC2, next < 0xA0 {
            let form = quoted[next]
            store(form.bytes, form.length)
            return 2
        }
        if byte == 0xE2, next == 0x80, index + 2 < piece.count, 0xA8...0xA9 ~= piece[index + 2] {
            let form = EscapeTable.lineSeparator(piece[index + 2])
            store(form.bytes, form.length)
            return 3
        }
        store(UInt64(byte), 1)
        return 1
    }

    private func hex(_ piece: ByteView) {
        let forms = EscapeTable.hex
        for index in 0..<piece.count { store(forms[piece[index]].bytes, 2) }
    }

    private func base64(_ piece: ByteView) {
        let alphabet = EscapeTable.alphabet
        var index = 0
        while index < piece.count {
            let left = piece.count - index
            var group = UInt32(piece[index]) << 16
            if left > 1 { group |= UInt32(piece[index + 1]) << 8 }
            if left > 2 { group |= UInt32(piece[index + 2]) }
            var form: UInt64 = 0
            for place in 0..<4 {
                let sextet = Int(group >> UInt32(18 - 6 * place)) & 63
                let character = place <= left ? alphabet[sextet] : UInt8(ascii: "=")
                form |= UInt64(character) << UInt64(8 * place)
            }
            store(form, 4)
            index += 3
        }
    }
}

extension ByteView {
    /// The eight bytes from `index` on, the first one lowest; nil where fewer are left.
    @inline(__always)
    fileprivate func word(at index: Int) -> UInt64? {
        guard index + 8 <= count else { return nil }
        return unsafe UInt64(
            littleEndian: start.loadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    /// The last place up to `limit` where no character of UTF-8 is cut in two.
    fileprivate func lastCharacterStart(before limit: Int) -> Int {
        var place = limit
        // At most three bytes follow a character's first; more belong to none, and may be cut anywhere.
        while place > limit - 4, self[place] & 0xC0 == 0x80 { place -= 1 }
        return self[place] & 0xC0 == 0x80 ? limit : place
    }

    /// Whether the bytes are UTF-8. O(n).
    var isUTF8: Bool {
        var rest = self
        while rest.count > 0 {
            let ascii = rest.asciiLength
            rest = rest.dropFirst(ascii)
            if rest.count == 0 { return true }
            var piece = rest.prefix(4096)
            if piece.count < rest.count {
                piece = rest.prefix(rest.lastCharacterStart(before: piece.count))
            }
            let buffer = unsafe piece.buffer.assumingMemoryBound(to: UInt8.self)
            if unsafe String(validating: buffer, as: UTF8.self) == nil { return false }
            rest = rest.dropFirst(piece.count)
        }
        return true
    }

    /// How many bytes at the start are ASCII, in steps of eight.
    private var asciiLength: Int {
        var end = 0
        while end + 8 <= count,
            unsafe start.loadUnaligned(fromByteOffset: end, as: UInt64.self)
                & 0x8080_8080_8080_8080 == 0
        { end += 8 }
        return end
    }
}

extension UInt64 {
    /// Whether all eight bytes are printable ASCII and none is one of two characters.
    ///
    /// ("Determine if a word has a byte less than n", Bit Twiddling Hacks, Anderson 2005: where a byte
    /// is, the subtraction may borrow from the next, which does not matter here.)
    @inline(__always)
    fileprivate func isPlain(but first: UInt8, _ second: UInt8? = nil) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let high: UInt64 = 0x8080_8080_8080_8080
        let control = (self &- ones &* 0x20) & ~self
        let one = self ^ ones &* UInt64(first)
        var equal = (one &- ones) & ~one
        if let second {
            let other = self ^ ones &* UInt64(second)
            equal |= (other &- ones) & ~other
        }
        // Adding one makes 0x7F a byte with the high bit.
        return (control | equal | (self &+ ones) | self) & high == 0
    }
}
