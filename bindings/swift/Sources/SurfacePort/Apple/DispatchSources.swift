#if canImport(Darwin)
import CSurfacePort
import Dispatch

// Dispatch sources: a handler is called on a queue while something is ready. There is one call at a time, and the source
// keeps what it was made of. It is not active yet: `activate()` it, and `cancel()` it to end it. Behind the end of a stream
// or a peer there is always something: cancel the source then, or the handler is called over and over.

extension ReceiveRight {
    /// Makes a dispatch source, whose handler is called while it has a message, or a notice as `noSenders`.
    public func makeDispatchSource(
        queue: DispatchQueue? = nil, handler: @escaping @Sendable () -> Void
    ) throws(SurfacePortError) -> any DispatchSourceProtocol {
        try ReadyHandler.make(handler) { sfp_dispatch_source_create_for_receive_right(handle, queue, $0, $1, $2) }
    }
}

extension PortSet {
    /// Makes a dispatch source, whose handler is called while a member is ready.
    public func makeDispatchSource(
        queue: DispatchQueue? = nil, handler: @escaping @Sendable () -> Void
    ) throws(SurfacePortError) -> any DispatchSourceProtocol {
        try ReadyHandler.make(handler) { sfp_dispatch_source_create_for_port_set(handle, queue, $0, $1, $2) }
    }
}

extension Channel {
    /// Makes a dispatch source, whose handler is called while it has a message, or its peer is dead.
    public func makeDispatchSource(
        queue: DispatchQueue? = nil, handler: @escaping @Sendable () -> Void
    ) throws(SurfacePortError) -> any DispatchSourceProtocol {
        try ReadyHandler.make(handler) { sfp_dispatch_source_create_for_channel(handle, queue, $0, $1, $2) }
    }
}

extension Producer {
    /// Makes a dispatch source, whose handler is called while ``Producer/acquire(timeout:)`` with `.zero` has something to
    /// do.
    public func makeDispatchSource(
        queue: DispatchQueue? = nil, handler: @escaping @Sendable () -> Void
    ) throws(SurfacePortError) -> any DispatchSourceProtocol {
        try ReadyHandler.make(handler) { sfp_dispatch_source_create_for_producer(handle, queue, $0, $1, $2) }
    }
}

extension Consumer {
    /// Makes a dispatch source, whose handler is called while ``Consumer/acquire(timeout:)`` with `.zero` has something to
    /// do. Acquire until `timedOut`, in the handler and once before: only who found no frame is told of the next one.
    public func makeDispatchSource(
        queue: DispatchQueue? = nil, handler: @escaping @Sendable () -> Void
    ) throws(SurfacePortError) -> any DispatchSourceProtocol {
        try ReadyHandler.make(handler) { sfp_dispatch_source_create_for_consumer(handle, queue, $0, $1, $2) }
    }
}

extension Host {
    /// Makes a dispatch source, whose handler is called while the child connected, offered a right to consume, or ended.
    public func makeDispatchSource(
        queue: DispatchQueue? = nil, handler: @escaping @Sendable () -> Void
    ) throws(SurfacePortError) -> any DispatchSourceProtocol {
        try ReadyHandler.make(handler) { sfp_dispatch_source_create_for_host(handle, queue, $0, $1, $2) }
    }
}

extension Child {
    /// Makes a dispatch source, whose handler is called while the host offered a right to consume, or is gone.
    public func makeDispatchSource(
        queue: DispatchQueue? = nil, handler: @escaping @Sendable () -> Void
    ) throws(SurfacePortError) -> any DispatchSourceProtocol {
        try ReadyHandler.make(handler) { sfp_dispatch_source_create_for_child(handle, queue, $0, $1, $2) }
    }
}
#endif
