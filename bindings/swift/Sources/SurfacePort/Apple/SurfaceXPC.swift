#if canImport(XPC)
import CSurfacePort
import XPC

extension Surface {
    /// Makes an XPC object that stands for it, for a program that has an XPC connection. It counts as in use as long as
    /// the object, or a copy of it in a message, lives.
    /// - Throws: `invalidArgument` (its backing is plain memory), `resourceExhausted`.
    public func makeXPCObject() throws(SurfacePortError) -> xpc_object_t {
        var pointer: UnsafeMutableRawPointer?
        try check(sfp_surface_create_xpc_object(handle, &pointer))
        guard let pointer else {
            throw SurfacePortError(status: .internal, detail: "the call succeeded and made nothing")
        }
        // An XPC object is an Objective-C object; its protocol is one that Swift's casts cannot ask for.
        return unsafeBitCast(Unmanaged<AnyObject>.fromOpaque(pointer).takeRetainedValue(), to: xpc_object_t.self)
    }

    /// Makes a surface of an XPC object that stands for one.
    /// - Throws: `invalidArgument` (it stands for none, or its planes are not what the format asks for),
    ///   `unsupported` (the pixel format is none of ``PixelFormat``).
    public convenience init(xpcObject: xpc_object_t) throws(SurfacePortError) {
        let pointer = Unmanaged.passUnretained(xpcObject as AnyObject).toOpaque()
        let handle = try make { sfp_surface_from_xpc_object(pointer, $0) }
        withExtendedLifetime(xpcObject) {}
        self.init(adopting: handle)
    }
}
#endif
