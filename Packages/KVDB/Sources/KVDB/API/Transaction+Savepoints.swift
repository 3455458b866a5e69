import StorageIO

extension Database.Transaction {
    /// Runs `body` as a part of the transaction that can be taken back by itself: what `body` throws undoes what it
    /// did, and the transaction goes on as if it had not been called.
    ///
    /// ```swift
    /// try database.write { transaction in
    ///     for order in orders {
    ///         do {
    ///             try transaction.savepoint { transaction in try book(order, transaction) }
    ///         } catch {
    ///             try transaction[.rejected].put("\(error)", for: order.number)
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// It takes back everything: entries, long values, tables that were created, dropped or renamed. A call in it that
    /// fails half-way, as on a full disk, takes back the savepoint alone as well, even if `body` throws nothing. Savepoints
    /// nest. Nothing that was taken back is ever in the log or the file. Cursors and tables of the transaction go on.
    ///
    /// - Parameter body: gets the transaction. Its end is not the end of the transaction.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws; the error of a call in it that failed half-way.
    /// - Complexity: O(tables used in the transaction) besides `body`; to take back, O(pages that it changed). The
    ///   first change of a page behind a savepoint copies it.
    @available(*, noasync, message: "A transaction must not live across await.")
    @discardableResult
    public func savepoint<Result>(
        _ body: (borrowing Database.Transaction) throws(Database.Failure) -> Result
    ) throws(Database.Failure) -> Result {
        try database.core.savepoint(engine.number) { () throws(Database.Failure) in
            try body(self)
        }
    }
}
