import CSurfacePort

/// A rectangle in pixels, from the upper left corner of the image.
public struct PixelRectangle: Hashable, Sendable {
    /// From the left edge of the image.
    public var x: UInt32
    /// From the upper edge of the image.
    public var y: UInt32
    /// In pixels.
    public var width: UInt32
    /// In pixels.
    public var height: UInt32

    public init(x: UInt32, y: UInt32, width: UInt32, height: UInt32) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    init?(_ rectangle: sfp_rectangle) {
        guard rectangle.width > 0, rectangle.height > 0 else { return nil }
        self.init(x: rectangle.x, y: rectangle.y, width: rectangle.width, height: rectangle.height)
    }
}

/// What a producer says of a frame besides its pixels.
public struct PresentInfo: Hashable, Sendable {
    /// How many bytes ``userData`` can have.
    public static let userDataSize = Int(SFP_FRAME_USER_BYTES)

    /// When the frame is meant to be shown, in nanoseconds of ``FrameClock``; `nil` is as soon as possible.
    public var displayTime: Int64?
    /// What has changed since the last frame; `nil`: everything may have.
    public var damage: PixelRectangle?
    /// How the colours are meant; `unknown` is as the surface says.
    public var colorSpace: ColorSpace
    /// Your own, for the consumers to read: at most ``userDataSize`` bytes, zeroes behind them.
    public var userData: [UInt8]

    public init(
        displayTime: Int64? = nil, damage: PixelRectangle? = nil, colorSpace: ColorSpace = .unknown,
        userData: [UInt8] = []
    ) {
        self.displayTime = displayTime
        self.damage = damage
        self.colorSpace = colorSpace
        self.userData = userData
    }

    func native() throws(SurfacePortError) -> sfp_present_info {
        guard userData.count <= Self.userDataSize else {
            throw SurfacePortError(
                status: .invalidArgument, detail: "a frame has \(Self.userDataSize) bytes of user data, not \(userData.count)")
        }
        var info = sfp_present_info()
        info.struct_size = MemoryLayout<sfp_present_info>.size
        info.display_ns = displayTime ?? 0
        if let damage {
            info.damage = sfp_rectangle(x: damage.x, y: damage.y, width: damage.width, height: damage.height)
        }
        info.color_space = colorSpace.rawValue
        withUnsafeMutableBytes(of: &info.user) { $0.copyBytes(from: userData) }
        return info
    }
}

/// What the producer says of a frame: its word, not a fact.
public struct FrameInfo: Hashable, Sendable {
    /// Counts the frames of the swapchain from 1.
    public let number: UInt64
    /// When it was presented, in nanoseconds of ``FrameClock``.
    public let presentedTime: Int64
    /// When it is meant to be shown; `nil` is as soon as possible.
    public let displayTime: Int64?
    /// What has changed since the frame before; `nil`: everything may have.
    public let damage: PixelRectangle?
    /// How the colours are meant; `unknown` is as the surface says.
    public let colorSpace: ColorSpace
    /// The producer's own, 64 bytes.
    public let userData: [UInt8]

    init(_ info: sfp_frame_info) {
        number = info.number
        presentedTime = info.presented_ns
        displayTime = info.display_ns == 0 ? nil : info.display_ns
        damage = PixelRectangle(info.damage)
        colorSpace = ColorSpace(rawValue: info.color_space) ?? .unknown
        userData = withUnsafeBytes(of: info.user) { Array($0) }
    }
}
