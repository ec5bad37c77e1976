import Foundation
import XCTest

@testable import SurfacePort

/// How long a test waits for anything.
let limit = Duration.seconds(30)

/// The program that plays the roles of other processes: it is built beside the tests.
func testChild(_ role: String) -> [String] {
    #if os(macOS)
    let folder = Bundle(for: SessionTests.self).bundleURL.deletingLastPathComponent()
    #else
    let folder = Bundle.main.executableURL!.deletingLastPathComponent()
    #endif
    return [folder.appendingPathComponent("SurfacePortTestChild").path, role]
}

/// Checks that the call throws this status, with words.
func assertThrows<Value>(
    _ status: SurfacePortError.Status, file: StaticString = #filePath, line: UInt = #line, _ call: () throws -> Value
) {
    XCTAssertThrowsError(try call(), file: file, line: line) { error in
        XCTAssertEqual((error as? SurfacePortError)?.status, status, "\(error)", file: file, line: line)
        XCTAssertEqual((error as? SurfacePortError)?.detail.isEmpty, false, file: file, line: line)
    }
}

/// Checks that the call throws this status, with words.
func assertThrows<Value>(
    _ status: SurfacePortError.Status, file: StaticString = #filePath, line: UInt = #line,
    _ call: () async throws -> Value
) async {
    do {
        _ = try await call()
        XCTFail("nothing was thrown", file: file, line: line)
    } catch let error as SurfacePortError {
        XCTAssertEqual(error.status, status, "\(error)", file: file, line: line)
        XCTAssertFalse(error.detail.isEmpty, file: file, line: line)
    } catch {
        XCTFail("\(error)", file: file, line: line)
    }
}

/// How many descriptors this process has.
func openDescriptors() throws -> Int {
    #if os(Linux)
    let folder = "/proc/self/fd"
    #else
    let folder = "/dev/fd"
    #endif
    return try FileManager.default.contentsOfDirectory(atPath: folder).count
}
