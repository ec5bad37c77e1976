import IOSurface

public protocol MTLDevice: AnyObject, Sendable {
    @available(macOS 10.15, *)
    var hasUnifiedMemory: Bool { get }
    @available(macOS 10.11, *)
    func makeTexture(descriptor: MTLTextureDescriptor, iosurface: IOSurfaceRef, plane: Int) -> (any MTLTexture)?
}

public protocol MTLTexture: AnyObject, Sendable {}

public protocol MTLCommandBuffer: AnyObject, Sendable {
    func addCompletedHandler(_ block: @escaping @Sendable (any MTLCommandBuffer) -> Void)
    var error: (any Error)? { get }
}

open class MTLTextureDescriptor {
    open class func texture2DDescriptor(
        pixelFormat: MTLPixelFormat, width: Int, height: Int, mipmapped: Bool
    ) -> MTLTextureDescriptor { fatalError() }
    open var usage: MTLTextureUsage = .unknown
    open var storageMode: MTLStorageMode = .shared
}

public enum MTLStorageMode: UInt, Sendable {
    case shared, managed, `private`, memoryless
}

public struct MTLTextureUsage: OptionSet, Sendable {
    public let rawValue: UInt
    public init(rawValue: UInt) { self.rawValue = rawValue }
    public static let unknown = MTLTextureUsage([])
    public static let shaderRead = MTLTextureUsage(rawValue: 1)
    public static let shaderWrite = MTLTextureUsage(rawValue: 2)
    public static let renderTarget = MTLTextureUsage(rawValue: 4)
}

public enum MTLPixelFormat: UInt, Sendable {
    case r8Unorm, r16Unorm, rg8Unorm, rg16Unorm, bgra8Unorm, rgba8Unorm, bgr10a2Unorm, rgba16Float
}
