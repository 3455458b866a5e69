@_spi(Engine) import DatabaseTesting
import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

/// Tables that get another name.
@Suite struct RenameTests {
    private let files = CrashingFileSystem()

    private func open() throws -> SimulatedDatabase {
        try SimulatedDatabase.open("a.db", files: files, options: .manual)
    }

    @Test func tablesAreRenamed() throws {
        var database = try open()
        try database.write { transaction in
            try transaction.put("a", "1", table: "x")
            try transaction.put("b", "2", table: "y")
        }
        let before = try database.snapshot()
        #expect(
            errorCode { try database.write { try $0.renameTable("z", to: "w") } } == .tableNotFound)
        #expect(
            errorCode { try database.write { try $0.renameTable("x", to: "y") } }
                == .invalidArgument)
        #expect(
            errorCode { try database.write { try $0.renameTable("x", to: "") } } == .invalidArgument
        )
        try database.write { transaction in
            try transaction.renameTable("x", to: "z")
            try transaction.renameTable("y", to: "x")
            #expect(try transaction.tableNameBytes() == [[0x78], [0x7A]])
        }
        func check(_ database: SimulatedDatabase) throws {
            let snapshot = try database.snapshot()
            #expect(try snapshot.tableNames() == ["x", "z"])
            #expect(try snapshot.get("a", table: "z") == Array("1".utf8))
            #expect(try snapshot.get("b", table: "x") == Array("2".utf8))
            #expect(try snapshot.get("b", table: "y") == nil)
            try database.checkSound()
        }
        try check(database)
        #expect(try before.get("a", table: "x") == Array("1".utf8))
        let crashed = try SimulatedDatabase.open(
            "a.db", files: files.survivors(.all), options: .manual)
        try check(crashed)
        try database.close()
        database = try open()
        try check(database)
    }
}
