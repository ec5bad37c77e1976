import CSurfacePort

/// The pixels of plane 0 of a locked surface or image. They are valid in the closure that got them, and nowhere else.
public struct Pixels {
    /// The first byte of the first row.
    public let base: UnsafeMutableRawPointer
    /// From the beginning of a row to the beginning of the next, in bytes.
    public let bytesPerRow: Int
    /// In pixels.
    public let width: Int
    /// In pixels.
    public let height: Int
    /// What the pixels are.
    public let format: PixelFormat

    init(_ pixels: sfp_pixels) throws(SurfacePortError) {
        guard let base = pixels.base else {
            throw SurfacePortError(status: .internal, detail: "locked pixels have no address")
        }
        self.base = base
        bytesPerRow = pixels.bytes_per_row
        width = Int(pixels.width)
        height = Int(pixels.height)
        format = PixelFormat(rawValue: pixels.format)
    }

    /// A row as elements, `UInt32` for the formats of four bytes. There are `width` of them.
    public func row<Element>(_ y: Int, as type: Element.Type = Element.self) -> UnsafeMutableBufferPointer<Element> {
        precondition((0..<height).contains(y), "there is no such row")
        precondition(width * MemoryLayout<Element>.stride <= bytesPerRow, "a row has no room for such elements")
        let start = (base + y * bytesPerRow).assumingMemoryBound(to: Element.self)
        return UnsafeMutableBufferPointer(start: start, count: width)
    }
}

/// A plane of a surface.
public struct Plane {
    /// The first byte of the first row. Valid as long as the surface; access it while the surface is locked.
    public let base: UnsafeMutableRawPointer
    /// From the beginning of a row to the beginning of the next, in bytes.
    public let bytesPerRow: Int
    /// Of one element, a pixel of this plane.
    public let bytesPerElement: Int
    /// From the beginning of the surface's memory to `base`, in bytes.
    public let offset: Int
    /// Of all rows, with what is between them, in bytes.
    public let size: Int
    /// Elements of a row.
    public let width: Int
    /// Rows.
    public let height: Int
}

/// What a lock is for.
public enum LockMode: UInt32, Sendable {
    /// Reading and writing: the seed moves when the lock ends.
    case write = 0
    /// Reading only: the seed stays.
    case read = 1
    /// As ``write``, but it fails if pixels had to be copied from a GPU's memory.
    case writeAvoidingSync = 2
    /// As ``read``, but it fails if pixels had to be copied from a GPU's memory.
    case readAvoidingSync = 3
}
