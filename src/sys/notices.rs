//! What port sets and doorbells say.

/// What a set says is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    /// The receive right of that key has a message or a notice.
    Receive(u64),
    /// The receive right behind the watched send right of that key is gone. Said once.
    Dead(u64),
}

/// What has come since the doorbell was last looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rung {
    No,
    Yes,
    /// The ringer is gone; nobody will ring again.
    RingerDead,
}
