#if canImport(Metal) && canImport(IOSurface)
import IOSurface
import Metal

extension Surface {
    /// A texture over its memory, without a copy. It keeps the memory; of a frame or an image, keep that too until the
    /// GPU is done with the texture.
    /// - Parameters:
    ///   - plane: Which plane, from 0; a Y'CbCr surface has a texture for each.
    ///   - usage: What the GPU does with it. To draw into it, ``Image/makeTexture(device:plane:)`` asks for more.
    /// - Throws: `unsupported` (there is no pixel format of Metal for it, its backing is plain memory, or the device
    ///   does not make the texture), `invalidArgument` (there is no such plane).
    public func makeTexture(
        device: any MTLDevice, plane: Int = 0, usage: MTLTextureUsage = .shaderRead
    ) throws(SurfacePortError) -> any MTLTexture {
        let planes = planes
        guard planes.indices.contains(plane) else {
            throw SurfacePortError(status: .invalidArgument, detail: "the surface has no plane \(plane)")
        }
        guard let pixelFormat = format.metal(plane: plane) else {
            throw SurfacePortError(status: .unsupported, detail: "Metal has no pixel format for \(format)")
        }
        guard let ioSurface else {
            throw SurfacePortError(status: .unsupported, detail: "a surface of plain memory has no IOSurface")
        }
        let descriptor = MTLTextureDescriptor.texture2DDescriptor(
            pixelFormat: pixelFormat, width: planes[plane].width, height: planes[plane].height, mipmapped: false)
        descriptor.usage = usage
        #if os(macOS)
        descriptor.storageMode = device.hasUnifiedMemory ? .shared : .managed
        #endif
        guard let texture = device.makeTexture(descriptor: descriptor, iosurface: ioSurface, plane: plane) else {
            throw SurfacePortError(status: .unsupported, detail: "the device does not make a texture of the surface")
        }
        return texture
    }
}

extension PixelFormat {
    /// What Metal calls the elements of a plane.
    func metal(plane: Int) -> MTLPixelFormat? {
        switch self {
        case .bgra8: return .bgra8Unorm
        case .rgba8: return .rgba8Unorm
        case .rgb10a2: return .bgr10a2Unorm
        case .rgba16f: return .rgba16Float
        case .r8, .i420: return .r8Unorm
        case .rg8: return .rg8Unorm
        case .nv12, .nv12Full, .nv16, .nv16Full, .nv24, .nv24Full: return plane == 0 ? .r8Unorm : .rg8Unorm
        case .p010: return plane == 0 ? .r16Unorm : .rg16Unorm
        default: return nil
        }
    }
}

extension Frame {
    /// A texture to read. Keep the frame until the GPU is done with it.
    /// - Throws: As ``Surface/makeTexture(device:plane:usage:)``.
    public func texture(_ device: any MTLDevice, plane: Int = 0) throws(SurfacePortError) -> any MTLTexture {
        try surface.makeTexture(device: device, plane: plane)
    }
}

extension Image {
    /// A texture to draw into. Present the image when the GPU is done: ``Producer/present(_:_:after:onFailure:)``.
    /// - Throws: As ``Surface/makeTexture(device:plane:usage:)``.
    public func makeTexture(device: any MTLDevice, plane: Int = 0) throws(SurfacePortError) -> any MTLTexture {
        try surface.makeTexture(
            device: device, plane: plane, usage: [.shaderRead, .shaderWrite, .renderTarget])
    }

    /// A texture to draw into.
    public func texture(_ device: any MTLDevice) throws(SurfacePortError) -> any MTLTexture {
        try makeTexture(device: device)
    }
}

extension Producer {
    /// Presents an image when the GPU has done this command buffer. It does not wait; call it before the buffer is
    /// committed. If the GPU fails, the image is given back undrawn.
    /// - Parameter onFailure: Is called, on a thread of Metal, with why it could not be presented.
    public func present(
        _ image: sending Image, _ info: PresentInfo? = nil, after commandBuffer: any MTLCommandBuffer,
        onFailure: (@Sendable (any Error) -> Void)? = nil
    ) {
        let drawn = Drawn(image: image)
        commandBuffer.addCompletedHandler { buffer in
            if let error = buffer.error {
                onFailure?(error)
                return
            }
            do {
                try self.present(drawn.image, info)
            } catch {
                onFailure?(error)
            }
        }
    }
}

/// An image on its way to the one thread that presents it.
private struct Drawn: @unchecked Sendable {
    let image: Image
}
#endif
