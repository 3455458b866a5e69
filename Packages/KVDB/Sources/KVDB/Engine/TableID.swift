/// A table's place in a handle's `TableSet`: what the engine's calls know a table by.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
public struct TableID: Hashable, Sendable {
    /// 0 for the default table.
    let index: UInt32

    /// The place at `index`.
    init(index: UInt32) { self.index = index }

    /// The default table.
    public static var main: TableID { TableID(index: 0) }
}
