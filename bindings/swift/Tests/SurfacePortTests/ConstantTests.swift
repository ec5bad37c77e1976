import CSurfacePort
import XCTest

@testable import SurfacePort

/// The numbers that are written out in Swift are those of the header.
final class ConstantTests: XCTestCase {
    func testStatuses() {
        let all: [(SurfacePortError.Status, UInt32)] = [
            (.invalidArgument, SFP_STATUS_INVALID_ARGUMENT.rawValue), (.timedOut, SFP_STATUS_TIMED_OUT.rawValue),
            (.peerDead, SFP_STATUS_PEER_DEAD.rawValue), (.closed, SFP_STATUS_CLOSED.rawValue),
            (.noSenders, SFP_STATUS_NO_SENDERS.rawValue),
            (.permissionDenied, SFP_STATUS_PERMISSION_DENIED.rawValue), (.notFound, SFP_STATUS_NOT_FOUND.rawValue),
            (.alreadyExists, SFP_STATUS_ALREADY_EXISTS.rawValue), (.tooLarge, SFP_STATUS_TOO_LARGE.rawValue),
            (.resourceExhausted, SFP_STATUS_RESOURCE_EXHAUSTED.rawValue),
            (.malformed, SFP_STATUS_MALFORMED.rawValue), (.unsupported, SFP_STATUS_UNSUPPORTED.rawValue),
            (.refused, SFP_STATUS_REFUSED.rawValue), (.wrongState, SFP_STATUS_WRONG_STATE.rawValue),
            (.system, SFP_STATUS_SYSTEM.rawValue), (.internal, SFP_STATUS_INTERNAL.rawValue),
            (.noHello, SFP_STATUS_NO_HELLO.rawValue),
        ]
        for (status, number) in all { XCTAssertEqual(UInt32(status.rawValue), number, "\(status)") }
        // All that the library knows are here.
        XCTAssertEqual(String(cString: sfp_status_name(Int32(all.count) + 1)), "unknown status")
        XCTAssertEqual(SurfacePortError.Status.timedOut.description, "SFP_STATUS_TIMED_OUT")
    }

    func testPixelFormats() {
        let all: [(PixelFormat, UInt32)] = [
            (.bgra8, SFP_PIXEL_FORMAT_BGRA8.rawValue), (.rgba8, SFP_PIXEL_FORMAT_RGBA8.rawValue),
            (.rgb10a2, SFP_PIXEL_FORMAT_RGB10A2.rawValue), (.rgba16f, SFP_PIXEL_FORMAT_RGBA16F.rawValue),
            (.r8, SFP_PIXEL_FORMAT_R8.rawValue), (.rg8, SFP_PIXEL_FORMAT_RG8.rawValue),
            (.nv12, SFP_PIXEL_FORMAT_NV12.rawValue), (.nv12Full, SFP_PIXEL_FORMAT_NV12_FULL.rawValue),
            (.p010, SFP_PIXEL_FORMAT_P010.rawValue), (.i420, SFP_PIXEL_FORMAT_I420.rawValue),
            (.nv16, SFP_PIXEL_FORMAT_NV16.rawValue), (.nv16Full, SFP_PIXEL_FORMAT_NV16_FULL.rawValue),
            (.nv24, SFP_PIXEL_FORMAT_NV24.rawValue), (.nv24Full, SFP_PIXEL_FORMAT_NV24_FULL.rawValue),
        ]
        for (format, number) in all { XCTAssertEqual(format.rawValue, number, "\(format)") }
        XCTAssertEqual(PixelFormat.nv12.description, "420v")
    }

