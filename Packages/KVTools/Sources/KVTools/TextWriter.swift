import StorageIO

/// Writes keys and values as text, in any ``ByteFormat`` or as JSON strings, however long they are: in
/// pieces, through a buffer of its own, so that no second copy of a value is made.
///
/// What is not to be changed is found and copied sixteen bytes at a time (``ByteBlock``); every other byte is
/// one entry of a table (``EscapeTable``) and one store. The loops work on local copies: each access to what
/// belongs to an object is checked.
@safe final class TextWriter {
    // Safe: nothing is stored beyond `capacity`, since every method makes room first; the memory lives
    // as long as the writer.
    private let output: any ByteOutput
    private let start: UnsafeMutableRawPointer
    private var count = 0
    /// How many bytes were escaped so far, over all calls.
    private(set) var escapeCount = 0
    private var printable = PrintableCharacters()
    private let escaped = EscapeTable.escaped
    private let quoted = EscapeTable.quoted

    /// What is handed on is more than half of it, which an output takes without a copy of its own.
    private static let capacity = 1 << 17
    /// The bytes that are changed at once, a multiple of three for Base64. Six times as many fit in
    /// the buffer: the longest form of a byte is JSON's `\u0000`.
    private static let pieceByteCount = 8190
    /// Where more bytes of a block than this may have to be changed, each is looked at by itself.
    private static let densePlaces = 4

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
            var room = unsafe TextRoom(start + count)
            switch format {
            case .text, .escaped: escapeCount += escape(piece, to: &room)
            case .hex: Self.hex(piece, to: &room)
            case .base64: Self.base64(piece, to: &room)
            }
            count += room.count
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
            var room = unsafe TextRoom(start + count)
            quote(piece, to: &room)
            count += room.count
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
            try withByteView(of: Array(format.rawValue.utf8)) { name throws(StorageError) in
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
            try withByteView(of: text) { text throws(StorageError) in try writeJSON(text) }
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
        if count + needed + TextRoom.slack > Self.capacity { try flush() }
    }

    private func copy(_ bytes: ByteView) {
        unsafe (start + count).copyMemory(from: bytes.start, byteCount: bytes.count)
        count += bytes.count
    }

    /// Escapes a piece; how many of its bytes.
    private func escape(_ piece: ByteView, to target: inout TextRoom) -> Int {
        let escaped = escaped
        var printable = PrintableCharacters()
        swap(&printable, &self.printable)
        defer { swap(&printable, &self.printable) }
        var room = target
        defer { target = room }
        var escapes = 0
        var index = 0
        while index < piece.count {
            var end = index &+ 1
            if let block = piece.block(at: index) {
                let marks = block.notPlain
                if marks.isEmpty {
                    room.store(block, 16)
                    index &+= 16
                    continue
                }
                let length = marks.leadingLength
                room.store(block, length)
                end = index &+ (marks.count > Self.densePlaces ? 16 : length &+ 1)
                index &+= length
            }
            repeat {
                let word = piece.quarter(at: index)
                let character = EncodedCharacter(word)
                if character.length > 0, printable.contains(character.value) {
                    room.store(word, character.length)
                    index &+= character.length
                } else {
                    let form = escaped[UInt8(truncatingIfNeeded: word)]
                    room.store(form.bytes, form.length)
                    escapes &+= form.length > 1 ? 1 : 0
                    index &+= 1
                }
            } while index < end
        }
        return escapes
    }

    private func quote(_ piece: ByteView, to target: inout TextRoom) {
        let quoted = quoted
        var room = target
        defer { target = room }
        var index = 0
        while index < piece.count {
            if let block = piece.block(at: index) {
                let marks = block.notQuotable
                if marks.isEmpty {
                    room.store(block, 16)
                    index &+= 16
                    continue
                }
                let length = marks.leadingLength
                room.store(block, length)
                index &+= length
            }
            let word = piece.quarter(at: index)
            let byte = UInt8(truncatingIfNeeded: word)
            if byte < 0x80 {
                let form = quoted[byte]
                room.store(form.bytes, form.length)
                index &+= 1
            } else {
                index &+= Self.quoteBeyondASCII(word, quoted, to: &room)
            }
        }
    }

    /// Writes a byte, or all of a character that JSON's readers may stumble over: C1 controls, and the
    /// line ends that JavaScript knows beyond JSON. Returns how many bytes it took.
    ///
    /// - Parameter word: the byte and those after it, the first one lowest.
    @inline(__always)
    private static func quoteBeyondASCII(
        _ word: UInt32, _ quoted: EscapeTable.Forms, to room: inout TextRoom
    ) -> Int {
        // U+0080 to U+009F.
        if word & 0xE0FF == 0x80C2 {
            let form = quoted[UInt8(truncatingIfNeeded: word &>> 8)]
            room.store(form.bytes, form.length)
            return 2
        }
        // U+2028 and U+2029.
        if word & 0xFE_FFFF == 0xA8_80E2 {
            let form = EscapeTable.lineSeparator(UInt8(truncatingIfNeeded: word &>> 16))
            room.store(form.bytes, form.length)
            return 3
        }
        room.store(word, 1)
        return 1
    }

    private static func hex(_ piece: ByteView, to target: inout TextRoom) {
        let forms = EscapeTable.hex
        var room = target
        for index in 0..<piece.count { room.store(forms[piece[index]].bytes, 2) }
        target = room
    }

    private static func base64(_ piece: ByteView, to target: inout TextRoom) {
        let alphabet = EscapeTable.alphabet
        var room = target
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
            room.store(form, 4)
            index += 3
        }
        target = room
    }
}
