import CSurfacePort

/// A two-way connection to one other process.
///
/// It listens to its peer only; what others send is destroyed and counted. What a peer sent before its end can be
/// received behind it. Several threads may use it at once.
public final class Channel: @unchecked Sendable {
    let handle: OpaquePointer
    /// The session's side that it came from: the session stays open as long as its channel is used.
    private let session: (any AnyObject & Sendable)?

    init(adopting handle: OpaquePointer, of session: (any AnyObject & Sendable)? = nil) {
        self.handle = handle
        self.session = session
    }

    deinit {
        sfp_channel_release(handle)
    }

    /// Sends a message; waits while the peer's queue is full. The message is empty then; if this throws it is whole.
    /// - Parameter timeout: How long to wait; `nil` is as long as it takes.
    /// - Throws: `timedOut`, `peerDead`, `wrongState` (it was sent before), `resourceExhausted`.
    public func send(_ message: Message, timeout: Duration? = nil) throws(SurfacePortError) {
        try check(sfp_channel_send(handle, message.handle, nanoseconds(timeout)))
        message.wasSent()
    }

    /// Sends a message if the peer's queue has room for it, and drops it otherwise, with all that it carries: for what is
    /// soon outdated, such as positions or progress. It never waits. The message is empty then; if this throws it is whole.
    /// - Returns: Whether it was sent.
    /// - Throws: `peerDead`, `wrongState` (it was sent before), `resourceExhausted`.
    @discardableResult
    public func sendOrDrop(_ message: Message) throws(SurfacePortError) -> Bool {
        var sent = false
        try check(sfp_channel_send_or_drop(handle, message.handle, &sent))
        message.wasSent()
        return sent
    }

    /// Sends a message and waits for the answer. It blocks this thread.
    ///
    /// After a failure ``Message/isEmpty`` tells whether the peer can have the request.
    /// - Throws: `timedOut`, `peerDead` (also when the request was dropped), `malformed`, `unsupported`.
    public func request(_ message: Message, timeout: Duration?) throws(SurfacePortError) -> Message {
        let answer = try make { sfp_channel_request(handle, message.handle, nanoseconds(timeout), $0) }
        message.wasSent()
        return Message(adopting: answer)
    }

    /// Takes the peer's next message. It blocks this thread.
    /// - Throws: `timedOut`, `peerDead` (all that it sent was received), `malformed` or `unsupported` (that message is
    ///   destroyed; go on), `resourceExhausted` (it stays in the queue).
    public func receive(timeout: Duration?) throws(SurfacePortError) -> Message {
        Message(adopting: try make { sfp_channel_receive(handle, nanoseconds(timeout), $0) })
    }

    /// Takes the peer's next message; no thread waits.
    /// - Throws: As ``receive(timeout:)``, and `CancellationError`.
    public func receive(isolation: isolated (any Actor)? = #isolation) async throws -> Message {
        try await whenReady(fileDescriptor, isolation: isolation) { () throws(SurfacePortError) in
            try receive(timeout: .zero)
        }
    }

    /// The peer's messages in order, until the peer is gone.
    public var messages: Messages {
        Messages(endsWith: .peerDead, descriptor: fileDescriptor) { () throws(SurfacePortError) in
            try self.receive(timeout: .zero)
        }
    }

    /// Whose messages are received here.
    /// - Throws: `notFound`: no message came yet, and the channel is not a session's.
    public var peer: Sender {
        get throws(SurfacePortError) {
            try Sender { sfp_channel_peer(handle, $0) }
        }
    }

    /// Whether the peer is gone.
    public var isPeerDead: Bool {
        var dead = false
        return sfp_channel_is_peer_dead(handle, &dead) == 0 ? dead : true
    }

    /// How many messages of others than the peer were destroyed.
    public var refused: UInt64 {
        sfp_channel_refused(handle)
    }

    /// How many messages ``sendOrDrop(_:)`` has dropped.
    public var dropped: UInt64 {
        sfp_channel_dropped(handle)
    }

    /// Sets how long a wait watches the shared memory before it sleeps: 50 µs unless it is set, and `.zero` is not to
    /// watch. Where waits turn out to be longer, it sleeps at once, whatever the time.
    public func setSpinTime(_ time: Duration) throws(SurfacePortError) {
        try check(sfp_channel_set_spin_time(handle, UInt64(nanoseconds(time))))
    }

    /// Readable while ``send(_:timeout:)`` with `.zero` would probably find room, and for good once the peer is gone. It is
    /// the library's. Wait for it when a send has thrown `timedOut`; now and then it is readable once too often.
    /// - Throws: `resourceExhausted`, when it is asked for the first time.
    public var writableFileDescriptor: Int32 {
        get throws(SurfacePortError) {
            let descriptor = sfp_channel_writable_fd(handle)
            if descriptor < 0 { try check(sfp_last_error_status()) }
            return descriptor
        }
    }

    /// Readable when ``receive(timeout:)`` would not wait, and for good once the peer is gone. It is the library's.
    public var fileDescriptor: Int32 {
        sfp_channel_fd(handle)
    }
}
