import CSurfacePort

/// How frames get from the producer to its consumers.
public enum PresentMode: UInt32, Sendable {
    /// The newest frame wins. The producer never waits while there are two images more than frames held.
    case mailbox = 1
    /// Every consumer sees every frame, in order; the producer waits for them. At least two images.
    case fifo = 2
    /// One image, drawn while it is shown: no waiting, and tearing.
    case immediate = 3
}

/// Which side makes the images' memory.
public enum Allocator: UInt32, Sendable {
    /// The producer's process.
    case producer = 0
    /// The process of the first consumer that can. The producer waits for it.
    case consumer = 1
}

/// What a swapchain is made with.
public struct SwapchainOptions: Hashable, Sendable {
    /// Pixels, 1 to 16384.
    public var width: Int
    /// Pixels, 1 to 16384.
    public var height: Int
    /// What the pixels are.
    public var format: PixelFormat
    /// How many images: 2 to 16, and 1 in immediate mode. `nil` is 3, or that 1.
    public var images: Int?
    /// How frames get to consumers.
    public var mode: PresentMode
    /// Which side makes the images' memory.
    public var allocator: Allocator
    /// What the images' memory is, whichever side makes it.
    public var backing: Backing

    public init(
        width: Int, height: Int, format: PixelFormat = .bgra8, images: Int? = nil, mode: PresentMode = .mailbox,
        allocator: Allocator = .producer, backing: Backing = .native
    ) {
        self.width = width
        self.height = height
        self.format = format
        self.images = images
        self.mode = mode
        self.allocator = allocator
        self.backing = backing
    }

    var native: sfp_swapchain_options {
        var options = sfp_swapchain_options()
        options.struct_size = MemoryLayout<sfp_swapchain_options>.size
        // What is no number of pixels, or of images, becomes one that the library refuses.
        options.width = UInt32(exactly: width) ?? 0
        options.height = UInt32(exactly: height) ?? 0
        options.format = format.rawValue
        options.images = images.map { $0 < 1 ? .max : UInt32(clamping: $0) } ?? 0
        options.mode = mode.rawValue
        options.allocator = allocator.rawValue
        options.backing = backing.rawValue
        return options
    }
}
