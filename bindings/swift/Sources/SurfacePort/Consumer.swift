import CSurfacePort

/// Takes the frames of a swapchain. It is the sequence of them, too:
///
/// ```swift
/// for try await frame in consumer { view.show(frame) }
/// ```
///
/// The loop ends when the producer ends the stream, and throws `peerDead` if the producer died. Several threads may use
/// it at once; several loops share the frames among them.
public final class Consumer: @unchecked Sendable {
    let handle: OpaquePointer
    /// The session's side that it came from: the session stays open as long as frames are taken.
    private let session: (any AnyObject & Sendable)?

    init(adopting handle: OpaquePointer, of session: (any AnyObject & Sendable)? = nil) {
        self.handle = handle
        self.session = session
    }

    deinit {
        sfp_consumer_release(handle)
    }

    /// Takes the next frame: the newest one, or in fifo mode the next in order. No thread waits.
    /// - Returns: The frame; `nil` when the producer has ended the stream and all its frames were taken.
    /// - Throws: As ``acquire(timeout:)``, and `CancellationError`.
    public func acquire() async throws -> Frame? {
        try await whenReady(fileDescriptor, isolation: nil) { () throws(SurfacePortError) in
            try acquire(timeout: .zero)
        }
    }

    /// Takes the next frame: the newest one, or in fifo mode the next in order. It blocks this thread.
    /// - Parameter timeout: How long to wait; `nil` is as long as it takes, `.zero` not at all.
    /// - Returns: The frame; `nil` when the producer has ended the stream and all its frames were taken.
    /// - Throws: `timedOut`, `peerDead` (the producer died, and all its frames were taken), `refused` (the producer
    ///   does not want this consumer), `wrongState` (16 frames are held: let go of one first).
    public func acquire(timeout: Duration?) throws(SurfacePortError) -> Frame? {
        do {
            return Frame(adopting: try make { sfp_consumer_acquire(handle, nanoseconds(timeout), $0) })
        } catch let error where error.status == .closed {
            return nil
        }
    }

    /// What a consumer counts, from its beginning.
    public struct Statistics: Hashable, Sendable {
        /// Frames that the producer presented since the first one that this consumer could see.
        public let presented: UInt64
        /// Frames taken.
        public let shown: UInt64
        /// Frames that were replaced by newer ones before they were taken.
        public let dropped: UInt64
        /// How often an acquire had to wait.
        public let waited: UInt64
    }

    /// What it has counted until now.
    public var statistics: Statistics {
        get throws(SurfacePortError) {
            var counts = sfp_consumer_statistics()
            try check(sfp_consumer_get_statistics(handle, &counts))
            return Statistics(
                presented: counts.presented, shown: counts.shown, dropped: counts.dropped, waited: counts.waited)
        }
    }

    /// Sets how long an acquire that waits watches the shared memory before it sleeps: 50 µs unless it is set, and `.zero` is not to
    /// watch. Where waits turn out to be longer, it sleeps at once, whatever the time.
    public func setSpinTime(_ time: Duration) throws(SurfacePortError) {
        try check(sfp_consumer_set_spin_time(handle, UInt64(nanoseconds(time))))
    }

    /// Readable when ``acquire(timeout:)`` with `.zero` has something to do: acquire until `timedOut`, then wait for it.
    /// It is the library's: do not close it, do not read from it.
    public var fileDescriptor: Int32 {
        sfp_consumer_fd(handle)
    }
}

extension Consumer: AsyncSequence {
    public typealias Element = Frame

    public func makeAsyncIterator() -> Iterator {
        Iterator(consumer: self)
    }

    public struct Iterator: AsyncIteratorProtocol {
        let consumer: Consumer

        public mutating func next() async throws -> Frame? {
            try await consumer.acquire()
        }
    }
}
