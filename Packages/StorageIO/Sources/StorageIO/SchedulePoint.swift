#if KVDB_SCHEDULES
    import CStorageIO

    /// Marks a place before an atomic operation, where another thread's operation may come first.
    /// Built with KVDB_SCHEDULES=1 a thread of a ``ScheduledRun`` may lose the processor here;
    /// without it, which is to say always but in that one test, there is nothing here.
    public func schedulePoint(_ file: StaticString = #fileID, _ line: UInt32 = #line) {
        unsafe file.utf8Start.withMemoryRebound(to: CChar.self, capacity: file.utf8CodeUnitCount) {
            unsafe csio_schedule_point($0, line)
        }
    }
#else
    /// Marks a place before an atomic operation, where another thread's operation may come first.
    /// Nothing, but in a build with KVDB_SCHEDULES=1: there a test may switch threads here.
    @inlinable @inline(__always)
    public func schedulePoint() {}
#endif
