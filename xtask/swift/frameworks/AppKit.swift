@_exported import Foundation
@_exported import QuartzCore
import ObjectiveC

@MainActor
open class NSResponder {
    public init() {}
    public required init?(coder: NSCoder) {}
}

@MainActor
open class NSWindow: NSResponder {}

@MainActor
open class NSView: NSResponder {
    public init(frame frameRect: NSRect) { super.init() }
    public required init?(coder: NSCoder) { super.init(coder: coder) }
    open var wantsLayer = false
    open var layer: CALayer?
    open var window: NSWindow? { nil }
    open func viewDidMoveToWindow() {}
    @available(macOS 14.0, *)
    open func displayLink(target: Any, selector: Selector) -> CADisplayLink { fatalError() }
}
