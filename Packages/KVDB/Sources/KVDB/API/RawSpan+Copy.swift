extension [UInt8] {
    /// Copies bytes that are lent, to keep them.
    ///
    /// - Parameter bytes: what a closure of the database gets.
    /// - Complexity: O(bytes).
    public init(copying bytes: RawSpan) {
        self = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
    }
}
