import CSurfacePort

/// Values travel with a surface: small named bytes that every process with it can read and write.
extension Surface {
    /// Sets a value, or replaces it.
    /// - Throws: `invalidArgument` (no such name can be), `tooLarge`, `timedOut` (another process does not stop writing).
    public func setValue(_ bytes: [UInt8], for name: String) throws(SurfacePortError) {
        try check(
            bytes.withUnsafeBytes { bytes in
                name.withCString { sfp_surface_set_value(handle, $0, bytes.baseAddress, bytes.count) }
            })
    }

    /// The value of this name; `nil` if there is none.
    public func value(for name: String) throws(SurfacePortError) -> [UInt8]? {
        do {
            return try whole { buffer, capacity, size in
                name.withCString { sfp_surface_value(handle, $0, buffer, capacity, size) }
            }
        } catch let error where error.status == .notFound {
            return nil
        }
    }

    /// Removes a value. That there is none is no failure.
    public func removeValue(for name: String) throws(SurfacePortError) {
        try check(name.withCString { sfp_surface_remove_value(handle, $0) })
    }

    /// The names of all values.
    public var valueNames: [String] {
        get throws(SurfacePortError) {
            let bytes = try whole { buffer, capacity, size in
                sfp_surface_value_names(handle, buffer?.assumingMemoryBound(to: CChar.self), capacity, size)
            }
            return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// How its colours are meant.
    public var colorSpace: ColorSpace {
        get throws(SurfacePortError) {
            var space: UInt32 = 0
            try check(sfp_surface_color_space(handle, &space))
            return ColorSpace(rawValue: space) ?? .unknown
        }
    }

    /// Says how its colours are meant.
    public func setColorSpace(_ space: ColorSpace) throws(SurfacePortError) {
        try check(sfp_surface_set_color_space(handle, space.rawValue))
    }

    /// Reads with more room each time, until nothing is cut: another process may make it longer in between.
    private func whole(
        _ read: (UnsafeMutableRawPointer?, Int, UnsafeMutablePointer<Int>) -> Int32
    ) throws(SurfacePortError) -> [UInt8] {
        var capacity = 256
        while true {
            var (status, size): (Int32, Int) = (0, 0)
            let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, filled in
                status = read(UnsafeMutableRawPointer(buffer.baseAddress), capacity, &size)
                filled = status == 0 ? min(size, capacity) : 0
            }
            try check(status)
            if size <= capacity { return bytes }
            capacity = size
        }
    }
}
