import CSurfacePort

/// The host's side of a session with one child process.
///
/// The child is who it says: its hello has to bring a secret that only it inherited, and to come from the process that
/// was started. What comes from a host, its consumers and its channel, keeps the session open. When the last reference
/// to all of them ends, the session is closed: a child that was spawned has a time to end, is killed, and is reaped, and
/// the end of that reference waits for it; see ``SpawnOptions``. Several threads may use it at once.
///
/// What throws `peerDead`, because the child has ended, or `closed`, because it left the session, does so behind what the
/// child sent before.
public final class Host: @unchecked Sendable {
    let handle: OpaquePointer
    /// When the time for the hello is over; the descriptor does not tell of it.
    private let helloDeadline: Int64?

    /// How a process ended.
    public enum Exit: Hashable, Sendable {
        /// How is known to its own parent only, or to who reaped it first.
        case unknown
        /// By itself, with this exit status.
        case exited(Int32)
        /// By this signal.
        case signalled(Int32)
    }

    init(adopting handle: OpaquePointer, helloTimeout: Duration?) {
        self.handle = handle
        helloDeadline = deadline(after: helloTimeout)
    }

    /// Starts a child process.
    /// - Parameter arguments: The program and its arguments. A program without a slash is searched in `PATH`.
    /// - Throws: `notFound`, `permissionDenied`, `invalidArgument`, `resourceExhausted`.
    public static func spawn(
        _ arguments: [String], options: SpawnOptions = SpawnOptions()
    ) throws(SurfacePortError) -> Host {
        var handle: OpaquePointer?
        try options.withNative(arguments) { (native) throws(SurfacePortError) in
            handle = try make { sfp_host_spawn(&native, $0) }
        }
        guard let handle else {
            throw SurfacePortError(status: .internal, detail: "the call succeeded and made nothing")
        }
        return Host(adopting: handle, helloTimeout: options.helloTimeout)
    }

    deinit {
        sfp_host_release(handle)
    }

    /// Attaches to the next swapchain that the child offers. No thread waits.
    /// - Parameter timeout: How long to wait; `nil` is as long as it takes, or until the time for the hello is over.
    /// - Throws: `timedOut` (the child offered nothing, or has not said hello yet), `noHello`, `peerDead`, `closed`,
    ///   `resourceExhausted`, `CancellationError`.
    public func consumer(timeout: Duration? = nil) async throws -> Consumer {
        let end = deadline(after: timeout)
        try await connected(deadline: end)
        return try await whenReady(fileDescriptor, deadline: end, isolation: nil) { () throws(SurfacePortError) in
            try acceptConsumer(timeout: .zero)
        }
    }

    /// Attaches to the next swapchain that the child offers. It blocks this thread.
    /// - Throws: As ``consumer(timeout:)``.
    public func acceptConsumer(timeout: Duration?) throws(SurfacePortError) -> Consumer {
        Consumer(adopting: try make { sfp_host_accept_consumer(handle, nanoseconds(timeout), $0) }, of: self)
    }

    /// Takes the next right to consume that the child offers, to pass it on. It blocks this thread.
    /// - Throws: As ``consumer(timeout:)``.
    public func acceptConsumerRight(timeout: Duration?) throws(SurfacePortError) -> ConsumerRight {
        ConsumerRight(adopting: try make { sfp_host_accept_consumer_right(handle, nanoseconds(timeout), $0) })
    }

    /// Offers the child a right to consume, which stays yours too.
    public func offer(_ right: ConsumerRight) throws(SurfacePortError) {
        try check(sfp_host_offer_consumer_right(handle, right.handle))
    }

    /// The channel for messages of your own, once the child has said hello. No thread waits.
    /// - Throws: `timedOut`, `noHello`, `peerDead`, `CancellationError`.
    public func channel(timeout: Duration? = nil) async throws -> Channel {
        try await connected(deadline: deadline(after: timeout))
        return try openChannel(timeout: .zero)
    }

    /// The channel for messages of your own, once the child has said hello. It blocks this thread.
    public func openChannel(timeout: Duration?) throws(SurfacePortError) -> Channel {
        Channel(adopting: try make { sfp_host_channel(handle, nanoseconds(timeout), $0) }, of: self)
    }

    /// Waits until the child has said hello. It blocks this thread.
    /// - Throws: `timedOut` (this time is over), `noHello` (the child's is, which is for good), `peerDead`.
    public func waitConnected(timeout: Duration?) throws(SurfacePortError) {
        try check(sfp_host_wait_connected(handle, nanoseconds(timeout)))
    }

    private func connected(deadline: Int64?) async throws {
        let first = [deadline, helloDeadline].compactMap { $0 }.min()
        try await whenReady(fileDescriptor, deadline: first, isolation: nil) { () throws(SurfacePortError) in
            try waitConnected(timeout: .zero)
        }
    }

    /// Waits for the end of the child's process. A thread of Dispatch waits meanwhile.
    /// - Throws: `timedOut`, `CancellationError`.
    public func exit(timeout: Duration? = nil) async throws -> Exit {
        try await whenDone(deadline: deadline(after: timeout)) { (slice) throws(SurfacePortError) in
            try self.waitExit(nanoseconds: slice)
        }
    }

    /// Waits for the end of the child's process. It blocks this thread.
    /// - Throws: `timedOut`: it still runs.
    public func waitExit(timeout: Duration?) throws(SurfacePortError) -> Exit {
        try waitExit(nanoseconds: nanoseconds(timeout))
    }

    private func waitExit(nanoseconds: Int64) throws(SurfacePortError) -> Exit {
        var exit = sfp_exit()
        try check(sfp_host_wait_exit(handle, nanoseconds, &exit))
        switch exit.kind {
        case SFP_EXIT_KIND_EXITED.rawValue: return .exited(exit.code)
        case SFP_EXIT_KIND_SIGNALLED.rawValue: return .signalled(exit.code)
        default: return .unknown
        }
    }

    /// Ends the child's process at once. One that has ended already is fine.
    /// - Throws: `wrongState`: its process is not known before its hello.
    public func kill() throws(SurfacePortError) {
        try check(sfp_host_kill(handle))
    }

    /// The number of the child's process; 0 if it is not known.
    public var processID: UInt32 { sfp_host_process_id(handle) }
    /// Whether the child has said hello, and its session has not ended since.
    public var isConnected: Bool { sfp_host_is_connected(handle) }
    /// What both sides can do beyond the first version, as bits; none is defined yet. 0 before the hello.
    public var features: UInt64 { sfp_host_features(handle) }
    /// How many messages were refused: hellos with the wrong secret, from the wrong process or of another version, and
    /// whatever else did not come from the child or was not well-formed.
    public var refused: UInt64 { sfp_host_refused(handle) }
    /// Readable when there is something to do, and for good once the child has ended. It is the library's.
    public var fileDescriptor: Int32 { sfp_host_fd(handle) }
}
