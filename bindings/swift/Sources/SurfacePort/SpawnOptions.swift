import CSurfacePort

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// How ``Host/spawn(_:options:)`` starts a child.
public struct SpawnOptions: Hashable, Sendable {
    /// Variables for its environment, over those of this process.
    public var environment: [String: String] = [:]
    /// Whether its environment has ``environment`` only, and nothing of this process's.
    public var clearEnvironment = false
    /// Its working folder; `nil` is this process's. A relative path of the program starts there.
    public var directory: String?
    /// How long it has to say hello; `nil` has no end.
    public var helloTimeout: Duration? = .seconds(10)
    /// How long it has to end by itself when its host ends; `nil` never kills it.
    public var grace: Duration? = .seconds(1)
    /// What happens to a child that still runs then.
    public var endOfLife = EndOfLife.kill
    /// Whether another process than the one that was started may say hello: for wrappers, such as a shell script.
    /// Whatever inherits the descriptors can take the child's place then.
    public var allowDescendants = false

    /// What happens to a child that still runs when its host ends.
    public enum EndOfLife: UInt32, Sendable {
        /// After ``SpawnOptions/grace`` it is killed; either way it is reaped, and the host's end waits for that.
        case kill = 0
        /// It is left to itself.
        case leave = 1
    }

    /// Options with their defaults.
    public init() {}

    /// Calls `body` with the options of the C API, which are valid there only.
    func withNative(_ arguments: [String], _ body: (inout sfp_spawn_options) throws(SurfacePortError) -> Void)
        throws(SurfacePortError)
    {
        let texts = arguments + environment.map { "\($0.key)=\($0.value)" } + (directory.map { [$0] } ?? [])
        guard !arguments.isEmpty, !texts.contains(where: { $0.utf8.contains(0) }) else {
            throw SurfacePortError(status: .invalidArgument, detail: "no program is named, or a text has a NUL in it")
        }
        let copies = texts.map { strdup($0) }
        defer { copies.forEach { free($0) } }
        let all = copies.map { UnsafePointer<CChar>($0) }
        let argv = Array(all[..<arguments.count]) + [nil]
        let entries = Array(all[arguments.count..<arguments.count + environment.count]) + [nil]

        var options = sfp_spawn_options()
        options.struct_size = MemoryLayout<sfp_spawn_options>.size
        options.directory = directory == nil ? nil : all[all.count - 1]
        // 0 is the default there; who wants none gets the shortest one.
        options.hello_timeout_ns = helloTimeout == .zero ? 1 : nanoseconds(helloTimeout)
        options.grace_ns = grace == .zero ? 1 : nanoseconds(grace)
        options.end_of_life = endOfLife.rawValue
        options.clear_environment = clearEnvironment
        options.allow_descendants = allowDescendants

        let result = argv.withUnsafeBufferPointer { argv in
            entries.withUnsafeBufferPointer { entries in
                options.argv = argv.baseAddress
                options.environment = entries.baseAddress
                return Result { () throws(SurfacePortError) in try body(&options) }
            }
        }
        try result.get()
    }
}
