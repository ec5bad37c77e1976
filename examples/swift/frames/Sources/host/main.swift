// A host: starts a child and shows what it draws, until the child ends.
//
//     host [CHILD]        CHILD is the program of the child, "./child" if none is named

import SurfacePort

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

let child = CommandLine.arguments.dropFirst().first ?? "./child"

do {
    let host = try Host.spawn([child])
    for try await frame in try await host.consumer() {
        try show(frame)                   // valid as long as you have it, whatever the child does
    }                                     // throws `peerDead` if the child crashed
    print("the child ended: \(try await host.exit())")
} catch {                                 // an error that leaves the top level would crash the program
    fail(error)   // says it, and ends with 1
}

/// Showing is your part: on a Mac, `SurfaceView` and `LayerPresenter` do it. Here: which frame it is, which the child wrote
/// into the first pixel, and a colour.
func show(_ frame: Frame) throws {
    try frame.withPixels { pixels in
        let row = pixels.row(0, as: UInt32.self)
        if row[0] % 20 == 0 {
            print("frame \(row[0]), \(pixels.width) x \(pixels.height), colour \(String(row[1] & 0xffffff, radix: 16))")
        }
    }
}

/// Says what went wrong on standard error, and ends with 1.
func fail(_ error: any Error) -> Never {
    "host: \(error)\n".withCString { _ = write(STDERR_FILENO, $0, strlen($0)) }
    exit(1)
}
