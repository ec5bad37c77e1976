import CSurfacePort

/// A process, as the kernel says it: who sent a message, or who is at the other end.
public struct Sender: Hashable, Sendable {
    /// The process; 0 when it has no number here, because it lives in another PID namespace.
    public let processID: UInt32
    /// Its real user.
    public let userID: UInt32
    /// Its real group.
    public let groupID: UInt32

    init(_ sender: sfp_sender) {
        processID = sender.process_id
        userID = sender.user_id
        groupID = sender.group_id
    }

    init(_ ask: (UnsafeMutablePointer<sfp_sender>) -> Int32) throws(SurfacePortError) {
        var sender = sfp_sender()
        try check(ask(&sender))
        self.init(sender)
    }
}
