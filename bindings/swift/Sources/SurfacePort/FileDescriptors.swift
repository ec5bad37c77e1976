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
