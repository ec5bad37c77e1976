import CSurfacePort

/// A number, bytes, and up to 64 attachments. It owns all that it carries.
///
/// It is for one thread at a time, and so not `Sendable`. A message that was sent is empty: what is done with it then
/// throws `wrongState` or `invalidArgument`, and its parts are zero.
public final class Message {
    private(set) var handle: OpaquePointer?

    /// What an attachment is.
    public enum Attachment: UInt32, Sendable {
        /// Nothing: it was taken out.
        case none = 0
        case sendRight = 1
        case receiveRight = 2
        case memory = 3
        case surface = 4
        case fileDescriptor = 5
    }

    init(adopting handle: OpaquePointer) {
        self.handle = handle
    }

    /// Makes an empty message.
    /// - Parameter id: A number; what it means is for sender and receiver to agree.
    public init(id: UInt32) {
        guard let handle = sfp_message_create(id) else {
            fatalError("there is no memory for a message")
        }
        self.handle = handle
    }

    /// Makes a message with a text in UTF-8.
    /// - Throws: `tooLarge`.
    public convenience init(id: UInt32, text: String) throws(SurfacePortError) {
        self.init(id: id)
        try append(text)
    }

    deinit {
        sfp_message_release(handle)
    }

    /// A call of the library ended our reference.
    func wasSent() {
        handle = nil
    }

    /// Whether it was sent.
    public var isEmpty: Bool {
        handle == nil || sfp_message_is_empty(handle)
    }

    /// The number that it was made with.
    public var id: UInt32 {
        sfp_message_id(handle)
    }

