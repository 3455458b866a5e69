import StorageIOTesting

extension CrashingFileSystem {
    /// The same files, all durable, without faults and counts.
    func copy() -> CrashingFileSystem { survivors(.all) }
}
