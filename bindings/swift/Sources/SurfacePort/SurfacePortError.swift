import CSurfacePort

/// Why a call failed.
///
/// Decide by ``status``; show ``detail``. The manual of the C API, `surfaceport.h`, lists the statuses that have a
/// meaning of their own for each call. Besides these, any call can fail with ``Status/invalidArgument``,
/// ``Status/resourceExhausted``, ``Status/system`` and ``Status/internal``.
public struct SurfacePortError: Error, Equatable, Sendable {
    /// What kind of failure it was.
    public let status: Status
    /// What went wrong in words: one line, without a final full stop.
    public let detail: String

    /// The kinds of failures, with the numbers of the C API. Later versions may add some.
    public struct Status: RawRepresentable, Hashable, Sendable {
        /// The number of the C API.
        public let rawValue: Int32

        public init(rawValue: Int32) {
            self.rawValue = rawValue
        }

        /// An argument is outside of what the call accepts. Nothing was done.
        public static let invalidArgument = Status(rawValue: 1)
        /// The time was over before the thing happened. Nothing was lost; the call can be made again.
        public static let timedOut = Status(rawValue: 2)
        /// The other side is gone: it exited, crashed or dropped its rights without saying so.
        public static let peerDead = Status(rawValue: 3)
        /// The other side ended this stream or session in an orderly way.
        public static let closed = Status(rawValue: 4)
        /// No send right to this port is left, so no message can arrive until one is made.
        public static let noSenders = Status(rawValue: 5)
        /// The system, or the other side's owner, does not allow it.
        public static let permissionDenied = Status(rawValue: 6)
        /// There is nothing by that name.
        public static let notFound = Status(rawValue: 7)
        /// The name has an owner already.
        public static let alreadyExists = Status(rawValue: 8)
        /// Larger than the stated maximum. Nothing was sent or made.
        public static let tooLarge = Status(rawValue: 9)
        /// Out of descriptors, memory, rights or queue space. Nothing was lost; free some and try again.
        public static let resourceExhausted = Status(rawValue: 10)
        /// The other side sent something that is not well-formed. What it carried was destroyed.
        public static let malformed = Status(rawValue: 11)
        /// This system, or this build, cannot do it.
        public static let unsupported = Status(rawValue: 12)
        /// The other side said no, and the detail says why.
        public static let refused = Status(rawValue: 13)
        /// The object is not in a state in which this call makes sense: a message that was sent, for instance.
        public static let wrongState = Status(rawValue: 14)
        /// The operating system reported a failure that has no better name here.
        public static let system = Status(rawValue: 15)
        /// A defect of the library. Please report it.
        public static let `internal` = Status(rawValue: 16)
        /// The child did not say hello in the time that it had for it. That is for good: this session will not begin.
        public static let noHello = Status(rawValue: 17)
    }

    init(status: Status, detail: String) {
        self.status = status
        self.detail = detail
    }

    /// The failure that this thread's last call of the C API reported.
    static func last() -> SurfacePortError {
        SurfacePortError(
            status: Status(rawValue: sfp_last_error_status()),
            detail: String(cString: sfp_last_error_message()))
    }
}

extension SurfacePortError: CustomStringConvertible {
    public var description: String {
        "\(status): \(detail)"
    }
}

extension SurfacePortError.Status: CustomStringConvertible {
    /// The name as it is written in C, "SFP_STATUS_TIMED_OUT".
    public var description: String {
        String(cString: sfp_status_name(rawValue))
    }
}

/// Throws what a call of the C API says, unless that is SFP_STATUS_OK.
func check(_ status: Int32) throws(SurfacePortError) {
    guard status == 0 else {
        // The words are this thread's, and of its last call that failed: that is this one.
        throw SurfacePortError(
            status: SurfacePortError.Status(rawValue: status), detail: String(cString: sfp_last_error_message()))
    }
}

/// The handle that a call makes.
func make(_ call: (UnsafeMutablePointer<OpaquePointer?>) -> Int32) throws(SurfacePortError) -> OpaquePointer {
    var handle: OpaquePointer?
    try check(call(&handle))
    guard let handle else {
        throw SurfacePortError(status: .internal, detail: "the call succeeded and made nothing")
    }
    return handle
}