    /// Adds bytes at the end of the payload. They are copied.
    /// - Throws: `tooLarge` over 256 MiB: the payload is unchanged.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(SurfacePortError) {
        try check(sfp_message_append(handle, bytes.baseAddress, bytes.count))
    }

    /// Adds bytes at the end of the payload. They are copied.
    public func append(_ bytes: [UInt8]) throws(SurfacePortError) {
        try check(bytes.withUnsafeBytes { sfp_message_append(handle, $0.baseAddress, $0.count) })
    }

    /// Adds a text in UTF-8 at the end of the payload, without an end mark.
    public func append(_ text: String) throws(SurfacePortError) {
        var text = text
        try check(text.withUTF8 { sfp_message_append(handle, $0.baseAddress, $0.count) })
    }

    /// Reads the payload where it lies. The bytes are valid in `body` only.
    public func withPayload<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        let count = sfp_message_payload_size(handle)
        return try body(UnsafeRawBufferPointer(start: sfp_message_payload(handle), count: count))
    }

    /// A copy of the payload.
    public var payload: [UInt8] {
        withPayload { Array($0) }
    }

    /// The payload as a text, if it is UTF-8.
    public var text: String? {
        withPayload { bytes in
            // What is not UTF-8 is repaired, and so becomes other bytes. `String(validating:as:)` needs macOS 15.
            let text = String(decoding: bytes, as: UTF8.self)
            return text.utf8.elementsEqual(bytes) ? text : nil
        }
    }

    // MARK: Attachments

    /// What the attachments are; one that was taken out keeps its place as `none`.
    public var attachments: [Attachment] {
        (0..<sfp_message_attachment_count(handle)).map {
            Attachment(rawValue: sfp_message_attachment_kind(handle, $0)) ?? .none
        }
    }

    /// Adds another right to the same port.
    /// - Throws: This one, and all that attach: `tooLarge` (64 attachments are the most), `wrongState`.
    public func attach(_ right: SendRight) throws(SurfacePortError) {
        try check(sfp_message_attach_send_right(handle, right.handle))
    }

    /// Moves a receive right, with all that is queued at the port; `right` is empty then.
    /// - Throws: `unsupported` if it came from a name; `wrongState` also while another thread uses it.
    public func attach(_ right: ReceiveRight) throws(SurfacePortError) {
        try check(sfp_message_attach_receive_right(handle, right.handle))
    }

    /// Adds a memory region: shared, not copied.
    public func attach(_ memory: Memory) throws(SurfacePortError) {
        try check(sfp_message_attach_memory(handle, memory.handle))
    }

    /// Adds a surface: shared, not copied.
    public func attach(_ surface: Surface) throws(SurfacePortError) {
        try check(sfp_message_attach_surface(handle, surface.handle))
    }

    /// Adds a duplicate of a file descriptor, which stays yours.
    public func attach(fileDescriptor: Int32) throws(SurfacePortError) {
        try check(sfp_message_attach_fd(handle, fileDescriptor))
    }

    /// Moves one end of a channel; it takes two places, and `end` is empty then.
    public func attach(_ end: ChannelEnd) throws(SurfacePortError) {
        try check(sfp_message_attach_channel_end(handle, end.handle))
    }

    /// Adds a right to consume; it takes two places.
    public func attach(_ right: ConsumerRight) throws(SurfacePortError) {
        try check(sfp_message_attach_consumer_right(handle, right.handle))
    }

    /// Takes a send right out. The other attachments keep their places.
    /// - Throws: This one, and all that take: `invalidArgument` (another kind is there, which stays, or none),
    ///   `wrongState`, `resourceExhausted` (it stays), `malformed`.
    public func takeSendRight(at index: Int) throws(SurfacePortError) -> SendRight {
        let index = try place(index)
        return SendRight(adopting: try make { sfp_message_take_send_right(handle, index, $0) })
    }

    /// Takes a receive right out.
    public func takeReceiveRight(at index: Int) throws(SurfacePortError) -> ReceiveRight {
        let index = try place(index)
        return ReceiveRight(adopting: try make { sfp_message_take_receive_right(handle, index, $0) })
    }

    /// Takes a memory region out.
    public func takeMemory(at index: Int) throws(SurfacePortError) -> Memory {
        let index = try place(index)
        return Memory(adopting: try make { sfp_message_take_memory(handle, index, $0) })
    }

    /// Takes a surface out.
    public func takeSurface(at index: Int) throws(SurfacePortError) -> Surface {
        let index = try place(index)
        return Surface(adopting: try make { sfp_message_take_surface(handle, index, $0) })
    }

    /// Takes a file descriptor out, which is yours to close.
    public func takeFileDescriptor(at index: Int) throws(SurfacePortError) -> Int32 {
        let index = try place(index)
        var descriptor: Int32 = -1
        try check(sfp_message_take_fd(handle, index, &descriptor))
        return descriptor
    }

    /// Takes an end of a channel out; `index` is the first of its two places.
    public func takeChannelEnd(at index: Int) throws(SurfacePortError) -> ChannelEnd {
        let index = try place(index)
        return ChannelEnd(adopting: try make { sfp_message_take_channel_end(handle, index, $0) })
    }

    /// Takes a right to consume out; `index` is the first of its two places.
    public func takeConsumerRight(at index: Int) throws(SurfacePortError) -> ConsumerRight {
        let index = try place(index)
        return ConsumerRight(adopting: try make { sfp_message_take_consumer_right(handle, index, $0) })
    }

    private func place(_ index: Int) throws(SurfacePortError) -> Int {
        guard index >= 0 else {
            throw SurfacePortError(status: .invalidArgument, detail: "the place of an attachment is negative")
        }
        return index
    }

    // MARK: Sender and answer

    /// Who sent it, as the kernel says it of this very message.
    /// - Throws: `notFound` (it was made here), `wrongState`.
    public var sender: Sender {
        get throws(SurfacePortError) {
            try Sender { sfp_message_sender(handle, $0) }
        }
    }

    /// Whether it is a request that waits for an answer.
    public var hasReplyRight: Bool {
        sfp_message_has_reply_right(handle)
    }

    /// Answers it. The answer is empty then, and this request has no right to answer any more.
    /// - Throws: As ``SendRight/send(_:timeout:)``; `wrongState` if it is no request, or was answered.
    public func reply(_ answer: Message, timeout: Duration? = nil) throws(SurfacePortError) {
        try check(sfp_message_reply(handle, answer.handle, nanoseconds(timeout)))
        answer.wasSent()
    }

    /// Takes the right to answer out, to answer later or from elsewhere.
    public func takeReplyRight() throws(SurfacePortError) -> SendOnceRight {
        SendOnceRight(adopting: try make { sfp_message_take_reply_right(handle, $0) })
    }

    /// Sends a right to answer with it; `right` is empty then.
    public func setReplyRight(_ right: SendOnceRight) throws(SurfacePortError) {
        try check(sfp_message_set_reply_right(handle, right.handle))
    }
}
