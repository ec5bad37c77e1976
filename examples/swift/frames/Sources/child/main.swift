// A child: draws 120 frames of a moving gradient, and ends. Its host starts it.

import SurfacePort

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

do {
    let frames = try Child.connect().producer(width: 1280, height: 720, mode: .fifo)
    for n in 1...UInt32(120) {
        guard let image = try await frames.acquire() else { break }   // nobody looks any more
        try image.withPixels { draw(n, into: $0) }
        try frames.present(image)                                     // the image is the host's now
    }
} catch {   // the block has ended the stream: outside of one, Swift would never let go of `frames`
    fail(error)   // says it, and ends with 1
}

/// The number of the frame in the first pixel, so that the host can check what it shows.
func draw(_ n: UInt32, into pixels: Pixels) {
    for y in 0..<pixels.height {
        let row = pixels.row(y, as: UInt32.self)
        for x in 0..<pixels.width {
            let (x32, y32) = (UInt32(x), UInt32(y))
            let (red, green, blue) = ((x32 &+ 4 &* n) & 255, (y32 &+ 2 &* n) & 255, (x32 &+ y32) & 255)
            row[x] = 0xff00_0000 | red << 16 | green << 8 | blue
        }
    }
    pixels.row(0, as: UInt32.self)[0] = n
}

/// Says what went wrong on standard error, and ends with 1.
func fail(_ error: any Error) -> Never {
    "child: \(error)\n".withCString { _ = write(STDERR_FILENO, $0, strlen($0)) }
    exit(1)
}
