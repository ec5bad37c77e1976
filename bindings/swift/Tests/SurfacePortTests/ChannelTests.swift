import XCTest

@testable import SurfacePort

/// Channels inside one process.
final class ChannelTests: XCTestCase {
    private func makeChannel() throws -> (Channel, Channel) {
        let (one, other) = try ChannelEnd.makePair()
        return (try one.open(), try other.open())
    }

    /// Has messages go through shared memory.
    private func warmUp(_ one: Channel, _ other: Channel) throws {
        for n in 0..<20 {
            try one.send(Message(id: UInt32(n)), timeout: limit)
            XCTAssertEqual(try other.receive(timeout: limit).id, UInt32(n))
        }
    }

    /// What a wait in vain takes of the processor, in nanoseconds.
    private func work(ofWaitAt channel: Channel) -> UInt64 {
        let before = threadTime()
        assertThrows(.timedOut) { try channel.receive(timeout: .milliseconds(200)) }
        return threadTime() - before
    }

    private func threadTime() -> UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }

    func testASpinTimeIsHowLongAWaitWatches() throws {
        let (one, other) = try makeChannel()
        try warmUp(one, other)
        try other.setSpinTime(.zero)
        _ = work(ofWaitAt: other)  // The first one pays for more than itself.
        let asleep = work(ofWaitAt: other)
        try other.setSpinTime(.seconds(1_000_000))
        XCTAssertGreaterThan(work(ofWaitAt: other), 4 * asleep)
        try other.setSpinTime(.zero)
        try warmUp(one, other)
    }

    func testAFullQueueDropsWhatMayBeDropped() throws {
        let (one, other) = try makeChannel()
        for round in 0..<3 {
            XCTAssertEqual(one.dropped, UInt64(2 * round))
            var sent: UInt32 = 0
            while try one.sendOrDrop(Message(id: sent)) { sent += 1 }
            XCTAssertGreaterThan(sent, 1)
            let message = Message(id: 0)
            try message.attach(try Memory(size: 100))
            XCTAssertFalse(try one.sendOrDrop(message))
            XCTAssertTrue(message.isEmpty)
            for n in 0..<sent { XCTAssertEqual(try other.receive(timeout: limit).id, n) }
            assertThrows(.timedOut) { try other.receive(timeout: .zero) }
        }
    }

    private func isReadable(_ descriptor: Int32, milliseconds: Int32) -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&waiting, 1, milliseconds) == 1
    }

    func testADescriptorTellsOfRoom() throws {
        let (one, other) = try makeChannel()
        let room = try one.writableFileDescriptor
        XCTAssertTrue(isReadable(room, milliseconds: 0))
        for _ in 0..<3 {
            var sent: UInt32 = 0
            while try one.sendOrDrop(Message(id: sent)) { sent += 1 }
            var tries = 0
            while isReadable(room, milliseconds: 0), tries < 5 {  // It can be readable once too often.
                assertThrows(.timedOut) { try one.send(Message(id: 0), timeout: .zero) }
                tries += 1
            }
            XCTAssertLessThan(tries, 5)
            for n in 0..<sent { XCTAssertEqual(try other.receive(timeout: limit).id, n) }
            XCTAssertTrue(isReadable(room, milliseconds: 60_000))
            try one.send(Message(id: 7), timeout: .zero)
            XCTAssertEqual(try other.receive(timeout: limit).id, 7)
        }
    }

    func testSpinTimesOfFramesAreHowLongWaitsWatch() throws {
        let producer = try Producer(SwapchainOptions(width: 8, height: 8, mode: .fifo))
        let consumer = try producer.makeConsumerRight().attach()
        try producer.setSpinTime(.zero)
        try consumer.setSpinTime(.zero)
        func present() throws { try producer.present(try XCTUnwrap(try producer.acquire(timeout: limit))) }
        func work(_ wait: () throws -> Void) -> UInt64 {
            let before = threadTime()
            assertThrows(.timedOut) { try wait() }
            return threadTime() - before
        }
        let wait = Duration.milliseconds(200)
        func waitForFrame() throws { _ = try consumer.acquire(timeout: wait) }
        func waitForImage() throws { _ = try producer.acquire(timeout: wait) }
        try present()
        XCTAssertNotNil(try consumer.acquire(timeout: limit))
        _ = work(waitForFrame)
        let consumerAsleep = work(waitForFrame)
        try consumer.setSpinTime(.seconds(1_000_000))
        XCTAssertGreaterThan(work(waitForFrame), 4 * consumerAsleep)
        for _ in 0..<3 { try present() }
        _ = work(waitForImage)
        let producerAsleep = work(waitForImage)
        try producer.setSpinTime(.seconds(1_000_000))
        XCTAssertGreaterThan(work(waitForImage), 4 * producerAsleep)
    }
}
