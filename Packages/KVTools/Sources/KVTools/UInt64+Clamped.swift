extension UInt64 {
    /// The sum, or the largest number where it would be beyond: forged roots claim any number of entries.
    func addingClamped(_ other: UInt64) -> UInt64 {
        let (sum, isBeyond) = addingReportingOverflow(other)
        return isBeyond ? .max : sum
    }
}
