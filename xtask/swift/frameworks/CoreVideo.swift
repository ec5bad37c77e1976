open class CVBuffer {}
public typealias CVPixelBuffer = CVBuffer
