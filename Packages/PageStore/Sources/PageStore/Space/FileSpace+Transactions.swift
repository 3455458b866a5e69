import StorageIO
import Synchronization

extension FileSpace {
    /// Starts a transaction, and frees what became reusable, where that is worth its cost.
    mutating func begin(_ number: TransactionNumber) throws(StorageError) {
        // A superblock beyond the limit would not open again. Two more may come with this transaction.
        guard number < Superblock.countLimit, superblock.generation < Superblock.countLimit - 2
        else {
            throw StorageError(
                .damaged, "The numbers of transactions or checkpoints are used up.",
                path: file.path, page: 0)
        }
        do throws(StorageError) { try allocator.begin(number) } catch { throw located(error) }
        bounds.lowestNewborn.store(number, ordering: .releasing)
        bounds.newestBirth.store(number, ordering: .releasing)
        if allocator.isReclaimDue { reclaim() }
    }

    /// Lets the running transaction stand for those up to `number` as well.
    mutating func extend(to number: TransactionNumber) throws(StorageError) {
        do throws(StorageError) { try allocator.extend(to: number) } catch {
            throw located(error)
        }
        bounds.newestBirth.store(number, ordering: .releasing)
    }

    /// Ends the transaction; its savepoints are released.
    mutating func commit() throws(StorageError) {
        while let freed = allocator.releaseSavepoint() { free(freed) }
        do throws(StorageError) { try allocator.commit() } catch { throw located(error) }
        if allocator.isCommitChecked { checkInvariants() }
    }

    /// Notes a transaction that took and retired nothing.
    mutating func commitInPlace(_ number: TransactionNumber) throws(StorageError) {
        do throws(StorageError) { try allocator.commitInPlace(number) } catch {
            throw located(error)
        }
        bounds.newestBirth.store(number, ordering: .releasing)
    }

    /// Ends the transaction; what was born in it is free. Returns false if none was running.
    mutating func abort() -> Bool {
        guard let freed = allocator.abort() else { return false }
        free(freed)
        checkInvariants()
        return true
    }

    /// Notes that readers get no older version any more.
    mutating func publish(_ version: TransactionNumber) throws(StorageError) {
        do throws(StorageError) { try allocator.publish(version) } catch { throw located(error) }
    }

    // MARK: Savepoints

    /// Adds a savepoint.
    mutating func addSavepoint() throws(StorageError) {
        do throws(StorageError) { try allocator.addSavepoint() } catch { throw located(error) }
    }

    /// Ends the innermost savepoint; what was done behind it stays.
    ///
    /// - Returns: the running transaction, if that has no savepoint any more.
    mutating func releaseSavepoint() -> TransactionNumber? {
        free(allocator.releaseSavepoint() ?? [])
        return allocator.savepoints.isEmpty && allocator.running != 0 ? allocator.running : nil
    }

    /// Goes back to the innermost savepoint and ends it.
    ///
    /// - Returns: the running transaction, if that has no savepoint any more.
    mutating func rollBackSavepoint() -> TransactionNumber? {
        free(allocator.rollBackSavepoint() ?? [])
        checkInvariants()
        return allocator.savepoints.isEmpty && allocator.running != 0 ? allocator.running : nil
    }

    func free(_ runs: [PageAllocator.Run]) {
        for run in runs { table.free(run) }
    }
}
