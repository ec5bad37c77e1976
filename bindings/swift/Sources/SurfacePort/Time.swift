import CSurfacePort

/// The clock of all frames: monotonic, and the same in every process of this system.
public enum FrameClock {
    /// The time now, in nanoseconds. What its zero is has no meaning.
    public static var now: Int64 {
        sfp_time_now()
    }
}

/// Nanoseconds for the C API: `nil` waits for as long as it takes, and what is not positive does not wait.
func nanoseconds(_ timeout: Duration?) -> Int64 {
    guard let timeout else { return -1 }
    let (seconds, attoseconds) = timeout.components
    if seconds < 0 || attoseconds < 0 { return 0 }
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return Int64.max }
    let (sum, over) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
    return over ? Int64.max : sum
}

/// When a timeout that begins now is over, on ``FrameClock``; `nil` is never.
func deadline(after timeout: Duration?) -> Int64? {
    guard let timeout else { return nil }
    let (sum, overflow) = FrameClock.now.addingReportingOverflow(nanoseconds(timeout))
    return overflow ? nil : sum
}
