import XCTest

@testable import SurfacePort

final class MessageTests: XCTestCase {
    func testAMessageCarriesWhatItWasGiven() throws {
        let right = try ReceiveRight()
        let send = try right.makeSendRight()
        let other = try ReceiveRight()
        let memory = try Memory(size: 4096)
        try memory.write([1, 2, 3], at: 7)

        let message = try Message(id: 5, text: "päckchen")
        try message.append([0, 255])
        try message.attach(memory)
        try message.attach(try Surface(width: 4, height: 4))
        try message.attach(try other.makeSendRight())
        try message.attach(other)
        try message.attach(fileDescriptor: 0)
        try send.send(message)
        XCTAssertTrue(message.isEmpty)
        assertThrows(.invalidArgument) { try send.send(message) }

        let received = try right.receive(timeout: limit)
        XCTAssertEqual(received.id, 5)
        XCTAssertEqual(received.payload, Array("päckchen".utf8) + [0, 255])
        XCTAssertNil(received.text)
        XCTAssertEqual(Message(id: 1).text, "")
        XCTAssertEqual(try Message(id: 1, text: "\u{fffd}").text, "\u{fffd}")
        XCTAssertEqual(received.attachments, [.memory, .surface, .sendRight, .receiveRight, .fileDescriptor])
        XCTAssertEqual(try received.takeMemory(at: 0).read(at: 7, count: 3), [1, 2, 3])
        XCTAssertEqual(try received.takeSurface(at: 1).width, 4)
        let back = try received.takeSendRight(at: 2)
        let moved = try received.takeReceiveRight(at: 3)
        try back.send(Message(id: 6))
        XCTAssertEqual(try moved.receive(timeout: limit).id, 6)
        close(try received.takeFileDescriptor(at: 4))
        XCTAssertEqual(received.attachments, [.none, .none, .none, .none, .none])
        assertThrows(.invalidArgument) { try received.takeMemory(at: 0) }
        assertThrows(.invalidArgument) { try received.takeMemory(at: -1) }
        XCTAssertEqual(try received.sender.processID, UInt32(getpid()))
    }

    func testWhatFailsLeavesTheMessageWhole() throws {
        let right = try ReceiveRight()
        let send = try right.makeSendRight()
        withExtendedLifetime(right) { XCTAssertFalse(send.isDead) }
        var dead: ReceiveRight? = try ReceiveRight()
        let nobody = try dead!.makeSendRight()
        dead = nil
        XCTAssertTrue(nobody.isDead)
        let message = try Message(id: 1, text: "still here")
        assertThrows(.peerDead) { try nobody.send(message) }
        XCTAssertFalse(message.isEmpty)
        try send.send(message)
        XCTAssertEqual(try right.receive(timeout: limit).text, "still here")
    }

    func testNothingToReceive() async throws {
        let right = try ReceiveRight()
        assertThrows(.timedOut) { try right.receive(timeout: .zero) }
        var first: SendRight? = try right.makeSendRight()
        withExtendedLifetime(first) {}
        first = nil
        assertThrows(.noSenders) { try right.receive(timeout: limit) }
        let send = try right.makeSendRight()
        assertThrows(.timedOut) { try right.receive(timeout: .milliseconds(1)) }
        let waiting = Task { try await right.receive().id }
        try send.send(Message(id: 77))
        let id = try await waiting.value
        XCTAssertEqual(id, 77)
    }

    func testACancelledTaskStopsToWait() async throws {
        let right = try ReceiveRight()
        let send = try right.makeSendRight()
        let waiting = Task { try await right.receive().id }
        waiting.cancel()
        do {
            _ = try await waiting.value
            XCTFail("nothing was thrown")
        } catch {
            XCTAssertTrue(error is CancellationError, "\(error)")
        }
        // Nothing was lost, and the descriptor is still good.
        try send.send(Message(id: 3))
        let id = try await right.receive().id
        XCTAssertEqual(id, 3)
    }

    func testWaitsLeaveNothing() async throws {
        let descriptors = try openDescriptors()
        for id in 1...UInt32(100) {
            let right = try ReceiveRight()
            let send = try right.makeSendRight()
            let waiting = Task { try await right.receive().id }
            try send.send(Message(id: id), timeout: limit)
            let received = try await waiting.value
            XCTAssertEqual(received, id)
        }
        XCTAssertLessThan(try openDescriptors(), descriptors + 10)
    }

    func testMessagesAreASequenceOnAnActor() async throws {
        let right = try ReceiveRight()
        var send: SendRight? = try right.makeSendRight()
        for id in 1...5 { try send!.send(Message(id: UInt32(id))) }
        send = nil
        let ids = try await idsOnTheMainActor(of: right)
        XCTAssertEqual(ids, [1, 2, 3, 4, 5])
    }

    func testPortSet() async throws {
        let set = try PortSet()
        let (one, two) = (try ReceiveRight(), try ReceiveRight())
        let toTwo = try two.makeSendRight()
        try set.add(one, key: 1)
        try set.add(two, key: 2)
        assertThrows(.alreadyExists) { try set.add(one, key: 2) }
        let toOne = try one.makeSendRight()
        assertThrows(.timedOut) { try set.wait(timeout: .zero) }
        try toTwo.send(Message(id: 1))
        let event = try await set.next()
        XCTAssertEqual(event, .canReceive(key: 2))
        try set.remove(key: 1)
        assertThrows(.notFound) { try set.remove(key: 1) }
        withExtendedLifetime(toOne) {}
    }

    func testANameFindsItsPort() throws {
        let name = "swift-test-\(getpid())"
        let right = try Bootstrap.checkIn(name)
        assertThrows(.alreadyExists) { try Bootstrap.checkIn(name) }
        let send = try Bootstrap.lookUp(name, timeout: limit)
        try send.send(Message(id: 9), timeout: limit)
        XCTAssertEqual(try right.receive(timeout: limit).id, 9)
    }

    #if os(Linux)
    func testAChannelEndIsTwoDescriptors() throws {
        let (one, other) = try ChannelEnd.makePair()
        let descriptors = try one.intoFileDescriptors()
        assertThrows(.wrongState) { try one.open() }
        let again = try ChannelEnd(receiving: descriptors.receiving, sending: descriptors.sending)
        close(descriptors.receiving)
        close(descriptors.sending)
        let (a, b) = (try again.open(), try other.open())
        try a.send(Message(id: 8), timeout: limit)
        XCTAssertEqual(try b.receive(timeout: limit).id, 8)
        assertThrows(.invalidArgument) { try ChannelEnd(receiving: -1, sending: -1) }
    }
    #endif

    func testChannelEndsMeet() async throws {
        let (one, other) = try ChannelEnd.makePair()
        let (a, b) = (try one.open(), try other.open())
        assertThrows(.wrongState) { try one.open() }
        try a.send(Message(id: 4, text: "a"))
        let message = try await b.receive()
        XCTAssertEqual(message.text, "a")
        XCTAssertEqual(try b.peer.processID, UInt32(getpid()))
    }
}

/// A message is not `Sendable`, so that this compiles only if it stays on the actor that waits for it.
@MainActor
private func idsOnTheMainActor(of right: ReceiveRight) async throws -> [UInt32] {
    var ids: [UInt32] = []
    for try await message in right.messages { ids.append(message.id) }
    return ids
}
