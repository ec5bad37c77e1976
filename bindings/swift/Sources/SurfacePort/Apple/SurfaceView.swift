#if canImport(AppKit) && canImport(QuartzCore) && canImport(IOSurface)
import AppKit
import QuartzCore

/// Shows what a consumer gets, in step with the display.
///
/// From macOS 14 the view's display link takes the newest frame at each refresh; before, a dispatch source of the main
/// queue takes frames as they come. Nothing runs while the view is in no window.
@MainActor
public final class SurfaceView: NSView {
    /// What is shown. Set it to `nil` to let go of the consumer; the last frame stays until ``clear()``.
    public var consumer: Consumer? {
        didSet { restart() }
    }

    /// Is called once, when no more frames come: with `nil` if the producer ended the stream, else with the error.
    public var onEnd: (@MainActor (SurfacePortError?) -> Void)?

    private lazy var presenter = LayerPresenter(layer: makePresentedLayer())
    /// A `CADisplayLink`, or what ends the dispatch source.
    private var stopFrames: (() -> Void)?

    public override init(frame: NSRect) {
        super.init(frame: frame)
        wantsLayer = true
    }

    public required init?(coder: NSCoder) {
        super.init(coder: coder)
        wantsLayer = true
    }

    private func makePresentedLayer() -> CALayer {
        wantsLayer = true
        let layer = self.layer ?? CALayer()
        layer.contentsGravity = .resizeAspect
        return layer
    }

    public override func viewDidMoveToWindow() {
        super.viewDidMoveToWindow()
        restart()
    }

    /// Shows one frame, which you took yourself.
    /// - Throws: `unsupported`: its backing is plain memory.
    public func show(_ frame: Frame) throws(SurfacePortError) {
        try presenter.show(frame)
    }

    /// Shows nothing any more.
    public func clear() {
        presenter.clear()
    }

    private func restart() {
        stopFrames?()
        stopFrames = nil
        guard let consumer, window != nil else { return }
        if #available(macOS 14.0, *) {
            let link = displayLink(target: self, selector: #selector(refresh))
            link.add(to: .main, forMode: .common)
            stopFrames = { link.invalidate() }
        } else {
            do {
                let source = try consumer.makeDispatchSource(queue: .main) { [weak self] in
                    MainActor.assumeIsolated { self?.takeFrame() }
                }
                source.activate()
                stopFrames = { source.cancel() }
                // Only who found no frame is told of the next one.
                takeFrame()
            } catch {
                end(error)
            }
        }
    }

    @available(macOS 14.0, *)
    @objc private func refresh(_ link: CADisplayLink) {
        takeFrame()
    }

    /// Takes all frames that are there, and shows the last one of them.
    private func takeFrame() {
        guard let consumer else { return }
        var newest: Frame?
        do {
            while true {
                guard let frame = try consumer.acquire(timeout: .zero) else {
                    show(last: newest)
                    return end(nil)
                }
                newest = frame
            }
        } catch {
            show(last: newest)
            if error.status != .timedOut { end(error) }
        }
    }

    private func show(last frame: Frame?) {
        guard let frame else { return }
        do {
            try presenter.show(frame)
        } catch {
            end(error)
        }
    }

    private func end(_ error: SurfacePortError?) {
        stopFrames?()
        stopFrames = nil
        let tell = onEnd
        onEnd = nil
        tell?(error)
    }
}
#endif
