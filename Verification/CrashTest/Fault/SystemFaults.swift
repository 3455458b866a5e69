import CSystemFaults
@_spi(Engine) import DatabaseTesting
import Foundation
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// A scenario on the system's real files, where system calls fail: the engine's own C code, and
/// what it makes of each error number. Linux only.
///
/// Not modelled: what a power cut leaves, since the calls that fail do so before the system; see
/// ``SimulatedFaults`` for that.
struct SystemFaults {
    /// An error number that a kind of call can give, and what the engine should make of it.
    struct Kind: Sendable {
        var call: Int
        var error: Int32
        /// nil when nobody may notice.
        var code: StorageError.Code?
    }

    /// Every kind.
    static let kinds: [Kind] = [
        Kind(call: CSF_OPEN, error: EIO, code: .inputOutput),
        Kind(call: CSF_OPEN, error: EACCES, code: .permissionDenied),
        Kind(call: CSF_OPEN, error: EMFILE, code: .outOfMemory),
        Kind(call: CSF_OPEN, error: EROFS, code: .readOnly),
        Kind(call: CSF_OPEN_DIRECTORY, error: EMFILE, code: .outOfMemory),
        Kind(call: CSF_SYNC_DIRECTORY, error: EIO, code: .inputOutput),
        Kind(call: CSF_SYNC_DIRECTORY, error: EINVAL, code: nil),
        Kind(call: CSF_READ, error: EIO, code: .inputOutput),
        Kind(call: CSF_WRITE, error: EIO, code: .inputOutput),
        Kind(call: CSF_WRITE, error: ENOSPC, code: .diskFull),
        Kind(call: CSF_WRITE, error: EDQUOT, code: .diskFull),
        Kind(call: CSF_WRITE, error: EROFS, code: .readOnly),
        Kind(call: CSF_SYNC, error: EIO, code: .inputOutput),
        Kind(call: CSF_SYNC, error: ENOSPC, code: .diskFull),
        Kind(call: CSF_TRUNCATE, error: EIO, code: .inputOutput),
        Kind(call: CSF_TRUNCATE, error: EROFS, code: .readOnly),
        Kind(call: CSF_ALLOCATE, error: EIO, code: .inputOutput),
        Kind(call: CSF_ALLOCATE, error: ENOSPC, code: .diskFull),
        Kind(call: CSF_ALLOCATE, error: EDQUOT, code: .diskFull),
        Kind(call: CSF_ALLOCATE, error: EOPNOTSUPP, code: nil),
        Kind(call: CSF_UNLINK, error: EACCES, code: .permissionDenied),
        Kind(call: CSF_UNLINK, error: EIO, code: .inputOutput),
        Kind(call: CSF_RENAME, error: EIO, code: .inputOutput),
        Kind(call: CSF_RENAME, error: ENOSPC, code: .diskFull),
        Kind(call: CSF_LOCK, error: EAGAIN, code: .locked),
        Kind(call: CSF_LOCK, error: EACCES, code: .locked),
        Kind(call: CSF_LOCK, error: ENOLCK, code: .inputOutput),
        Kind(call: CSF_CLOSE, error: EIO, code: nil),
    ]

    /// What happens to the calls of one run.
    enum Plan: Sendable {
        case none
        /// The `number`th call of the kind fails, and all later ones if it stays.
        case fault(Kind, number: Int, isForever: Bool)
        /// Every call is interrupted once, or moves less than it should, or both.
        case disturbance(interrupts: Bool, shortens: Bool, seed: UInt64)
    }

    let scenario: FaultScenario
    private let base: [String: [UInt8]]
    private let state: DatabaseModel
    private let directory: FastDirectory
    /// The kinds of the calls that the steps and the close make.
    private(set) var calls: [Int] = []
    /// How many calls were interrupted or cut short in the last run.
    private(set) var disturbances = 0

