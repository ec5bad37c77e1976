/// Messages as they arrive: what ``Channel/messages`` and ``ReceiveRight/messages`` give.
///
/// It ends where there can be no further message. Several iterations at once share the messages among them.
/// If one throws `malformed` or `unsupported`, that message is destroyed, and another iteration goes on with the next.
public struct Messages: AsyncSequence, Sendable {
    public typealias Element = Message

    let end: SurfacePortError.Status
    let descriptor: Int32
    let take: @Sendable () throws(SurfacePortError) -> Message

    init(
        endsWith end: SurfacePortError.Status, descriptor: Int32,
        take: @escaping @Sendable () throws(SurfacePortError) -> Message
    ) {
        self.end = end
        self.descriptor = descriptor
        self.take = take
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(messages: self)
    }

    public struct Iterator: AsyncIteratorProtocol {
        let messages: Messages

        public mutating func next() async throws -> Message? {
            try await take(isolation: nil)
        }

        // A message is for one thread at a time: this one keeps it on the caller's actor.
        @available(macOS 15, *)
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> Message? {
            try await take(isolation: actor)
        }

        private func take(isolation: isolated (any Actor)?) async throws -> Message? {
            do {
                return try await whenReady(messages.descriptor, isolation: isolation, messages.take)
            } catch let error as SurfacePortError where error.status == messages.end {
                return nil
            }
        }
    }
}
