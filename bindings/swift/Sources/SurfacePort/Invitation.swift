import CSurfacePort

/// What a child has to inherit to connect to this process, for hosts that start children by their own means. It is for
/// one child, and for one thread at a time, and so not `Sendable`.
///
/// Start the child with ``environment`` and with ``fileDescriptors`` open under the same numbers, then call
/// ``intoHost(processID:)``. The descriptors are close-on-exec here, so that no other child gets them.
public final class Invitation {
    private let handle: OpaquePointer
    private var helloTimeout: Duration? = .seconds(10)

    /// Makes what the next child inherits.
    /// - Throws: `resourceExhausted`.
    public init() throws(SurfacePortError) {
        handle = try make { sfp_invitation_create($0) }
    }

    deinit {
        sfp_invitation_release(handle)
    }

    /// The entries that the child's environment must have, "NAME=value". Nothing in them is secret.
    public var environment: [String] {
        guard let list = sfp_invitation_environment(handle) else { return [] }
        return sequence(state: list) { entry -> String? in
            defer { entry += 1 }
            return entry.pointee.map { String(cString: $0) }
        }.map { $0 }
    }

    /// The descriptors that the child must have, under the same numbers. They are the library's: do not close them.
    public var fileDescriptors: [Int32] {
        guard let list = sfp_invitation_fds(handle) else { return [] }
        return Array(
            sequence(state: list) { descriptor -> Int32? in
                defer { descriptor += 1 }
                return descriptor.pointee < 0 ? nil : descriptor.pointee
            })
    }

    /// How long the child has to say hello; `nil` has no end. 10 seconds if this is not called.
    public func setHelloTimeout(_ timeout: Duration?) throws(SurfacePortError) {
        try check(sfp_invitation_set_hello_timeout(handle, nanoseconds(timeout)))
        helloTimeout = timeout
    }

    /// Whether another process than the one that was started may say hello, if it has the secret.
    public func setAllowDescendants(_ allow: Bool) throws(SurfacePortError) {
        try check(sfp_invitation_set_allow_descendants(handle, allow))
    }

    /// Makes the host's side of the session, once the child is started. The invitation is empty then.
    ///
    /// Such a host never reaps the child and does not end it: that is for who started it.
    /// - Parameter processID: The child's process, not reaped yet; 0 if it is not known: then the secret and the same
    ///   user suffice.
    /// - Throws: `notFound`, `invalidArgument`, `resourceExhausted`, `wrongState` (this was called before).
    public func intoHost(processID: UInt32) throws(SurfacePortError) -> Host {
        let host = try make { sfp_invitation_into_host(handle, processID, $0) }
        return Host(adopting: host, helloTimeout: helloTimeout)
    }
}
