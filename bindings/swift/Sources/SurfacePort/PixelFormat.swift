/// What pixels are: a four-character code, with the meaning that it has in IOSurface and Core Video.
public struct PixelFormat: RawRepresentable, Hashable, Sendable {
    /// The code, its first character in the highest byte.
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// The four characters, the first one in the highest byte.
    init(_ code: StaticString) {
        precondition(code.utf8CodeUnitCount == 4)
        rawValue = code.withUTF8Buffer { $0.reduce(0) { $0 << 8 | UInt32($1) } }
    }

    /// 8 bits for each of blue, green, red, alpha, in the order of memory.
    public static let bgra8 = PixelFormat("BGRA")
    /// 8 bits for each of red, green, blue, alpha, in the order of memory.
    public static let rgba8 = PixelFormat("RGBA")
    /// 10 bits for each colour, 2 for alpha, in a little-endian 32-bit word with blue in the lowest bits.
    public static let rgb10a2 = PixelFormat("l10r")
    /// Half-precision red, green, blue, alpha, in the order of memory.
    public static let rgba16f = PixelFormat("RGhA")
    /// One component of 8 bits.
    public static let r8 = PixelFormat("L008")
    /// Two components of 8 bits.
    public static let rg8 = PixelFormat("2C08")
    /// 8-bit Y'CbCr 4:2:0, video range; a plane of Y', one of CbCr pairs.
    public static let nv12 = PixelFormat("420v")
    /// As ``nv12``, full range.
    public static let nv12Full = PixelFormat("420f")
    /// 10-bit Y'CbCr 4:2:0, video range, in the high bits of 16; a plane of Y', one of CbCr pairs.
    public static let p010 = PixelFormat("x420")
    /// 8-bit Y'CbCr 4:2:0, video range; a plane each of Y', Cb, Cr.
    public static let i420 = PixelFormat("y420")
    /// 8-bit Y'CbCr 4:2:2, video range; a plane of Y', one of CbCr pairs.
    public static let nv16 = PixelFormat("422v")
    /// As ``nv16``, full range.
    public static let nv16Full = PixelFormat("422f")
    /// 8-bit Y'CbCr 4:4:4, video range; a plane of Y', one of CbCr pairs.
    public static let nv24 = PixelFormat("444v")
    /// As ``nv24``, full range.
    public static let nv24Full = PixelFormat("444f")
}

extension PixelFormat: CustomStringConvertible {
    /// The four characters.
    public var description: String {
        let bytes = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: rawValue >> UInt32($0)) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// How the colours of pixels are meant.
public enum ColorSpace: UInt32, Sendable {
    /// Nobody said so, or by a name that is not known here.
    case unknown = 0
    /// IEC 61966-2-1.
    case sRGB = 1
    /// sRGB primaries, linear, values outside of 0 to 1 allowed.
    case extendedLinearSRGB = 2
    /// P3 primaries with sRGB's transfer function.
    case displayP3 = 3
    /// ITU-R BT.709.
    case bt709 = 4
    /// ITU-R BT.2020.
    case bt2020 = 5
    /// ITU-R BT.2100 with the perceptual quantizer.
    case bt2100PQ = 6
    /// ITU-R BT.2100 with hybrid log-gamma.
    case bt2100HLG = 7
}

/// What the memory of a surface is. On Linux both are the same: a sealed memory file.
public enum Backing: UInt32, Sendable {
    /// What the system itself shows and gives to its GPUs: an IOSurface on macOS.
    case native = 0
    /// Shared memory and nothing else: also there without a GPU, a window server or the right to use IOSurface.
    case memory = 1
}
