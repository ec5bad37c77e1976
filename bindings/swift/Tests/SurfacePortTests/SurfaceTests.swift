import XCTest

@testable import SurfacePort

final class SurfaceTests: XCTestCase {
    func testPixelsAreShared() throws {
        let surface = try Surface(width: 5, height: 3)
        let seed = surface.seed
        try surface.withPixels(.write) { pixels in
            XCTAssertEqual(pixels.width, 5)
            XCTAssertEqual(pixels.height, 3)
            for y in 0..<3 { for x in 0..<5 { pixels.row(y, as: UInt32.self)[x] = UInt32(y * 5 + x) } }
        }
        XCTAssertNotEqual(surface.seed, seed)

        let (one, other) = try ChannelEnd.makePair()
        let (a, b) = (try one.open(), try other.open())
        let message = Message(id: 1)
        try message.attach(surface)
        try a.send(message)
        let arrived = try b.receive(timeout: limit).takeSurface(at: 0)
        try surface.withPixels(.write) { $0.row(2, as: UInt32.self)[4] = 99 }
        try arrived.withPixels { pixels in
            XCTAssertEqual(pixels.row(1, as: UInt32.self)[2], 7)
            XCTAssertEqual(pixels.row(2, as: UInt32.self)[4], 99)
        }
    }

    func testPrefaultKeepsTheContents() throws {
        let surface = try Surface(width: 1001, height: 77)
        let memory = try Memory(size: 5000)
        try memory.write([1, 2, 3], at: 4096)
        try surface.prefault()
        try memory.prefault()
        XCTAssertEqual(try memory.read(at: 4096, count: 3), [1, 2, 3])
    }

    func testPlanes() throws {
        let surface = try Surface(width: 64, height: 32, format: .nv12)
        XCTAssertEqual(surface.format, .nv12)
        XCTAssertEqual(surface.planes.map(\.width), [64, 32])
        XCTAssertEqual(surface.planes.map(\.height), [32, 16])
        XCTAssertEqual(surface.planes.map(\.bytesPerElement), [1, 2])
    }

    func testWhatCannotBe() {
        assertThrows(.invalidArgument) { try Surface(width: 0, height: 1) }
        assertThrows(.invalidArgument) { try Surface(width: -1, height: 1) }
        assertThrows(.invalidArgument) { try Memory(size: -1) }
        assertThrows(.invalidArgument) { try Memory(size: 8).read(at: 4, count: 5) }
        assertThrows(.invalidArgument) { try Memory(size: 8).write([1, 2], at: 7) }
        assertThrows(.invalidArgument) { try Producer(SwapchainOptions(width: 8, height: 8, images: 0)) }
    }

    func testAnErrorOfTheBodyEndsTheLock() throws {
        struct Mine: Error {}
        let surface = try Surface(width: 4, height: 4)
        XCTAssertThrowsError(try surface.withPixels { _ in throw Mine() }) { XCTAssertTrue($0 is Mine) }

        // An image has one lock at a time, so that one left behind would be seen.
        let producer = try Producer(SwapchainOptions(width: 4, height: 4))
        let right = try producer.makeConsumerRight()
        let image = try XCTUnwrap(try producer.acquire(timeout: limit))
        XCTAssertThrowsError(try image.withPixels { _ in throw Mine() }) { XCTAssertTrue($0 is Mine) }
        try image.withPixels { _ in }
        withExtendedLifetime(right) {}
    }

    func testValues() throws {
        let surface = try Surface(width: 4, height: 4)
        XCTAssertNil(try surface.value(for: "none"))
        let long = [UInt8](repeating: 7, count: 1000)
        try surface.setValue(long, for: "long")
        try surface.setValue([], for: "empty")
        XCTAssertEqual(try surface.value(for: "long"), long)
        XCTAssertEqual(try surface.value(for: "empty"), [])
        XCTAssertEqual(Set(try surface.valueNames), ["long", "empty"])
        try surface.removeValue(for: "long")
        XCTAssertNil(try surface.value(for: "long"))
        try surface.setColorSpace(.bt2020)
        XCTAssertEqual(try surface.colorSpace, .bt2020)
    }

    func testUsesAndPurgeableState() throws {
        let surface = try Surface(width: 4, height: 4)
        XCTAssertFalse(surface.isInUse)
        try surface.beginUse()
        XCTAssertTrue(surface.isInUse)
        XCTAssertEqual(surface.useCount, 1)
        try surface.endUse()
        assertThrows(.wrongState) { try surface.endUse() }
        XCTAssertEqual(try surface.setPurgeable(.volatile), .nonVolatile)
        XCTAssertEqual(try surface.purgeable, .volatile)
    }

    func testNothingIsLeft() throws {
        let (surfaces, descriptors) = (try Surface.liveSurfaces().count, try openDescriptors())
        for _ in 0..<100 {
            let producer = try Producer(SwapchainOptions(width: 8, height: 8, mode: .fifo))
            let consumer = try producer.makeConsumerRight().attach()
            let image = try XCTUnwrap(try producer.acquire(timeout: limit))
            try producer.present(image)
            let frame = try XCTUnwrap(try consumer.acquire(timeout: limit))
            XCTAssertEqual(frame.surface.width, 8)
            let memory = try Memory(size: 64)
            let message = Message(id: 1)
            try message.attach(memory)
            try message.attach(frame.surface)
        }
        // What other tests had may still go meanwhile, so there can be less; a leak would be a hundred.
        XCTAssertLessThan(try Surface.liveSurfaces().count, surfaces + 10)
        XCTAssertLessThan(try openDescriptors(), descriptors + 10)
    }
}
