/// The operations in a log record's payload: one record per version. The table, with an example, is
/// in `Docs/RecordFormat.md`; this is its one home in code. All integers are little-endian.
///
/// Operations apply to the default table until a `useTable` names another.
enum LogOperation: UInt8 {
    /// u16 key length, u32 value length, key, value.
    case put = 1
    /// u16 key length, key.
    case delete = 2
    /// u8 bounds present (1: from, 2: to), u16 length and bytes of each bound that is present.
    case deleteRange = 3
    /// u16 name length, name: the following operations are on this table, which is created when
    /// missing. An empty name is the default table.
    case useTable = 4
    /// u16 name length, name: the table and all in it are gone, and the
    /// following operations are on the default table.
    case dropTable = 5
    /// u16 name length, name, u16 name length, name: the table of the first name has the second one, which none
    /// had, and the following operations are on the default table.
    case renameTable = 6
    /// u16 length, description: what the current table holds from here on; see `TableDescription`.
    case describeTable = 7
}
