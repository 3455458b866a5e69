@_spi(Engine) import KVDB
import StorageIO

/// Where an import's entries come from.
protocol EntryInput: AnyObject {
    /// The next entry or table, or the end, which is only said when the input was whole.
    func next() throws(StorageError) -> ExportEvent

    /// Where long values are read, whose entries come with the key alone; nil for an input that has none.
    var longValues: LongValueInput? { get }
}

extension EntryInput {
    var longValues: LongValueInput? { nil }
}

/// The entries of a tkdb export.
final class ExportEntryInput: EntryInput {
    private let reader: ExportReader

    init(_ input: any ByteInput) {
        reader = ExportReader { buffer throws(StorageError) in try input.read(into: &buffer) }
    }

    func next() throws(StorageError) -> ExportEvent { try reader.next() }

    var longValues: LongValueInput? { LongValueInput(reader) }
}

/// The entries of another input, with its path in its errors, which are not the database's.
final class LocatedEntryInput: EntryInput {
    private let input: any EntryInput
    private let path: String
    private let session: Session

    init(
        _ path: String, in session: Session, _ open: () throws(StorageError) -> any EntryInput
    ) throws(StorageError) {
        self.path = path
        self.session = session
        do throws(StorageError) {
            input = try open()
        } catch {
            throw Self.located(error, path, in: session)
        }
    }

    func next() throws(StorageError) -> ExportEvent {
        do throws(StorageError) {
            return try input.next()
        } catch {
            throw Self.located(error, path, in: session)
        }
    }

    var longValues: LongValueInput? {
        guard let values = input.longValues else { return nil }
        let (path, session) = (path, session)
        return LongValueInput(
            count: values.count,
            read: { body throws(StorageError) in
                // What the database throws is not the input's fault.
                var thrown: StorageError?
                do throws(StorageError) {
                    return try values.read { portion throws(StorageError) in
                        do throws(StorageError) {
                            try body(portion)
                        } catch {
                            thrown = error
                            throw error
                        }
                    }
                } catch {
                    throw thrown ?? Self.located(error, path, in: session)
                }
            })
    }

    private static func located(
        _ error: StorageError, _ path: String, in session: Session
    ) -> StorageError {
        session.isInputAtFault = true
        var error = error
        if error.path == nil { error.path = path }
        return error
    }
}
