// What the tests start as another process: it plays the role that its first argument names.

import SurfacePort

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

let limit = Duration.seconds(30)

/// Presents so many frames, the number of each in its first pixel, from 1.
func present(_ count: UInt32, to frames: Producer) async throws {
    for n in 1...count {
        guard let image = try await frames.acquire() else { return }
        try image.withPixels { $0.row(0, as: UInt32.self)[0] = n }
        let damage = PixelRectangle(x: n, y: 2, width: 3, height: 4)
        try frames.present(
            image, PresentInfo(displayTime: Int64(n), damage: damage, colorSpace: .displayP3, userData: [UInt8(n)]))
    }
}

let role = CommandLine.arguments.dropFirst().first ?? ""
switch role {
case "frames":
    try await present(20, to: try Child.connect().producer(width: 32, height: 16, mode: .fifo))

case "crash":
    // Dies with frames presented and the stream not ended. There are three images: an image for the fourth frame says
    // that the host has taken the first one, and so has the images.
    let frames = try Child.connect().producer(width: 32, height: 16, mode: .fifo)
    try await present(4, to: frames)
    kill(getpid(), SIGKILL)

case "silent":
    // Never says hello; ends when the host lets go.
    var byte: UInt8 = 0
    _ = read(STDIN_FILENO, &byte, 1)
    while true { pause() }

case "echo":
    // Sends every message back as it came, with its memory, and answers requests.
    let child = try Child.connect()
    for try await message in try child.channel().messages {
        let answer = Message(id: message.id &+ 1)
        try answer.append(message.payload)
        for (index, kind) in message.attachments.enumerated() {
            switch kind {
            case .memory: try answer.attach(try message.takeMemory(at: index))
            case .surface: try answer.attach(try message.takeSurface(at: index))
            case .sendRight: try answer.attach(try message.takeSendRight(at: index))
            default: break
            }
        }
        if message.hasReplyRight {
            try message.reply(answer)
        } else {
            try child.channel().send(answer)
        }
    }

case "until-gone":
    // Draws until nobody looks any more, then ends with a status of its own.
    let child = try Child.connect()
    let frames = try child.producer(width: 32, height: 16)
    while let image = try await frames.acquire() {
        try frames.present(image)
    }
    exit(7)

case "viewer":
    // Looks at what the host draws, and says by its exit status how many frames it saw.
    let consumer = try await Child.connect().consumer(timeout: limit)
    var seen: Int32 = 0
    for try await _ in consumer { seen += 1 }
    exit(seen)

default:
    exit(64)
}
