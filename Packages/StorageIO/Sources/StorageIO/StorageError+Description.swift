import CStorageIO

extension StorageError.Code {
    /// The code's name: the same in every version, for logs and for machine-readable output.
    public var name: String {
        switch self {
        case .inputOutput: "inputOutput"
        case .diskFull: "diskFull"
        case .fileNotFound: "fileNotFound"
        case .fileExists: "fileExists"
        case .permissionDenied: "permissionDenied"
        case .readOnly: "readOnly"
        case .locked: "locked"
        case .notADatabase: "notADatabase"
        case .emptyFile: "emptyFile"
        case .truncated: "truncated"
        case .damaged: "damaged"
        case .unsupportedFormat: "unsupportedFormat"
        case .keyTooLong: "keyTooLong"
        case .valueTooLong: "valueTooLong"
        case .invalidArgument: "invalidArgument"
        case .closed: "closed"
        case .poisoned: "poisoned"
        case .timedOut: "timedOut"
        case .outOfMemory: "outOfMemory"
        case .fileTooLarge: "fileTooLarge"
        case .notSorted: "notSorted"
        case .tableNotFound: "tableNotFound"
        case .busy: "busy"
        case .ambiguousName: "ambiguousName"
        case .positionRecycled: "positionRecycled"
        case .undecodable: "undecodable"
        case .unencodable: "unencodable"
        case .wrongType: "wrongType"
        case .notUnique: "notUnique"
        case .wrongIndexes: "wrongIndexes"
        }
    }
}

extension StorageError: CustomStringConvertible {
    /// The name of ``code``, the same in every version.
    public var codeName: String { code.name }

    /// What the system says about ``systemCode``, or nil when the system had no part in it.
    public var systemMessage: String? {
        systemCode == 0 ? nil : System.message(of: systemCode)
    }

    /// The message, then where it happened, then the cause, on one line:
    /// `No space is left. (my.db, page 7, offset 28672, system error 28: No space left on device);
    /// caused by: …`
    public var description: String {
        var text = message
        var places: [String] = []
        if let path { places.append(path) }
        if let page { places.append("page \(page)") }
        if let offset { places.append("offset \(offset)") }
        if let logSequenceNumber { places.append("LSN \(logSequenceNumber)") }
        if let systemMessage { places.append("system error \(systemCode): \(systemMessage)") }
        if !places.isEmpty {
            text += " ("
            for (index, place) in places.enumerated() {
                if index > 0 { text += ", " }
                text += place
            }
            text += ")"
        }
        if let cause { text += "; caused by: \(cause.error.description)" }
        return text
    }
}

extension System {
    /// The system's message for an error number.
    static func message(of number: Int32) -> String {
        unsafe withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
            unsafe csio_error_message(number, buffer.baseAddress, buffer.count)
            let length = unsafe buffer.firstIndex(of: 0) ?? 0
            return unsafe String(decoding: buffer.prefix(length), as: UTF8.self)
        }
    }
}
