import StorageIO

/// Runs a call of the database that throws whatever its closures throw, where they throw the database's errors only.
func onlyStorageErrors<Result>(_ call: () throws -> Result) throws(StorageError) -> Result {
    do {
        return try call()
    } catch let error as StorageError {
        throw error
    } catch {
        throw StorageError(.invalidArgument, "\(error)")
    }
}
