// The child of the interoperation tests: presents 100 frames and exchanges the messages. Exits with 0, or says on
// standard error what was different and exits with 1.

import SurfacePort

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

struct Difference: Error, CustomStringConvertible {
    let description: String
}

func expect(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    if !condition { throw Difference(description: what()) }
}

let limit = Duration.seconds(30)
let (width, height) = (64, 48)

func checkGreeting(_ channel: Channel) throws {
    let message = try channel.receive(timeout: limit)
    try expect(message.id == 1, "a message with the id \(message.id), not 1")
    try expect(message.text == "hello from the host", "message 1 is \(message.text ?? "no text")")
    try expect(message.attachments == [.surface], "message 1 has the attachments \(message.attachments)")
    let surface = try message.takeSurface(at: 0)
    try expect(surface.width == 8 && surface.height == 8 && surface.format == .bgra8, "the surface is another one")
    try surface.withPixels { pixels in
        for y in 0..<pixels.height {
            let row = pixels.row(y, as: UInt32.self)
            try expect(row.allSatisfy { $0 == 0x1111_1111 }, "row \(y) of the surface has other bytes")
        }
    }
}

func answer(_ channel: Channel) throws {
    let memory = try Memory(size: 4096)
    try memory.write(Array("from the child".utf8))
    let message = try Message(id: 2, text: "hello from the child")
    try message.attach(memory)
    try channel.send(message, timeout: limit)
}

func present(_ n: UInt32, to frames: Producer) throws {
    guard let image = try frames.acquire(timeout: limit) else {
        throw Difference(description: "the host is gone before frame \(n)")
    }
    try image.withPixels { pixels in
        for y in 0..<height {
            let row = pixels.row(y, as: UInt32.self)
            for x in 0..<width {
                row[x] = (n &* 0x010203 &+ UInt32(y * width + x)).littleEndian
            }
        }
    }
    let number = withUnsafeBytes(of: UInt64(n).littleEndian) { Array($0) }
    try frames.present(image, PresentInfo(userData: number))
}

func run() throws {
    let host = try Child.connect(timeout: limit)
    let frames = try host.producer(SwapchainOptions(width: width, height: height, images: 3, mode: .fifo))
    let channel = try host.channel()
    try checkGreeting(channel)
    try answer(channel)
    for n in 0..<UInt32(100) {
        try present(n, to: frames)
    }
    let bye = try channel.receive(timeout: limit)
    try expect(bye.id == 3 && bye.text == "bye", "message \(bye.id) is \(bye.text ?? "no text")")
}

do {
    try run()
} catch {
    "child in Swift: \(error)\n".withCString { _ = write(STDERR_FILENO, $0, strlen($0)) }
    exit(1)
}
