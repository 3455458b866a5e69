import StorageIO

/// Prints entries as lines: key, tab, value, or a JSON object.
struct EntryPrinter {
    private let writer: TextWriter
    private let keys: ByteFormat?
    private let values: ByteFormat?
    private let isJSON: Bool
    private let marksEscaped: Bool

    /// - Parameters:
    ///   - keys: how keys are written; escaped, or in JSON text where they are that, when nil.
    ///   - values: the same for values.
    ///   - marksEscaped: whether a line of which something had to be escaped says so
    ///     (``TabSeparatedInput/escapedMark``). Never done where a format was asked for: who gives it
    ///     knows it.
    init(
        keys: ByteFormat?, values: ByteFormat?, isJSON: Bool, marksEscaped: Bool,
        to output: any ByteOutput
    ) {
        writer = TextWriter(output)
        self.keys = keys
        self.values = values
        self.isJSON = isJSON
        self.marksEscaped = marksEscaped && keys == nil && values == nil
    }

    /// Prints an entry.
    func print(_ key: ByteView, _ value: ByteView) throws(StorageError) {
        if isJSON {
            try writer.write("{")
            try writer.writeMember("key", key, keys)
            try writer.write(",")
            try writer.writeMember("value", value, values)
            return try writer.write("}\n")
        }
        let escapes = writer.escapeCount
        try writer.write(key, as: keys ?? .escaped)
        try writer.write("\t")
        try writer.write(value, as: values ?? .escaped)
        if marksEscaped, writer.escapeCount != escapes {
            try withByteView(of: TabSeparatedInput.escapedMark) { mark throws(StorageError) in
                try writer.write(mark)
            }
        }
        try writer.write("\n")
    }

    /// Prints a key alone.
    func print(_ key: ByteView) throws(StorageError) {
        if isJSON {
            try writer.write("{")
            try writer.writeMember("key", key, keys)
            return try writer.write("}\n")
        }
        try writer.write(key, as: keys ?? .escaped)
        try writer.write("\n")
    }

    /// Hands on what was held back.
    func flush() throws(StorageError) { try writer.flush() }
}
