import BTree
import PageStore
import StorageIO
import WAL

// What commits tell those who observe. The writer has nothing to do with it as long as there is nobody: what a transaction
// touched is read from its operations, which the log wants anyway, when it has become the head.
extension Engine {
    /// Whether somebody observes.
    var isObserved: Bool {
        #if hasFeature(Embedded)
            return false
        #else
            return observers.hasAny
        #endif
    }

    /// Notes what the running transaction, which has just become the head, touched. The caller holds the writer lock.
    func noteChanges() {
        #if !hasFeature(Embedded)
            // A compaction changes pages and no content.
            guard !writer.isRearranging else { return }
            var touched = operationKeys()
            for place in 0..<writer.tables.count where writer.tables[place].isChanged {
                let table = writer.tables[place]
                let name = tables.name(of: table.id)
                // What came into it by another way than its operations may be anything.
                if touched.tables[name] == nil { touched.insert(.all, table: name) }
                if place > 0, table.isNew || !table.isThere { touched.hasNames = true }
            }
            observers.note(writer.head.transaction, touched)
        #endif
    }

    /// Notes what the put touched that has just become the head in place. The caller holds the writer lock.
    func noteLoggedChanges() {
        #if !hasFeature(Embedded)
            observers.note(writer.head.transaction, operationKeys())
        #endif
    }

    #if !hasFeature(Embedded)
        /// What the writer's operations touch; nothing where they are not all there.
        private func operationKeys() -> TableKeys {
            guard writer.operations.isWhole else { return TableKeys() }
            var touched = TableKeys()
            do throws(StorageError) {
                try touched.insert(operations: writer.operations.bytes)
                return touched
            } catch {
                return .everything
            }
        }
    #endif

    /// Tells those who observe what readers can see now. The caller holds no lock.
    func deliverChanges() {
        #if !hasFeature(Embedded)
            guard observers.hasAny else { return }
            observers.deliver(through: versions.newest, failure: poison)
        #endif
    }

    /// Ends what observers wait for, at the end of the database.
    func finishObservers() {
        #if !hasFeature(Embedded)
            observers.finish(through: versions.newest)
        #endif
    }
}
