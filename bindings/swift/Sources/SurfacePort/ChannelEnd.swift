import CSurfacePort

/// One end of a channel that is not in use yet: it can still be sent to the process that will use it.
///
/// A *broker* makes both ends and sends each to a process; so two meet that do not know each other, and the broker takes
/// no part in what they then say. Several threads may use it at once.
public final class ChannelEnd: @unchecked Sendable {
    let handle: OpaquePointer

    init(adopting handle: OpaquePointer) {
        self.handle = handle
    }

    /// Makes the two ends of a channel.
    public static func makePair() throws(SurfacePortError) -> (ChannelEnd, ChannelEnd) {
        var other: OpaquePointer?
        let one = try make { sfp_channel_end_create_pair($0, &other) }
        guard let other else {
            sfp_channel_end_release(one)
            throw SurfacePortError(status: .internal, detail: "a channel has one end only")
        }
        return (ChannelEnd(adopting: one), ChannelEnd(adopting: other))
    }

    deinit {
        sfp_channel_end_release(handle)
    }

    /// Makes this process the one that uses it; the end is empty then.
    /// - Throws: `wrongState` if it was opened or sent before.
    public func open() throws(SurfacePortError) -> Channel {
        Channel(adopting: try make { sfp_channel_end_open(handle, $0) })
    }
}
