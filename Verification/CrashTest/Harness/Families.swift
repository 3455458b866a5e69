/// All families, in the order of the table in Docs/Testing.md.
enum CrashTestFamilies {
    static let all: [any Family.Type] = [
        CrashFamily.self,
        RecoveryFamily.self,
        PowerLossFamily.self,
        FaultFamily.self,
        MisreadFamily.self,
        FullDiskFamily.self,
        SizeLimitFamily.self,
        HostileFamily.self,
        BitFlipFamily.self,
        ScheduleFamily.self,
        FileOrderFamily.self,
        SalvageFamily.self,
        ModelFamily.self,
        HistoryFamily.self,
        ProcessFamily.self,
        SurroundingsFamily.self,
    ]

    /// The family of this name.
    static func named(_ name: String) -> (any Family.Type)? { all.first { $0.name == name } }
}
