import CSurfacePort

/// The one right to receive from a port. When its last reference ends, so does the port.
///
/// Messages come whole, and in order for each sender. Several threads may use it at once; while one waits it cannot be
/// moved into a message.
public final class ReceiveRight: @unchecked Sendable {
    let handle: OpaquePointer

    init(adopting handle: OpaquePointer) {
        self.handle = handle
    }

    /// Makes a port, to which nobody can send yet.
    public convenience init() throws(SurfacePortError) {
        self.init(adopting: try make { sfp_receive_right_create($0) })
    }

    deinit {
        sfp_receive_right_release(handle)
    }

    /// Makes a right to send to the port.
    public func makeSendRight() throws(SurfacePortError) -> SendRight {
        SendRight(adopting: try make { sfp_receive_right_make_send(handle, $0) })
    }

    /// Makes a right to send to the port once.
    public func makeSendOnceRight() throws(SurfacePortError) -> SendOnceRight {
        SendOnceRight(adopting: try make { sfp_receive_right_make_send_once(handle, $0) })
    }

    /// Takes the next message. It blocks this thread.
    /// - Parameter timeout: How long to wait; `nil` is as long as it takes, `.zero` not at all.
    /// - Throws: `timedOut`, `noSenders`, `peerDead` (a right to send once ended unused), `malformed` or `unsupported`
    ///   (that message is destroyed; go on), `resourceExhausted`, `wrongState` (the right was moved).
    public func receive(timeout: Duration?) throws(SurfacePortError) -> Message {
        Message(adopting: try make { sfp_receive(handle, nanoseconds(timeout), $0) })
    }

    /// Takes the next message; no thread waits.
    /// - Throws: As ``receive(timeout:)``, and `CancellationError`.
    public func receive(isolation: isolated (any Actor)? = #isolation) async throws -> Message {
        try await whenReady(fileDescriptor, isolation: isolation) { () throws(SurfacePortError) in
            try receive(timeout: .zero)
        }
    }

    /// The messages in order, until no send right is left.
    public var messages: Messages {
        Messages(endsWith: .noSenders, descriptor: fileDescriptor) { () throws(SurfacePortError) in
            try self.receive(timeout: .zero)
        }
    }

    /// Readable when ``receive(timeout:)`` would not wait. It is the library's: do not close it, do not read from it.
    public var fileDescriptor: Int32 {
        sfp_receive_right_fd(handle)
    }
}
