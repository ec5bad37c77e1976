import CSurfacePort

/// Lets its holder become a consumer of a swapchain.
///
/// A process that only passes it on, a *broker*, is in no frame's path. As long as one is left anywhere, the producer
/// waits for consumers to come: let go of what you do not need any more. Several threads may use it at once.
public final class ConsumerRight: @unchecked Sendable {
    let handle: OpaquePointer

    init(adopting handle: OpaquePointer) {
        self.handle = handle
    }

    deinit {
        sfp_consumer_right_release(handle)
    }

    /// Becomes a consumer. The right stays, for more of them. It does not wait: the producer takes part when it next
    /// acquires, presents or services.
    /// - Parameter mode: How to take frames; `nil` is the swapchain's own mode. A fifo swapchain can be looked at in
    ///   mailbox mode; the producer refuses any other difference.
    /// - Throws: `peerDead`, `timedOut` (more consumers are about to attach than the producer takes in; try later),
    ///   `resourceExhausted`.
    public func attach(mode: PresentMode? = nil) throws(SurfacePortError) -> Consumer {
        var options = sfp_consumer_options()
        options.struct_size = MemoryLayout<sfp_consumer_options>.size
        options.mode = mode?.rawValue ?? 0
        return Consumer(adopting: try make { sfp_consumer_attach(handle, &options, $0) })
    }
}