    init(_ scenario: FaultScenario) throws {
        self.scenario = scenario
        let (files, state) = try SimulatedFaults.prepare(scenario)
        self.state = state
        var base: [String: [UInt8]] = [:]
        for path in files.paths { base[path] = try files.open(path, .readOnly).readAll() }
        self.base = base
        directory = try FastDirectory()
        let counted = try run(.none)
        calls = counted
    }

    /// How many calls a fault of this kind can hit.
    func count(of kind: Kind) -> Int { calls.count { $0 == kind.call } }

    /// Runs the scenario by `plan`, and the oracle.
    ///
    /// - Returns: the kinds of the calls until faults ended.
    @discardableResult
    mutating func run(_ plan: Plan) throws -> [Int] {
        try directory.fill(base)
        unsafe csf_begin(directory.path)
        defer { csf_end() }
        var code: StorageError.Code?
        var limit = 0
        switch plan {
        case .none: break
        case .fault(let kind, let number, let isForever):
            csf_fail(Int32(kind.call), UInt64(number), kind.error, isForever ? 1 : 0, 1)
            code = kind.code
            limit = isForever ? .max : 1
        case .disturbance(let interrupts, let shortens, let seed):
            csf_disturb(interrupts ? 1 : 0, shortens ? 1 : 0, seed)
        }
        var count = 0
        var world = world(codes: code.map { [$0] } ?? [], limit)
        world.clear = {
            if count == 0 { count = Int(csf_count()) }
            csf_clear()
        }
        if let code { world.fired = { Self.fired(code) } }
        var trial = FaultTrial(scenario, world, state: state)
        try trial.run()
        disturbances = Int(csf_disturbances())
        if case .fault = plan {
            let hits = (0..<csf_count()).count { csf_get($0).error != 0 }
            try check(hits > 0, "the fault did not come")
        }
        return (0..<UInt64(count)).map { Int(csf_get($0).kind) }
    }

    private func world(
        codes: Set<StorageError.Code>, _ limit: Int
    ) -> FaultWorld<POSIXFileSystem> {
        let directory = directory
        return FaultWorld(
            files: POSIXFileSystem(), path: directory.path + "/test.db", codes: codes,
            faultCount: limit, fired: { [] }, clear: {}, cuts: { [] },
            bytes: { path in
                csf_pause(1)
                defer { csf_pause(0) }
                return FileManager.default.contents(atPath: path).map(Array.init)
            },
            names: {
                csf_pause(1)
                defer { csf_pause(0) }
                return directory.names.map { directory.path + "/" + $0 }
            })
    }

    /// The calls that failed so far.
    private static func fired(_ code: StorageError.Code) -> [FiredFault] {
        let calls: [Int: FiredFault.Call] = [
            CSF_OPEN: .open, CSF_READ: .read, CSF_WRITE: .write, CSF_SYNC: .sync,
            CSF_TRUNCATE: .truncate, CSF_ALLOCATE: .preallocate, CSF_UNLINK: .remove,
            CSF_RENAME: .rename, CSF_LOCK: .lock, CSF_CLOSE: .close, CSF_LINK: .rename,
            CSF_OPEN_DIRECTORY: .syncDirectory, CSF_SYNC_DIRECTORY: .syncDirectory,
        ]
        return (0..<csf_count()).compactMap { index in
            let call = csf_get(index)
            guard call.error != 0 else { return nil }
            let targets: [FiredFault.Target] = [.data, .log, .other]
            return FiredFault(
                call: calls[Int(call.kind)] ?? .close, target: targets[Int(call.target)],
                code: code, offset: call.offset)
        }
    }
}

/// A directory in memory where the system has that: what is synced there is nobody's business.
private final class FastDirectory {
    let path: String

    init() throws {
        let shared = "/dev/shm"
        let isThere = FileManager.default.isWritableFile(atPath: shared)
        let parent = isThere ? shared : FileManager.default.temporaryDirectory.path
        path = "\(parent)/kvdb-faults-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }

    /// Makes `files` all that there is.
    func fill(_ files: [String: [UInt8]]) throws {
        for name in names { try FileManager.default.removeItem(atPath: path + "/" + name) }
        for (name, bytes) in files {
            try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name))
        }
    }
}
