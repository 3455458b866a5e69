import ArgumentParser
import StorageIO

/// What an import reads.
enum ImportFormat: String, CaseIterable, ExpressibleByArgument {
    /// A tkdb export of any version.
    case tkdb
    /// Tab-separated text.
    case tsv
    /// Newline-delimited JSON.
    case ndjson

    /// The entries of `input`.
    ///
    /// An LZ4 frame around it is recognised by its first bytes and unpacked. What is inside is
    /// `format` when given, else an export when it begins like one, else what the name says.
    ///
    /// - Parameter name: the file's name, for its extension.
    /// - Throws: `emptyFile`, `notADatabase` when it can't be told what it is, and what the input
    ///   throws.
    static func open(
        _ input: any ByteInput, name: String, format: ImportFormat?, keyFormat: ByteFormat?,
        valueFormat: ByteFormat?
    ) throws(StorageError) -> any EntryInput {
        var name = name.lowercased()
        var plain = try PeekedInput(input, count: 8)
        if LZ4FrameDecoder.recognises(plain.head) {
            plain = try PeekedInput(try LZ4FrameDecoder(plain), count: 8)
            if name.hasSuffix(".lz4") { name.removeLast(4) }
        }
        let kind: ImportFormat
        if let format { kind = format } else { kind = try recognise(plain.head, name: name) }
        switch kind {
        case .tkdb:
            return ExportEntryInput(plain)
        case .tsv:
            return TabSeparatedInput(
                plain, keyFormat: keyFormat ?? .escaped, valueFormat: valueFormat ?? .escaped)
        case .ndjson:
            return JSONLinesInput(plain)
        }
    }

    private static func recognise(
        _ head: [UInt8], name: String
    ) throws(StorageError) -> ImportFormat {
        // A beginning of the magic that is all there is, is a cut export.
        let magic = Array("TKDB_EXP".utf8)
        if !head.isEmpty, magic.starts(with: head) { return .tkdb }
        if [".tsv", ".tab", ".txt"].contains(where: name.hasSuffix) { return .tsv }
        if [".ndjson", ".jsonl", ".json"].contains(where: name.hasSuffix) { return .ndjson }
        if head.isEmpty || name.hasSuffix(".tkdb") { return .tkdb }
        throw StorageError(
            .notADatabase,
            "This is neither a tkdb export nor LZ4; for text say --input-format tsv or ndjson.")
    }
}
