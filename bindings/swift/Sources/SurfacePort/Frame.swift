import CSurfacePort

/// A frame that is held: nobody draws into it until its last reference, or the last one to its ``surface``, ends;
/// whatever happens to the producer. Several threads may use it at once.
public final class Frame: @unchecked Sendable {
    let handle: OpaquePointer

    init(adopting handle: OpaquePointer) {
        self.handle = handle
    }

    deinit {
        sfp_frame_release(handle)
    }

    /// Its pixels. As long as you have this object the frame stays held.
    public var surface: Surface {
        guard let surface = sfp_frame_surface(handle) else {
            fatalError("a frame has no surface")
        }
        return Surface(retaining: surface, of: self)
    }

    /// Counts the frames of the swapchain from 1.
    public var number: UInt64 {
        sfp_frame_number(handle)
    }

    /// What the producer says of it.
    public var info: FrameInfo {
        get throws(SurfacePortError) {
            var info = sfp_frame_info()
            try check(sfp_frame_get_info(handle, &info))
            return FrameInfo(info)
        }
    }

    /// Locks its surface for reading as long as `body` runs.
    public func withPixels<Result>(_ body: (Pixels) throws -> Result) throws -> Result {
        try surface.withPixels(.read, body)
    }
}
