#if canImport(QuartzCore) && canImport(IOSurface)
import IOSurface
import QuartzCore

/// Shows frames as the contents of a layer: the window server reads the surface itself, and nothing is copied.
///
/// It holds the frame that is shown, and the one before it until the next, because the window server may still read
/// that.
@MainActor
public final class LayerPresenter {
    /// Where frames are shown.
    public let layer: CALayer
    private var shown: Frame?
    private var before: Frame?

    /// Presents in a layer, whose contents are the presenter's from now on.
    public init(layer: CALayer) {
        self.layer = layer
    }

    /// Shows a frame, without an animation.
    /// - Throws: `unsupported`: its backing is plain memory, which no layer can show without a copy.
    public func show(_ frame: Frame) throws(SurfacePortError) {
        guard let ioSurface = frame.surface.ioSurface else {
            throw SurfacePortError(status: .unsupported, detail: "a surface of plain memory has no IOSurface")
        }
        CATransaction.begin()
        CATransaction.setDisableActions(true)
        layer.contents = ioSurface
        CATransaction.commit()
        before = shown
        shown = frame
    }

    /// Shows nothing any more, and lets go of its frames.
    public func clear() {
        layer.contents = nil
        before = nil
        shown = nil
    }
}
#endif
