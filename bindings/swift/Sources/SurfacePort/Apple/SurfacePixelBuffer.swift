#if canImport(CoreVideo)
import CSurfacePort
import CoreVideo

extension Surface {
    /// A pixel buffer of Core Video over its memory, without a copy: a new one for each call, which holds the memory for
    /// as long as it lives.
    /// - Throws: `invalidArgument` (its backing is plain memory), `unsupported` (Core Video does not know the format),
    ///   `resourceExhausted`.
    public var pixelBuffer: CVPixelBuffer {
        get throws(SurfacePortError) {
            let pointer = try make { sfp_surface_create_pixel_buffer(handle, $0) }
            return Unmanaged<CVPixelBuffer>.fromOpaque(UnsafeRawPointer(pointer)).takeRetainedValue()
        }
    }

    /// Makes a surface of the IOSurface that a pixel buffer has. It holds the IOSurface and not the buffer: to keep a
    /// pool from using the memory again, hold the buffer, or begin a use.
    /// - Throws: `invalidArgument` (the buffer has no IOSurface), `unsupported`.
    public convenience init(pixelBuffer: CVPixelBuffer) throws(SurfacePortError) {
        let pointer = OpaquePointer(Unmanaged.passUnretained(pixelBuffer).toOpaque())
        let handle = try make { sfp_surface_from_pixel_buffer(pointer, $0) }
        withExtendedLifetime(pixelBuffer) {}
        self.init(adopting: handle)
    }
}
#endif
