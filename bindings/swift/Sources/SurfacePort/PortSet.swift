import CSurfacePort

/// Many receive rights, and watches for the death of ports, behind one descriptor. Members that are ready take turns.
///
/// Members have keys of your own, 0 to `Int64.max`. The set borrows them: keep them yourself. Several threads may use
/// it at once.
public final class PortSet: @unchecked Sendable {
    let handle: OpaquePointer

    /// A member that is ready.
    public enum Event: Hashable, Sendable {
        /// The receive right of this key has a message, or something to say. Receive with the timeout zero: another
        /// thread may have been faster.
        case canReceive(key: UInt64)
        /// The port that was watched by this key is dead. The watch has ended.
        case isDead(key: UInt64)
    }

    /// Makes an empty set.
    public init() throws(SurfacePortError) {
        handle = try make { sfp_port_set_create($0) }
    }

    deinit {
        sfp_port_set_release(handle)
    }

    /// Adds a receive right.
    /// - Throws: `invalidArgument` (the key is too great), `alreadyExists`, `wrongState` (the right was moved).
    public func add(_ right: ReceiveRight, key: UInt64) throws(SurfacePortError) {
        try check(sfp_port_set_add(handle, right.handle, key))
    }

    /// Takes a receive right out.
    /// - Throws: `notFound`.
    public func remove(key: UInt64) throws(SurfacePortError) {
        try check(sfp_port_set_remove(handle, key))
    }

    /// Has the set tell, once, when the port behind a send right is dead.
    /// - Throws: As ``add(_:key:)``.
    public func watch(_ right: SendRight, key: UInt64) throws(SurfacePortError) {
        try check(sfp_port_set_watch(handle, right.handle, key))
    }

    /// Ends a watch.
    /// - Throws: `notFound`.
    public func unwatch(key: UInt64) throws(SurfacePortError) {
        try check(sfp_port_set_unwatch(handle, key))
    }

    /// Waits until a member is ready. It blocks this thread.
    /// - Throws: `timedOut`.
    public func wait(timeout: Duration?) throws(SurfacePortError) -> Event {
        var event = sfp_port_set_event()
        try check(sfp_port_set_wait(handle, nanoseconds(timeout), &event))
        return event.kind == SFP_READY_DEAD.rawValue ? .isDead(key: event.key) : .canReceive(key: event.key)
    }

    /// Waits until a member is ready; no thread waits.
    /// - Throws: `CancellationError`.
    public func next() async throws -> Event {
        try await whenReady(fileDescriptor, isolation: nil) { () throws(SurfacePortError) in
            try wait(timeout: .zero)
        }
    }

    /// Readable when ``wait(timeout:)`` would not wait. It is the library's.
    public var fileDescriptor: Int32 {
        sfp_port_set_fd(handle)
    }
}