    func testEnumerations() {
        XCTAssertEqual(PresentMode.mailbox.rawValue, SFP_PRESENT_MODE_MAILBOX.rawValue)
        XCTAssertEqual(PresentMode.fifo.rawValue, SFP_PRESENT_MODE_FIFO.rawValue)
        XCTAssertEqual(PresentMode.immediate.rawValue, SFP_PRESENT_MODE_IMMEDIATE.rawValue)
        XCTAssertEqual(Allocator.producer.rawValue, SFP_ALLOCATOR_PRODUCER.rawValue)
        XCTAssertEqual(Allocator.consumer.rawValue, SFP_ALLOCATOR_CONSUMER.rawValue)
        XCTAssertEqual(Backing.native.rawValue, SFP_BACKING_NATIVE.rawValue)
        XCTAssertEqual(Backing.memory.rawValue, SFP_BACKING_MEMORY.rawValue)
        XCTAssertEqual(LockMode.write.rawValue, SFP_LOCK_WRITE.rawValue)
        XCTAssertEqual(LockMode.read.rawValue, SFP_LOCK_READ.rawValue)
        XCTAssertEqual(LockMode.writeAvoidingSync.rawValue, SFP_LOCK_WRITE_AVOID_SYNC.rawValue)
        XCTAssertEqual(LockMode.readAvoidingSync.rawValue, SFP_LOCK_READ_AVOID_SYNC.rawValue)
        XCTAssertEqual(Surface.Purgeable.volatile.rawValue, SFP_PURGEABLE_VOLATILE.rawValue)
        XCTAssertEqual(Surface.Purgeable.empty.rawValue, SFP_PURGEABLE_EMPTY.rawValue)
        XCTAssertEqual(ColorSpace.sRGB.rawValue, SFP_COLOR_SPACE_SRGB.rawValue)
        XCTAssertEqual(ColorSpace.extendedLinearSRGB.rawValue, SFP_COLOR_SPACE_EXTENDED_LINEAR_SRGB.rawValue)
        XCTAssertEqual(ColorSpace.displayP3.rawValue, SFP_COLOR_SPACE_DISPLAY_P3.rawValue)
        XCTAssertEqual(ColorSpace.bt709.rawValue, SFP_COLOR_SPACE_BT709.rawValue)
        XCTAssertEqual(ColorSpace.bt2020.rawValue, SFP_COLOR_SPACE_BT2020.rawValue)
        XCTAssertEqual(ColorSpace.bt2100PQ.rawValue, SFP_COLOR_SPACE_BT2100_PQ.rawValue)
        XCTAssertEqual(ColorSpace.bt2100HLG.rawValue, SFP_COLOR_SPACE_BT2100_HLG.rawValue)
        XCTAssertEqual(Memory.Access.readWrite.rawValue, SFP_MEMORY_ACCESS_READ_WRITE.rawValue)
        XCTAssertEqual(Memory.Access.readOnlyForOthers.rawValue, SFP_MEMORY_ACCESS_READ_ONLY_FOR_OTHERS.rawValue)
        XCTAssertEqual(SpawnOptions.EndOfLife.leave.rawValue, SFP_END_OF_LIFE_LEAVE.rawValue)
        XCTAssertEqual(Message.Attachment.sendRight.rawValue, SFP_ATTACHMENT_SEND_RIGHT.rawValue)
        XCTAssertEqual(Message.Attachment.receiveRight.rawValue, SFP_ATTACHMENT_RECEIVE_RIGHT.rawValue)
        XCTAssertEqual(Message.Attachment.memory.rawValue, SFP_ATTACHMENT_MEMORY.rawValue)
        XCTAssertEqual(Message.Attachment.surface.rawValue, SFP_ATTACHMENT_SURFACE.rawValue)
        XCTAssertEqual(Message.Attachment.fileDescriptor.rawValue, SFP_ATTACHMENT_FD.rawValue)
    }

    func testVersion() {
        XCTAssertEqual(SurfacePortVersion.library, SFP_VERSION)
        let number = SFP_VERSION_MAJOR * 1_000_000 + SFP_VERSION_MINOR * 1000 + SFP_VERSION_PATCH
        XCTAssertEqual(SurfacePortVersion.number, UInt32(number))
    }

    func testTimes() {
        XCTAssertEqual(nanoseconds(nil), -1)
        XCTAssertEqual(nanoseconds(.zero), 0)
        XCTAssertEqual(nanoseconds(.seconds(-1)), 0)
        XCTAssertEqual(nanoseconds(.milliseconds(1500)), 1_500_000_000)
        XCTAssertEqual(nanoseconds(.seconds(Int64.max)), Int64.max)
    }
}
