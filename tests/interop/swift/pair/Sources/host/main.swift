// The host of the interoperation tests: spawns the child that its arguments name, checks 100 frames and the messages.
// Prints `ok` and exits with 0, or says on standard error what was different and exits with 1.

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

func greet(_ channel: Channel) throws {
    let surface = try Surface(width: 8, height: 8)
    try surface.withPixels(.write) { pixels in
        for y in 0..<pixels.height {
            pixels.row(y, as: UInt32.self).update(repeating: 0x1111_1111)
        }
    }
    let message = try Message(id: 1, text: "hello from the host")
    try message.attach(surface)
    try channel.send(message, timeout: limit)
}

func checkFrame(_ frame: Frame, is n: UInt32) throws {
    let surface = frame.surface
    try expect(surface.width == width && surface.height == height, "frame \(n) is \(surface.width) x \(surface.height)")
    try expect(surface.format == .bgra8, "frame \(n) has the format \(surface.format)")
    try frame.withPixels { pixels in
        for y in 0..<height {
            let row = pixels.row(y, as: UInt32.self)
            for x in 0..<width {
                let expected = n &* 0x010203 &+ UInt32(y * width + x)
                let found = UInt32(littleEndian: row[x])
                try expect(found == expected, "frame \(n), (\(x), \(y)): \(found), not \(expected)")
            }
        }
    }
    let number = try frame.info.userData.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    try expect(number == UInt64(n), "frame \(n) has the user data \(number)")
}

func checkAnswer(_ channel: Channel) throws {
    let message = try channel.receive(timeout: limit)
    try expect(message.id == 2, "a message with the id \(message.id), not 2")
    try expect(message.text == "hello from the child", "message 2 is \(message.text ?? "no text")")
    try expect(message.attachments == [.memory], "message 2 has the attachments \(message.attachments)")
    let memory = try message.takeMemory(at: 0)
    try expect(memory.size == 4096, "the memory has \(memory.size) bytes")
    let text = Array("from the child".utf8)
    try expect(try memory.read(count: text.count) == text, "the memory begins with something else")
}

func run() throws {
    let host = try Host.spawn(Array(CommandLine.arguments.dropFirst()))
    let frames = try host.acceptConsumer(timeout: limit)
    let channel = try host.openChannel(timeout: limit)
    try greet(channel)
    for n in 0..<UInt32(100) {
        guard let frame = try frames.acquire(timeout: limit) else {
            throw Difference(description: "the stream ended before frame \(n)")
        }
        try checkFrame(frame, is: n)
    }
    try checkAnswer(channel)
    try channel.send(Message(id: 3, text: "bye"), timeout: limit)
    try expect(try frames.acquire(timeout: limit) == nil, "there is a frame after the last one")
    let exit = try host.waitExit(timeout: limit)
    try expect(exit == .exited(0), "the child's end: \(exit)")
}

do {
    try run()
    print("ok")
} catch {
    "host in Swift: \(error)\n".withCString { _ = write(STDERR_FILENO, $0, strlen($0)) }
    exit(1)
}
