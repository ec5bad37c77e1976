#if canImport(Darwin)
import CSurfacePort
import Dispatch

/// Swift's closure as what the sources of the C API call: a function with a context.
final class ReadyHandler {
    let body: () -> Void

    init(_ body: @escaping () -> Void) {
        self.body = body
    }

    /// Calls `create` with the two functions and the context. The source owns the context then; if there is none, it
    /// is given back here.
    static func make<Source>(
        _ body: @escaping () -> Void,
        _ create: (@escaping sfp_ready_callback, UnsafeMutableRawPointer, @escaping sfp_context_release) -> Source?
    ) throws(SurfacePortError) -> Source {
        let context = Unmanaged.passRetained(ReadyHandler(body))
        let source = create(
            { Unmanaged<ReadyHandler>.fromOpaque($0!).takeUnretainedValue().body() },
            context.toOpaque(),
            { Unmanaged<ReadyHandler>.fromOpaque($0!).release() })
        guard let source else {
            let error = SurfacePortError.last()
            context.release()
            throw error
        }
        return source
    }
}
#endif
