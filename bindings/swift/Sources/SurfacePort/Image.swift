import CSurfacePort

/// An image of a swapchain that is the producer's alone, to draw into. Its end gives it back undrawn, unless it was
/// presented.
///
/// It is for one thread at a time, and so not `Sendable`. After it was presented it is empty: what is done with it then
/// throws `invalidArgument`.
public final class Image {
    private(set) var handle: OpaquePointer?

    init(adopting handle: OpaquePointer) {
        self.handle = handle
    }

    deinit {
        sfp_image_release(handle)
    }

    func wasPresented() {
        handle = nil
    }

    /// Its surface. Do not draw into that after the image was presented.
    /// - Throws: `invalidArgument` after that.
    public var surface: Surface {
        get throws(SurfacePortError) {
            guard let surface = sfp_image_surface(handle) else { throw SurfacePortError.last() }
            return Surface(retaining: surface)
        }
    }

    /// Which of the swapchain's images it is, from 0.
    public var index: Int {
        sfp_image_index(handle)
    }

    /// Locks it for access by the CPU as long as `body` runs. An image has one lock at a time.
    /// - Throws: What `body` throws; `wrongState` if it is locked already.
    public func withPixels<Result>(_ mode: LockMode = .write, _ body: (Pixels) throws -> Result) throws -> Result {
        var pixels = sfp_pixels()
        try check(sfp_image_lock(handle, mode.rawValue, &pixels))
        let result: Result
        do {
            result = try body(Pixels(pixels))
        } catch {
            // What went wrong first is what the caller has to know.
            sfp_image_unlock(handle)
            throw error
        }
        try check(sfp_image_unlock(handle))
        return result
    }
}
