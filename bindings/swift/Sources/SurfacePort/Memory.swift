import CSurfacePort

/// A region of memory, mapped here and wherever it was sent. Its size never changes.
///
/// It is freed when the last process lets go of it. Other processes may write at any time: read what matters once, then
/// check it. Several threads may use it at once; what several write at once is any mixture of it.
public final class Memory: @unchecked Sendable {
    let handle: OpaquePointer

    /// Who may write it.
    public enum Access: UInt32, Sendable {
        /// Every process that has it.
        case readWrite = 0
        /// Only the process that made it; the kernel enforces that for all others.
        case readOnlyForOthers = 1
    }

    init(adopting handle: OpaquePointer) {
        self.handle = handle
    }

    /// Makes a region of zeroes.
    /// - Parameter size: In bytes, at most 64 GiB.
    /// - Throws: `invalidArgument`, `tooLarge`, `resourceExhausted`.
    public convenience init(size: Int, access: Access = .readWrite) throws(SurfacePortError) {
        guard size >= 0 else {
            throw SurfacePortError(status: .invalidArgument, detail: "the size of a memory region is negative")
        }
        self.init(adopting: try make { sfp_memory_create(size, access.rawValue, $0) })
    }

    deinit {
        sfp_memory_release(handle)
    }

    /// In bytes.
    public var size: Int {
        sfp_memory_size(handle)
    }

    /// Whether this process may write it.
    public var isWritable: Bool {
        sfp_memory_is_writable(handle)
    }

    /// Has every page made and mapped in this process now, so that the first access to each does not have to.
    /// - Throws: `resourceExhausted` if there is not as much memory.
    public func prefault() throws(SurfacePortError) {
        try check(sfp_memory_prefault(handle))
    }

    /// Reads it where it lies. The bytes are valid in `body` only.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try body(UnsafeRawBufferPointer(start: sfp_memory_base(handle), count: size))
    }

    /// Writes it where it lies. The bytes are valid in `body` only.
    /// - Throws: `permissionDenied` if this process may only read it, and what `body` throws.
    public func withMutableBytes<Result>(_ body: (UnsafeMutableRawBufferPointer) throws -> Result) throws -> Result {
        guard isWritable else {
            throw SurfacePortError(status: .permissionDenied, detail: "this process may only read the memory region")
        }
        return try body(UnsafeMutableRawBufferPointer(start: sfp_memory_base(handle), count: size))
    }

    /// Copies bytes into it.
    /// - Parameter offset: Where they begin, in bytes.
    /// - Throws: `invalidArgument` (they do not fit), `permissionDenied`.
    public func write(_ bytes: [UInt8], at offset: Int = 0) throws(SurfacePortError) {
        guard offset >= 0 else {
            throw SurfacePortError(status: .invalidArgument, detail: "the offset is negative")
        }
        try check(bytes.withUnsafeBytes { sfp_memory_write(handle, offset, $0.baseAddress, $0.count) })
    }

    /// Copies bytes out of it.
    /// - Throws: `invalidArgument` if there are not so many behind `offset`.
    public func read(at offset: Int = 0, count: Int) throws(SurfacePortError) -> [UInt8] {
        guard offset >= 0, count >= 0, count <= size else {
            throw SurfacePortError(status: .invalidArgument, detail: "there are no such bytes in the memory region")
        }
        var status: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            status = sfp_memory_read(handle, offset, buffer.baseAddress, count)
            filled = status == 0 ? count : 0
        }
        try check(status)
        return bytes
    }
}
