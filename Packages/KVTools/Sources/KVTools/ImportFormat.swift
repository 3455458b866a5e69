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
        valueFormat: ByteFormat?, limits: EntryLimits = .database
    ) throws(StorageError) -> any EntryInput {
        var name = name.lowercased()
        var plain = try PeekedInput(input, count: LZ4FrameDecoder.longestHeaderByteCount)
        let isPacked = try LZ4FrameDecoder.recognises(
            plain.head, surely: format == nil || format == .tkdb || name.hasSuffix(".lz4"))
        if isPacked {
            plain = try PeekedInput(try LZ4FrameDecoder(plain), count: exportHeadByteCount)
        }
        if name.hasSuffix(".lz4") { name.removeLast(4) }
        let kind: ImportFormat
        if let format { kind = format } else { kind = try recognise(plain.head, name: name) }
        switch kind {
        case .tkdb:
            return ExportEntryInput(plain)
        case .tsv:
            return TabSeparatedInput(
                plain, keyFormat: keyFormat, valueFormat: valueFormat, limits: limits)
        case .ndjson:
            return JSONLinesInput(plain, limits: limits)
        }
    }

    /// The magic number and the version (`Docs/ExportFormat.md`).
    private static let exportHeadByteCount = 12

    private static func recognise(
        _ head: [UInt8], name: String
    ) throws(StorageError) -> ImportFormat {
        var byName: ImportFormat?
        if [".tsv", ".tab", ".txt"].contains(where: name.hasSuffix) { byName = .tsv }
        if [".ndjson", ".jsonl", ".json"].contains(where: name.hasSuffix) { byName = .ndjson }
        let magic = Array("TKDB_EXP".utf8)
        let start = head.prefix(exportHeadByteCount)
        if start.starts(with: magic) {
            // A key may begin like an export, but no text has the zeros of its version number.
            let isExport = start.count == exportHeadByteCount && start.suffix(2) == [0, 0]
            return isExport ? .tkdb : byName ?? .tkdb
        }
        if let byName { return byName }
        // A beginning of the magic that is all there is, is a cut export.
        if magic.starts(with: head) || name.hasSuffix(".tkdb") { return .tkdb }
        throw StorageError(
            .notADatabase,
            "This is neither a tkdb export nor LZ4; for text say --input-format tsv or ndjson.")
    }
}
