import CSurfacePort

/// Draws into the images of a swapchain and presents them.
///
/// An image is *free*, then acquired, then *presented*: consumers can come to hold it as a frame. It is free again when
/// it is not the newest frame and nobody holds it. No pixel is copied on the way. Several threads may use it at once.
///
/// When the last reference ends, so does the stream: consumers see the frames that are left, then its end. Mind that
/// Swift never lets go of variables at the top level of `main.swift`: there, put them into a `do` block or a function, or
/// consumers see the end of the process, which is `peerDead`.
public final class Producer: @unchecked Sendable {
    let handle: OpaquePointer
    /// The session that it was made in stays open as long as it draws.
    private let child: Child?

    init(adopting handle: OpaquePointer, of child: Child? = nil) {
        self.handle = handle
        self.child = child
    }

    /// Makes a swapchain outside of a session: give its ``makeConsumerRight()`` to who shall show it.
    /// - Throws: `invalidArgument`, `unsupported`, `resourceExhausted`.
    public convenience init(_ options: SwapchainOptions) throws(SurfacePortError) {
        var options = options.native
        self.init(adopting: try make { sfp_producer_create(&options, $0) })
    }

    deinit {
        sfp_producer_release(handle)
    }

    /// Takes an image to draw into; no thread waits. It has the pixels of some earlier frame, or zeroes.
    /// - Returns: The image; `nil` when all consumers are gone, and no right to become one is left anywhere.
    /// - Throws: `CancellationError`, and what any call can throw.
    public func acquire(isolation: isolated (any Actor)? = #isolation) async throws -> Image? {
        try await whenReady(fileDescriptor, isolation: isolation) { () throws(SurfacePortError) in
            try acquire(timeout: .zero)
        }
    }

    /// Takes an image to draw into. It blocks this thread.
    /// - Parameter timeout: How long to wait; `nil` is as long as it takes, `.zero` not at all.
    /// - Returns: The image; `nil` when all consumers are gone, and no right to become one is left anywhere.
    /// - Throws: `timedOut`: no image became free.
    public func acquire(timeout: Duration?) throws(SurfacePortError) -> Image? {
        do {
            return Image(adopting: try make { sfp_producer_acquire(handle, nanoseconds(timeout), $0) })
        } catch let error where error.status == .peerDead {
            return nil
        }
    }

    /// Makes an image the newest frame. The image is empty then; if this throws it is still yours.
    /// - Throws: `wrongState` (the image is of another producer or was presented before, or a frame of another size was
    ///   presented since it was acquired), `invalidArgument` (too much user data).
    public func present(_ image: Image, _ info: PresentInfo? = nil) throws(SurfacePortError) {
        if let info {
            var info = try info.native()
            try check(sfp_producer_present(handle, image.handle, &info))
        } else {
            try check(sfp_producer_present(handle, image.handle, nil))
        }
        image.wasPresented()
    }

    /// Gives the swapchain images of another size. Consumers keep showing the old ones until the first frame of the new
    /// size is there.
    /// - Throws: `invalidArgument`, `resourceExhausted`.
    public func resize(width: Int, height: Int) throws(SurfacePortError) {
        try check(sfp_producer_resize(handle, UInt32(exactly: width) ?? 0, UInt32(exactly: height) ?? 0))
    }

    /// Gives the swapchain images of another size or format. They keep the swapchain's backing, whatever `backing` says.
    public func reconfigure(
        width: Int, height: Int, format: PixelFormat, backing: Backing = .native
    ) throws(SurfacePortError) {
        var descriptor = sfp_surface_descriptor(width: width, height: height, format: format, backing: backing)
        try check(sfp_producer_reconfigure(handle, &descriptor))
    }

    /// Looks after consumers that come and go, without waiting. ``acquire(timeout:)`` does it too: this is for a producer
    /// that draws rarely, when ``fileDescriptor`` is readable.
    public func service() throws(SurfacePortError) {
        try check(sfp_producer_service(handle))
    }

    /// Waits until every consumer has what it is to have: in fifo mode every frame, else the newest one. Rights that were
    /// not used yet are waited for, too. A program calls it before its end.
    ///
    /// - Parameter timeout: How long to wait; `nil` is as long as it takes, `.zero` not at all.
    public func drain(timeout: Duration? = nil) throws(SurfacePortError) {
        try check(sfp_producer_drain(handle, nanoseconds(timeout)))
    }

    /// Makes a right to consume, to be sent to who shall show the frames.
    public func makeConsumerRight() throws(SurfacePortError) -> ConsumerRight {
        ConsumerRight(adopting: try make { sfp_producer_create_consumer_right(handle, $0) })
    }

    /// What a producer counts, from its beginning.
    public struct Statistics: Hashable, Sendable {
        /// Frames presented; also the number of the newest one.
        public let presented: UInt64
        /// How often an acquire did not find an image at once.
        public let waited: UInt64
        /// Messages that were no such of a swapchain, and consumers that were refused.
        public let refused: UInt64
        /// Consumers that are attached now.
        public let consumers: Int
    }

    /// What it has counted until now.
    public var statistics: Statistics {
        get throws(SurfacePortError) {
            var counts = sfp_producer_statistics()
            try check(sfp_producer_get_statistics(handle, &counts))
            return Statistics(
                presented: counts.presented, waited: counts.waited, refused: counts.refused,
                consumers: Int(counts.consumers))
        }
    }

    /// Sets how long an acquire that waits watches the shared memory before it sleeps: 50 µs unless it is set, and `.zero` is not to
    /// watch. Where waits turn out to be longer, it sleeps at once, whatever the time.
    public func setSpinTime(_ time: Duration) throws(SurfacePortError) {
        try check(sfp_producer_set_spin_time(handle, UInt64(nanoseconds(time))))
    }

    /// Readable when ``acquire(timeout:)`` with `.zero`, or ``service()``, has something to do. It is the library's.
    public var fileDescriptor: Int32 {
        sfp_producer_fd(handle)
    }
}
