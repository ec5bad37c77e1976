import CSurfacePort

/// The child's side of the session with the host that started this process.
///
/// What comes from it, its producers, consumers and its channel, keeps the session open; when the last reference to all
/// of them ends, so does the session. Several threads may use it at once.
public final class Child: @unchecked Sendable {
    let handle: OpaquePointer

    init(adopting handle: OpaquePointer) {
        self.handle = handle
    }

    /// Connects to the host that started this process. Possible once in the life of a process. It blocks this thread
    /// until the host answers.
    /// - Throws: `notFound` (no host started this process), `wrongState` (this was called before), `refused`,
    ///   `unsupported`, `peerDead`, `timedOut`.
    public static func connect(timeout: Duration? = .seconds(10)) throws(SurfacePortError) -> Child {
        Child(adopting: try make { sfp_child_connect(nanoseconds(timeout), $0) })
    }

    deinit {
        sfp_child_release(handle)
    }

    /// Makes a swapchain and offers it to the host.
    /// - Throws: `invalidArgument`, `unsupported`, `resourceExhausted`, `peerDead`, `closed`.
    public func producer(_ options: SwapchainOptions) throws(SurfacePortError) -> Producer {
        var options = options.native
        return Producer(adopting: try make { sfp_child_create_producer(handle, &options, $0) }, of: self)
    }

    /// Makes a swapchain and offers it to the host.
    /// - Throws: As ``producer(_:)``.
    public func producer(
        width: Int, height: Int, format: PixelFormat = .bgra8, mode: PresentMode = .mailbox
    ) throws(SurfacePortError) -> Producer {
        try producer(SwapchainOptions(width: width, height: height, format: format, mode: mode))
    }

    /// Offers the host a right to consume, which stays yours too.
    public func offer(_ right: ConsumerRight) throws(SurfacePortError) {
        try check(sfp_child_offer_consumer_right(handle, right.handle))
    }

    /// Attaches to the next swapchain that the host offers. No thread waits.
    /// - Throws: `timedOut`, `peerDead`, `closed`, `resourceExhausted`, `CancellationError`.
    public func consumer(timeout: Duration? = nil) async throws -> Consumer {
        let end = deadline(after: timeout)
        return try await whenReady(fileDescriptor, deadline: end, isolation: nil) { () throws(SurfacePortError) in
            try acceptConsumer(timeout: .zero)
        }
    }

    /// Attaches to the next swapchain that the host offers. It blocks this thread.
    public func acceptConsumer(timeout: Duration?) throws(SurfacePortError) -> Consumer {
        Consumer(adopting: try make { sfp_child_accept_consumer(handle, nanoseconds(timeout), $0) }, of: self)
    }

    /// Takes the next right to consume that the host offers. It blocks this thread.
    public func acceptConsumerRight(timeout: Duration?) throws(SurfacePortError) -> ConsumerRight {
        ConsumerRight(adopting: try make { sfp_child_accept_consumer_right(handle, nanoseconds(timeout), $0) })
    }

    /// The channel for messages of your own.
    public func channel() throws(SurfacePortError) -> Channel {
        Channel(adopting: try make { sfp_child_channel(handle, $0) }, of: self)
    }

    /// Waits until the host ends the session, in good order or not. A thread of Dispatch waits meanwhile.
    /// - Throws: `timedOut`, `CancellationError`.
    public func closed(timeout: Duration? = nil) async throws {
        try await whenDone(deadline: deadline(after: timeout)) { (slice) throws(SurfacePortError) in
            try check(sfp_child_wait_closed(self.handle, slice))
        }
    }

    /// Waits until the host ends the session, in good order or not. It blocks this thread.
    /// - Throws: `timedOut`: the session goes on.
    public func waitClosed(timeout: Duration?) throws(SurfacePortError) {
        try check(sfp_child_wait_closed(handle, nanoseconds(timeout)))
    }

    /// Who the host is, as the kernel says it.
    public var host: Sender {
        get throws(SurfacePortError) {
            try Sender { sfp_child_host(handle, $0) }
        }
    }

    /// What both sides can do beyond the first version, as bits; none is defined yet. 0 before the hello.
    public var features: UInt64 { sfp_child_features(handle) }
    /// How many messages were refused that did not come from the host or were not well-formed.
    public var refused: UInt64 { sfp_child_refused(handle) }
    /// Readable when there is something to do, and for good once the host is gone. It is the library's.
    public var fileDescriptor: Int32 { sfp_child_fd(handle) }
}
