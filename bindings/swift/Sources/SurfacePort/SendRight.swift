import CSurfacePort

/// Lets its holder send to a port, any number of times.
///
/// It comes from ``ReceiveRight/makeSendRight()``, out of a message, or by a name from ``Bootstrap/lookUp(_:timeout:)``.
/// Several threads may use it at once.
public final class SendRight: @unchecked Sendable {
    let handle: OpaquePointer

    init(adopting handle: OpaquePointer) {
        self.handle = handle
    }

    deinit {
        sfp_send_right_release(handle)
    }

    /// Whether the port is dead: its receive right is gone, and nothing can arrive any more.
    public var isDead: Bool {
        var dead = false
        return sfp_send_right_is_dead(handle, &dead) == 0 ? dead : true
    }

    /// Sends a message; waits while the port's queue is full.
    ///
    /// The message is empty then. If this throws it is whole, to be sent again or elsewhere.
    /// - Parameter timeout: How long to wait; `nil` is as long as it takes, `.zero` not at all.
    /// - Throws: `timedOut` (the queue stayed full), `peerDead`, `wrongState` (the message was sent before),
    ///   `resourceExhausted`.
    public func send(_ message: Message, timeout: Duration? = nil) throws(SurfacePortError) {
        try check(sfp_send(handle, message.handle, nanoseconds(timeout)))
        message.wasSent()
    }

    /// Sends a message with a right to answer it once, and waits for the answer. It blocks this thread.
    ///
    /// After a failure ``Message/isEmpty`` tells whether the other side can have the request.
    /// - Throws: `timedOut`, `peerDead` (also when the right to answer ended unused), `malformed`, `unsupported`.
    public func request(_ message: Message, timeout: Duration?) throws(SurfacePortError) -> Message {
        let answer = try make { sfp_request(handle, message.handle, nanoseconds(timeout), $0) }
        message.wasSent()
        return Message(adopting: answer)
    }
}

/// Lets its holder send to a port once, which is how a request is answered.
///
/// If it ends unused, the port's receiver learns that no answer will come.
public final class SendOnceRight: @unchecked Sendable {
    let handle: OpaquePointer

    init(adopting handle: OpaquePointer) {
        self.handle = handle
    }

    deinit {
        sfp_send_once_right_release(handle)
    }

    /// Whether nobody waits for the one message any more; also when it was sent.
    public var isDead: Bool {
        var dead = false
        return sfp_send_once_right_is_dead(handle, &dead) == 0 ? dead : true
    }

    /// Sends the one message. Both are empty then; if this throws, both are as before.
    /// - Throws: As ``SendRight/send(_:timeout:)``; `wrongState` if the right was used before.
    public func send(_ message: Message, timeout: Duration? = nil) throws(SurfacePortError) {
        try check(sfp_send_once(handle, message.handle, nanoseconds(timeout)))
        message.wasSent()
    }
}
