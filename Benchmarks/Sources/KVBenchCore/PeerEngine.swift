import CPeers
@_spi(Engine) import KVDB
import StorageIO

/// An engine behind the C interface (`Peers.h`): the peers, and the machine's raw limits.
@safe final class PeerEngine: BenchmarkEngine, @unchecked Sendable {
    // Sendable: all stored properties are constant, and the engines allow calls of `makeSession`,
    // `settle` and `close` from any thread.
    private let functions: UnsafePointer<CPeers.PeerEngine>
    private let database: OpaquePointer

    private init(_ functions: UnsafePointer<CPeers.PeerEngine>, _ database: OpaquePointer) {
        unsafe self.functions = functions
        unsafe self.database = database
    }

    static func open(_ options: EngineOptions) throws -> Self {
        throw BenchmarkError("A peer is opened by its name.")
    }

    /// Opens a database of the engine called `name`.
    static func open(_ name: String, _ options: EngineOptions) throws -> PeerEngine {
        guard let functions = unsafe table(name) else {
            throw BenchmarkError("There is no engine called \(name).")
        }
        var database: OpaquePointer?
        let code = unsafe options.directory.withCString { directory in
            var native = unsafe PeerOptions(
                directory: directory, cache_bytes: UInt64(options.cacheBudget),
                map_bytes: UInt64(options.mapByteCount),
                sync: options.level == .durable ? PEER_DURABLE : PEER_WRITTEN,
                checkpoints: options.checkpoints.native)
            return unsafe functions.pointee.open(&native, &database)
        }
        guard code == 0, let database = unsafe database else { throw lastError(name) }
        return unsafe PeerEngine(functions, database)
    }

    /// The names of all engines behind the interface.
    static var names: [String] {
        var names: [String] = []
        var next = unsafe peer_engines()!
        while let engine = unsafe next.pointee {
            unsafe names.append(String(cString: engine.pointee.name))
            unsafe next += 1
        }
        return names
    }

    /// The version of an engine's library.
    static func version(_ name: String) -> String {
        guard let functions = unsafe table(name) else { return "" }
        var text = [CChar](repeating: 0, count: 64)
        unsafe functions.pointee.version(&text, text.count)
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func table(_ name: String) -> UnsafePointer<CPeers.PeerEngine>? {
        var next = unsafe peer_engines()!
        while let engine = unsafe next.pointee {
            if unsafe String(cString: engine.pointee.name) == name {
                return unsafe engine
            }
            unsafe next += 1
        }
        return nil
    }

    static func lastError(_ name: String) -> BenchmarkError {
        BenchmarkError("\(name): \(unsafe String(cString: peer_message()))")
    }

    func makeSession() throws -> PeerSession {
        var session: OpaquePointer?
        let code = unsafe functions.pointee.start_session(database, &session)
        guard code == 0, let session = unsafe session else { throw Self.lastError("session") }
        return unsafe PeerSession(functions.pointee, session)
    }

    func settle() throws {
        guard unsafe functions.pointee.settle(database) == 0 else { throw Self.lastError("settle") }
    }

    func close() throws {
        guard unsafe functions.pointee.close(database) == 0 else { throw Self.lastError("close") }
    }
}

extension Checkpoints {
    /// The same in C.
    fileprivate var native: PeerCheckpoints {
        switch self {
        case .usual: PEER_CHECKPOINTS_USUAL
        case .often: PEER_CHECKPOINTS_OFTEN
        case .never: PEER_CHECKPOINTS_NEVER
        }
    }
}

/// A session behind the C interface.
@safe final class PeerSession: BenchmarkSession {
    private let functions: CPeers.PeerEngine
    private let session: OpaquePointer
    private(set) var touched: UInt64 = 0
    /// Where the keys of one `getMany` lie, as C wants them.
    private var many = unsafe [PeerBytes]()

    init(_ functions: CPeers.PeerEngine, _ session: OpaquePointer) {
        unsafe self.functions = functions
        unsafe self.session = session
    }

    @inline(__always)
    private func bytes(_ view: ByteView) -> PeerBytes {
        unsafe PeerBytes(start: view.start, count: view.count)
    }

    @inline(__always)
    private func check(_ code: Int32) throws {
        if code < 0 { throw unsafe PeerEngine.lastError(String(cString: functions.name)) }
    }

    func put(_ key: ByteView, _ value: ByteView) throws {
        try check(unsafe functions.put(session, bytes(key), bytes(value)))
    }

    func putBatch(_ count: Int, _ entry: (Int) -> (ByteView, ByteView)) throws {
        try check(unsafe functions.begin(session))
        for index in 0..<count {
            let (key, value) = entry(index)
            try check(unsafe functions.batch_put(session, bytes(key), bytes(value)))
        }
        try check(unsafe functions.commit(session))
    }

    func deleteBatch(_ count: Int, _ key: (Int) -> ByteView) throws {
        try check(unsafe functions.begin(session))
        for index in 0..<count {
            try check(unsafe functions.batch_delete(session, bytes(key(index))))
        }
        try check(unsafe functions.commit(session))
    }

    func loadSorted(_ count: Int, _ entry: (Int) -> (ByteView, ByteView)) throws {
        try check(unsafe functions.bulk_begin(session))
        for index in 0..<count {
            let (key, value) = entry(index)
            try check(unsafe functions.bulk_put(session, bytes(key), bytes(value)))
        }
        try check(unsafe functions.bulk_finish(session))
    }

    func beginRead() throws { try check(unsafe functions.begin_read(session)) }

    func endRead() { unsafe functions.end_read(session) }

    @inline(__always)
    func get(_ key: ByteView) throws -> Bool {
        let found = unsafe functions.get(session, bytes(key), &touched)
        try check(found)
        return found > 0
    }

    @inline(__always)
    func getNewest(_ key: ByteView) throws -> Bool {
        let found = unsafe functions.get_newest(session, bytes(key), &touched)
        try check(found)
        return found > 0
    }

    func getMany(_ keys: [ByteView]) throws -> Int {
        guard let getMany = unsafe functions.get_many else {
            var found = 0
            for key in keys where try get(key) { found += 1 }
            return found
        }
        unsafe many.removeAll(keepingCapacity: true)
        for key in keys { unsafe many.append(bytes(key)) }
        let found = unsafe many.withUnsafeBufferPointer { buffer in
            unsafe getMany(session, buffer.baseAddress, buffer.count, &touched)
        }
        try check(found)
        return Int(found)
    }

    func scan(from: ByteView?, reverse: Bool, limit: Int) throws -> Int {
        var start = unsafe PeerBytes(start: nil, count: 0)
        if let from { unsafe start = bytes(from) }
        let count = unsafe functions.scan(session, start, reverse, UInt64(limit), &touched)
        if count < 0 { throw unsafe PeerEngine.lastError(String(cString: functions.name)) }
        return Int(count)
    }

    func finish() { unsafe functions.end_session(session) }
}
