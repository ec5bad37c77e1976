#if canImport(Darwin)
import CSurfacePort
import Darwin

// The raw forms that exist on Apple's systems only: rights to Mach ports. A send right that you pass stays yours; a
// receive or a send-once right is the library's after success.

extension SendRight {
    /// Makes a right of a send right of this task, which stays yours.
    public convenience init(machPort: mach_port_t) throws(SurfacePortError) {
        self.init(adopting: try make { sfp_send_right_from_mach_port(machPort, $0) })
    }

    /// A reference of your own to its send right, to be ended by `mach_port_deallocate`.
    public func copyMachPort() throws(SurfacePortError) -> mach_port_t {
        try machPort { sfp_send_right_copy_mach_port(handle, $0) }
    }
}

extension SendOnceRight {
    /// Makes a right of a send-once right of this task, which is the library's then.
    public convenience init(machPort: mach_port_t) throws(SurfacePortError) {
        self.init(adopting: try make { sfp_send_once_right_from_mach_port(machPort, $0) })
    }

    /// Turns it into its raw form, which is yours; the right is empty then.
    public func intoMachPort() throws(SurfacePortError) -> mach_port_t {
        try machPort { sfp_send_once_right_into_mach_port(handle, $0) }
    }
}

extension ReceiveRight {
    /// Makes a right of a receive right of this task, which is the library's then.
    public convenience init(machPort: mach_port_t) throws(SurfacePortError) {
        self.init(adopting: try make { sfp_receive_right_from_mach_port(machPort, $0) })
    }

    /// Turns it into its raw form, which is yours; the right is empty then.
    public func intoMachPort() throws(SurfacePortError) -> mach_port_t {
        try machPort { sfp_receive_right_into_mach_port(handle, $0) }
    }
}

extension ChannelEnd {
    /// Makes an end of its two ports: `receiving` is the library's then, `sending` stays yours.
    /// - Throws: `invalidArgument` (a name does not have its right), `resourceExhausted`.
    public convenience init(receiving: mach_port_t, sending: mach_port_t) throws(SurfacePortError) {
        self.init(adopting: try make { sfp_channel_end_from_mach_ports(receiving, sending, $0) })
    }

    /// Turns the end into the receive right where its messages arrive and the send right where they go, both yours. The
    /// end is empty then.
    /// - Throws: `wrongState`.
    public func intoMachPorts() throws(SurfacePortError) -> (receiving: mach_port_t, sending: mach_port_t) {
        var sending = mach_port_t(MACH_PORT_NULL)
        let receiving = try machPort { sfp_channel_end_into_mach_ports(handle, $0, &sending) }
        return (receiving, sending)
    }
}

extension Surface {
    /// Makes a surface of a Mach port that stands for one; the port stays yours.
    public convenience init(machPort: mach_port_t) throws(SurfacePortError) {
        self.init(adopting: try make { sfp_surface_from_mach_port(machPort, $0) })
    }

    /// A Mach port that stands for it, yours to be ended by `mach_port_deallocate`.
    public func makeMachPort() throws(SurfacePortError) -> mach_port_t {
        try machPort { sfp_surface_create_mach_port(handle, $0) }
    }
}

private func machPort(_ call: (UnsafeMutablePointer<mach_port_t>) -> Int32) throws(SurfacePortError) -> mach_port_t {
    var port = mach_port_t(MACH_PORT_NULL)
    try check(call(&port))
    return port
}
#endif
