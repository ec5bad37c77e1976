#if canImport(CoreFoundation) && canImport(Darwin)
import CSurfacePort
import CoreFoundation

// Run loop sources: a handler is called on the run loops that the source was added to by `CFRunLoopAddSource`, while
// something is ready. There is one call at a time, and the source keeps what it was made of. `CFRunLoopSourceInvalidate`
// ends it. Behind the end of a stream or a peer there is always something: end the source then, or the handler is called
// over and over.

extension ReceiveRight {
    /// Makes a run loop source, whose handler is called while it has a message, or a notice as `noSenders`.
    public func makeRunLoopSource(
        handler: @escaping () -> Void
    ) throws(SurfacePortError) -> CFRunLoopSource {
        try ReadyHandler.make(handler) { sfp_runloop_source_create_for_receive_right(handle, $0, $1, $2) }
    }
}

extension PortSet {
    /// Makes a run loop source, whose handler is called while a member is ready.
    public func makeRunLoopSource(
        handler: @escaping () -> Void
    ) throws(SurfacePortError) -> CFRunLoopSource {
        try ReadyHandler.make(handler) { sfp_runloop_source_create_for_port_set(handle, $0, $1, $2) }
    }
}

extension Channel {
    /// Makes a run loop source, whose handler is called while it has a message, or its peer is dead.
    public func makeRunLoopSource(
        handler: @escaping () -> Void
    ) throws(SurfacePortError) -> CFRunLoopSource {
        try ReadyHandler.make(handler) { sfp_runloop_source_create_for_channel(handle, $0, $1, $2) }
    }
}

extension Producer {
    /// Makes a run loop source, whose handler is called while ``Producer/acquire(timeout:)`` with `.zero` has something to
    /// do.
    public func makeRunLoopSource(
        handler: @escaping () -> Void
    ) throws(SurfacePortError) -> CFRunLoopSource {
        try ReadyHandler.make(handler) { sfp_runloop_source_create_for_producer(handle, $0, $1, $2) }
    }
}

extension Consumer {
    /// Makes a run loop source, whose handler is called while ``Consumer/acquire(timeout:)`` with `.zero` has something to
    /// do. Acquire until `timedOut`, in the handler and once before: only who found no frame is told of the next one.
    public func makeRunLoopSource(
        handler: @escaping () -> Void
    ) throws(SurfacePortError) -> CFRunLoopSource {
        try ReadyHandler.make(handler) { sfp_runloop_source_create_for_consumer(handle, $0, $1, $2) }
    }
}

extension Host {
    /// Makes a run loop source, whose handler is called while the child connected, offered a right to consume, or ended.
    public func makeRunLoopSource(
        handler: @escaping () -> Void
    ) throws(SurfacePortError) -> CFRunLoopSource {
        try ReadyHandler.make(handler) { sfp_runloop_source_create_for_host(handle, $0, $1, $2) }
    }
}

extension Child {
    /// Makes a run loop source, whose handler is called while the host offered a right to consume, or is gone.
    public func makeRunLoopSource(
        handler: @escaping () -> Void
    ) throws(SurfacePortError) -> CFRunLoopSource {
        try ReadyHandler.make(handler) { sfp_runloop_source_create_for_child(handle, $0, $1, $2) }
    }
}
#endif
