import CSurfacePort

/// A buffer of pixels in memory that several processes share. It is freed when the last process lets go of it.
///
/// What other processes can write too, the pixels, the seed, the uses, the purgeable state and the values, is their
/// word. Several threads may use it at once; who may write the pixels when is for the swapchain, or for you, to say.
public final class Surface: @unchecked Sendable {
    let handle: OpaquePointer
    /// The frame that is held as long as its surface is in use here.
    private let owner: Frame?

    init(adopting handle: OpaquePointer) {
        self.handle = handle
        owner = nil
    }

    init(retaining handle: OpaquePointer, of owner: Frame? = nil) {
        self.handle = sfp_surface_retain(handle)
        self.owner = owner
    }

    /// Makes a surface of zeroes.
    /// - Parameters:
    ///   - width: Pixels, 1 to 16384.
    ///   - height: Pixels, 1 to 16384.
    /// - Throws: `invalidArgument`, `unsupported`, `resourceExhausted`.
    public convenience init(
        width: Int, height: Int, format: PixelFormat = .bgra8, backing: Backing = .native
    ) throws(SurfacePortError) {
        var descriptor = sfp_surface_descriptor(width: width, height: height, format: format, backing: backing)
        self.init(adopting: try make { sfp_surface_create(&descriptor, $0) })
    }

    deinit {
        sfp_surface_release(handle)
    }

    /// Names it in this system, for people: in logs, and in ``liveSurfaces()``.
    public var id: UInt32 { sfp_surface_id(handle) }
    /// In pixels.
    public var width: Int { Int(sfp_surface_width(handle)) }
    /// In pixels.
    public var height: Int { Int(sfp_surface_height(handle)) }
    /// What the pixels are.
    public var format: PixelFormat { PixelFormat(rawValue: sfp_surface_pixel_format(handle)) }
    /// What the memory is.
    public var backing: Backing { Backing(rawValue: sfp_surface_backing(handle)) ?? .native }
    /// All its memory, in bytes.
    public var allocationSize: Int { sfp_surface_allocation_size(handle) }
    /// Moves when a lock for writing ends.
    public var seed: UInt32 { sfp_surface_seed(handle) }

    /// Has every page made and mapped in this process now, which for large surfaces takes milliseconds.
    /// - Throws: `resourceExhausted` if there is not as much memory.
    public func prefault() throws(SurfacePortError) {
        try check(sfp_surface_prefault(handle))
    }

    /// Where its planes lie: one, or for Y'CbCr two or three.
    public var planes: [Plane] {
        (0..<Int(sfp_surface_plane_count(handle))).compactMap { index in
            var plane = sfp_plane()
            guard sfp_surface_plane(handle, index, &plane) == 0, let base = plane.base else { return nil }
            return Plane(
                base: base, bytesPerRow: plane.bytes_per_row, bytesPerElement: plane.bytes_per_element,
                offset: plane.offset, size: plane.size, width: Int(plane.width), height: Int(plane.height))
        }
    }

    /// Locks it for access by the CPU as long as `body` runs. Locks nest, and exclude nobody.
    /// - Throws: What `body` throws; `wrongState` if `mode` avoids a copy that is needed.
    public func withPixels<Result>(_ mode: LockMode = .read, _ body: (Pixels) throws -> Result) throws -> Result {
        var pixels = sfp_pixels()
        try check(sfp_surface_lock(handle, mode.rawValue, &pixels))
        let result: Result
        do {
            result = try body(Pixels(pixels))
        } catch {
            // What went wrong first is what the caller has to know.
            sfp_surface_unlock(handle, mode.rawValue)
            throw error
        }
        try check(sfp_surface_unlock(handle, mode.rawValue))
        return result
    }

    // MARK: Uses

    /// Whether any process, this one included, uses it.
    public var isInUse: Bool { sfp_surface_is_in_use(handle) }
    /// How many uses this process has begun and not ended.
    public var useCount: UInt32 { sfp_surface_use_count(handle) }

    /// Begins a use: whoever recycles surfaces leaves it alone.
    public func beginUse() throws(SurfacePortError) {
        try check(sfp_surface_increment_use_count(handle))
    }

    /// Ends a use.
    /// - Throws: `wrongState` if none was begun.
    public func endUse() throws(SurfacePortError) {
        try check(sfp_surface_decrement_use_count(handle))
    }

    // MARK: Purgeable memory

    /// What the system may do with its memory when that is short.
    public enum Purgeable: UInt32, Sendable {
        /// The contents stay.
        case nonVolatile = 0
        /// The contents may vanish.
        case volatile = 1
        /// The contents are gone; the pixels read as zero until they are written again.
        case empty = 2
    }

    /// The state of its memory.
    public var purgeable: Purgeable {
        get throws(SurfacePortError) {
            var state: UInt32 = 0
            try check(sfp_surface_purgeable(handle, &state))
            return Purgeable(rawValue: state) ?? .nonVolatile
        }
    }

    /// Changes the state of its memory.
    /// - Returns: The state before.
    @discardableResult
    public func setPurgeable(_ state: Purgeable) throws(SurfacePortError) -> Purgeable {
        var before: UInt32 = 0
        try check(sfp_surface_set_purgeable(handle, state.rawValue, &before))
        return Purgeable(rawValue: before) ?? .nonVolatile
    }

    // MARK: What lives

    /// The ids of all surfaces that live in this process, ascending, so that a leak is seen and not guessed. One that
    /// arrived twice counts twice.
    public static func liveSurfaces() throws(SurfacePortError) -> [UInt32] {
        var totals = sfp_surface_totals()
        try check(sfp_live_surfaces(nil, 0, &totals))
        let room = totals.count
        var status: Int32 = 0
        let ids = [UInt32](unsafeUninitializedCapacity: room) { buffer, filled in
            status = sfp_live_surfaces(buffer.baseAddress, room, &totals)
            filled = status == 0 ? min(room, totals.count) : 0
        }
        try check(status)
        return ids
    }
}

extension sfp_surface_descriptor {
    init(width: Int, height: Int, format: PixelFormat, backing: Backing) {
        self.init()
        struct_size = MemoryLayout<sfp_surface_descriptor>.size
        // What is no number of pixels becomes one that the library refuses.
        self.width = UInt32(exactly: width) ?? 0
        self.height = UInt32(exactly: height) ?? 0
        self.format = format.rawValue
        self.backing = backing.rawValue
    }
}
