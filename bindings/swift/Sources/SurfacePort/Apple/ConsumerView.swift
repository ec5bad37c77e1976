#if canImport(SwiftUI) && canImport(AppKit) && canImport(IOSurface)
import SwiftUI

/// Shows what a consumer gets, in SwiftUI:
///
/// ```swift
/// ConsumerView(consumer)
/// ```
@available(macOS 10.15, *)
public struct ConsumerView: NSViewRepresentable {
    private let consumer: Consumer
    private let onEnd: (@MainActor (SurfacePortError?) -> Void)?

    /// - Parameter onEnd: Is called once, when no more frames come: with `nil` if the producer ended the stream, else
    ///   with the error.
    public init(_ consumer: Consumer, onEnd: (@MainActor (SurfacePortError?) -> Void)? = nil) {
        self.consumer = consumer
        self.onEnd = onEnd
    }

    public func makeNSView(context: Context) -> SurfaceView {
        let view = SurfaceView(frame: .zero)
        view.onEnd = onEnd
        view.consumer = consumer
        return view
    }

    public func updateNSView(_ view: SurfaceView, context: Context) {
        guard view.consumer !== consumer else { return }
        view.onEnd = onEnd
        view.consumer = consumer
    }

    public static func dismantleNSView(_ view: SurfaceView, coordinator: ()) {
        view.consumer = nil
        view.clear()
    }
}
#endif
