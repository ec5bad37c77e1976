#if os(Linux)
import CSurfacePort

// The raw forms that exist on Linux only: file descriptors, to be carried by any means that carries one.

extension SendRight {
    /// Makes a right of its raw form, which stays yours and can be closed then.
    /// - Throws: `invalidArgument`, `malformed`.
    public convenience init(fileDescriptor: Int32) throws(SurfacePortError) {
        self.init(adopting: try make { sfp_send_right_from_fd(fileDescriptor, $0) })
    }

    /// Turns the right into its raw form, which is yours to close; the right is empty then.
    /// - Throws: `wrongState`.
    public func intoFileDescriptor() throws(SurfacePortError) -> Int32 {
        try descriptor { sfp_send_right_into_fd(handle, $0) }
    }
}

extension ReceiveRight {
    /// Makes a right of its raw form, which stays yours; close it after the call.
    /// - Throws: `invalidArgument`, `malformed`.
    public convenience init(fileDescriptor: Int32) throws(SurfacePortError) {
        self.init(adopting: try make { sfp_receive_right_from_fd(fileDescriptor, $0) })
    }

    /// Turns the right into its raw form, which is yours to close; the right is empty then.
    /// - Throws: `wrongState`: not exactly one send right was made of it, or another thread uses it.
    public func intoFileDescriptor() throws(SurfacePortError) -> Int32 {
        try descriptor { sfp_receive_right_into_fd(handle, $0) }
    }
}

extension ChannelEnd {
    /// Makes an end of its raw form, two descriptors, which stay yours. Close them after the call: as long as they are
    /// open, the peer does not learn that the end is gone.
    /// - Throws: `invalidArgument` (one is not open), `malformed` (one is no end of a SOCK_SEQPACKET socket).
    public convenience init(receiving: Int32, sending: Int32) throws(SurfacePortError) {
        self.init(adopting: try make { sfp_channel_end_from_fds(receiving, sending, $0) })
    }

    /// Turns the end into its raw form: the descriptors by which messages come and go, yours to close. The end is empty
    /// then.
    /// - Throws: `wrongState`: it is empty, or has no such form any more.
    public func intoFileDescriptors() throws(SurfacePortError) -> (receiving: Int32, sending: Int32) {
        var sending: Int32 = -1
        let receiving = try descriptor { sfp_channel_end_into_fds(handle, $0, &sending) }
        return (receiving, sending)
    }
}

extension Surface {
    /// A descriptor of its memory, which is yours to close.
    public func exportFileDescriptor() throws(SurfacePortError) -> Int32 {
        try descriptor { sfp_surface_export_fd(handle, $0) }
    }

    /// A DMA-BUF of its memory, which is yours to close.
    /// - Throws: `unsupported` where the system cannot make one.
    public func exportDMABuf() throws(SurfacePortError) -> Int32 {
        try descriptor { sfp_surface_export_dma_buf(handle, $0) }
    }
}

private func descriptor(_ call: (UnsafeMutablePointer<Int32>) -> Int32) throws(SurfacePortError) -> Int32 {
    var descriptor: Int32 = -1
    try check(call(&descriptor))
    return descriptor
}
#endif
