#if canImport(IOSurface)
import CSurfacePort
import IOSurface

extension Surface {
    /// Its IOSurface, for all that the system can do with one; `nil` if its backing is plain memory.
    ///
    /// It keeps the memory. Of a frame, it does not keep the frame from being drawn into: that does the ``Frame``.
    public var ioSurface: IOSurfaceRef? {
        guard let pointer = sfp_surface_iosurface(handle) else { return nil }
        return Unmanaged<IOSurfaceRef>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
    }

    /// Makes a surface of an IOSurface, whoever made that. Its rows and planes may lie anywhere.
    /// - Throws: `unsupported` (the pixel format is none of ``PixelFormat``, or the CPU has no access),
    ///   `invalidArgument` (the planes are not what the format asks for, or it is too large).
    public convenience init(ioSurface: IOSurfaceRef) throws(SurfacePortError) {
        let pointer = OpaquePointer(Unmanaged.passUnretained(ioSurface).toOpaque())
        let handle = try make { sfp_surface_from_iosurface(pointer, $0) }
        withExtendedLifetime(ioSurface) {}
        self.init(adopting: handle)
    }
}
#endif
