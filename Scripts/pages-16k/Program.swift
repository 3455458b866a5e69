// What Scripts/check-pages-16k runs: a database that outgrows its cache many times, each answer held against
// what was put; the same after it was closed and opened again; and one in memory whose long values come and
// go. Ends with status 0 when every answer was right.

import KVDB
import PageStore
import StorageIO
import WAL

/// What is in the database: of each number, how often its value was replaced; 0 for none.
struct Model {
    var generations = [Int](repeating: 0, count: Model.entryCount)
    var wrong = 0
    var errors = 0

    static var entryCount: Int { 20_000 }

    func key(_ number: Int) -> [UInt8] { Array("key \(number)".utf8) }

    /// One value in 40 takes some pages of its own.
    func value(_ number: Int) -> [UInt8]? {
        let generation = generations[number]
        guard generation > 0 else { return nil }
        let count = number % 40 == 0 ? 9_000 + number % 7 * 4_000 : 200
        var state = UInt64(number) << 32 | UInt64(generation)
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }

    /// Holds what the database has under the number against what should be there.
    mutating func look(_ number: Int, in database: borrowing FileDatabase) {
        do throws(StorageError) {
            if try database.get(key(number)) != value(number) { wrong += 1 }
        } catch {
            if errors == 0 { print("Entry \(number): \(error.message)") }
            errors += 1
        }
    }

    /// Says what was found, and forgets it; true when it was nothing.
    mutating func report(_ when: String) -> Bool {
        print("\(when): \(wrong) wrong answers, \(errors) errors")
        defer { (wrong, errors) = (0, 0) }
        return wrong == 0 && errors == 0
    }
}

func options() -> DatabaseOptions {
    var options = DatabaseOptions()
    options.cacheBudget = 512 << 10
    options.dirtyBudget = 512 << 10
    options.logBudget = 2 << 20
    // An emulator of a processor alone notes something for each page of it.
    options.sizeLimit = 256 << 20
    options.durability = .buffered
    return options
}

func churn(_ model: inout Model) throws(StorageError) -> Bool {
    let database = try FileDatabase.open("churn.db", options: options())
    for start in stride(from: 0, to: Model.entryCount, by: 500) {
        try database.write { transaction throws(StorageError) in
            for number in start..<start + 500 {
                model.generations[number] = 1
                if let value = model.value(number) {
                    try transaction.put(model.key(number), value)
                }
            }
        }
    }
    var state: UInt64 = 7
    for step in 0..<30_000 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let number = Int(truncatingIfNeeded: state >> 33) % Model.entryCount
        switch step % 8 {
        case 0, 1:
            model.generations[number] = step + 2
            if let value = model.value(number) { try database.put(model.key(number), value) }
        case 2:
            model.generations[number] = 0
            _ = try database.delete(model.key(number))
        default:
            model.look(number, in: database)
        }
    }
    let statistics = try database.statistics()
    print(
        "\(statistics.pageCount) pages, \(statistics.residentByteCount >> 10) KiB of them in memory, "
            + "\(statistics.evictions) evicted")
    var isRight = model.report("While open")
    // Both budgets, the second one twice, and some for what shares memory with changed pages.
    let options = options()
    if statistics.residentByteCount > options.cacheBudget + 2 * options.dirtyBudget + 2 << 20 {
        print("That is more than the budgets allow.")
        isRight = false
    }
    let report = try database.verify()
    print("\(report.findings.count) findings of the verification")
    if !report.isSound { isRight = false }
    try database.close()
    return isRight
}

func reopen(_ model: inout Model) throws(StorageError) -> Bool {
    let database = try FileDatabase.open("churn.db", options: options())
    for number in 0..<Model.entryCount { model.look(number, in: database) }
    try database.close()
    return model.report("After it was opened again")
}

/// Every second long value is deleted, and the memory of it given back.
func inMemory() throws(StorageError) -> Bool {
    let database = try InMemoryDatabase.openInMemory(options: options())
    func value(_ number: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(1 + number % 250), count: 66_000 + number * 1237 % 9000)
    }
    for number in 0..<400 { try database.put("value \(number)", value(number)) }
    for number in stride(from: 0, to: 400, by: 2) { _ = try database.delete("value \(number)") }
    var wrong = 0
    for number in stride(from: 1, to: 400, by: 2) {
        do throws(StorageError) {
            if try database.get("value \(number)") != value(number) { wrong += 1 }
        } catch {
            wrong += 1
        }
    }
    print("In memory: \(wrong) of 200 long values wrong")
    try database.close()
    return wrong == 0
}

@main struct Program {
    static func main() {
        var model = Model()
        var isRight = true
        do throws(StorageError) {
            if try !churn(&model) { isRight = false }
            if try !reopen(&model) { isRight = false }
            if try !inMemory() { isRight = false }
        } catch {
            print("Failed: \(error.message)")
            isRight = false
        }
        guard isRight else { preconditionFailure("the database failed") }
    }
}
