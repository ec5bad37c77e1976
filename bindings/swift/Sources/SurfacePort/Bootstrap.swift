import CSurfacePort

/// Ports by name, for processes of the same user that do not descend from each other.
public enum Bootstrap {
    /// The longest name, in bytes of UTF-8.
    public static let maximumNameLength = Int(SFP_BOOTSTRAP_MAX_NAME)

    /// Makes a port that others find by this name, for as long as it lives.
    /// - Throws: `alreadyExists`, `invalidArgument` (no such name can be), `permissionDenied`.
    public static func checkIn(_ name: String) throws(SurfacePortError) -> ReceiveRight {
        ReceiveRight(adopting: try make { handle in name.withCString { sfp_bootstrap_check_in($0, handle) } })
    }

    /// Finds the port of this name; waits until there is one. It blocks this thread.
    /// - Parameter timeout: How long to wait; `nil` is as long as it takes.
    /// - Throws: `notFound` or `timedOut`, `permissionDenied`, `invalidArgument`.
    public static func lookUp(_ name: String, timeout: Duration?) throws(SurfacePortError) -> SendRight {
        SendRight(
            adopting: try make { handle in
                name.withCString { sfp_bootstrap_look_up($0, nanoseconds(timeout), handle) }
            })
    }
}
