@_spi(Engine) import DatabaseTesting

/// A database through 5,000 random operations, held to plain sorted arrays; see ``ModelRun``.
///
/// A case is a seed. An operation is one call whose result is compared. One case in a thousand also
/// holds the largest value that there may be. Not covered: more than one
/// thread that calls (`history`, `schedule`), power cuts in the middle of an operation (`crash`),
/// failing calls (`fault`).
struct ModelFamily: Family {
    static var name: String { "model" }
    static var unit: String { "operations" }
    static var gate: Goal { .cases(2000) }
    static var subset: Goal { .cases(200) }

    func run(_ number: UInt64, _ account: inout Account) throws {
        var run = try ModelRun(seed: number)
        do {
            try run.run(steps: 5000)
        } catch {
            account.step = run.step
            throw error
        }
        account.units = run.step
        if number % 1000 == 999 {
            account.units += try LargestValue.run()
            account.note("values of 1 GiB")
        }
        account.note("trees of \(run.height) levels")
    }
}
