// What the C header's functions for Dispatch and Core Foundation are in Swift on macOS; compiled with our own sources,
// so that these are found before those of C.
import CoreFoundation
import CSurfacePort
import Dispatch

typealias DispatchSourceFunction = (
    OpaquePointer?, DispatchQueue?, sfp_ready_callback?, UnsafeMutableRawPointer?, sfp_context_release?
) -> DispatchSource?
typealias RunLoopSourceFunction = (
    OpaquePointer?, sfp_ready_callback?, UnsafeMutableRawPointer?, sfp_context_release?
) -> CFRunLoopSource?

private func anyDispatchSource() -> DispatchSourceFunction { { _, _, _, _, _ in nil } }
private func anyRunLoopSource() -> RunLoopSourceFunction { { _, _, _, _ in nil } }

var sfp_dispatch_source_create_for_receive_right: DispatchSourceFunction { anyDispatchSource() }
var sfp_dispatch_source_create_for_port_set: DispatchSourceFunction { anyDispatchSource() }
var sfp_dispatch_source_create_for_channel: DispatchSourceFunction { anyDispatchSource() }
var sfp_dispatch_source_create_for_producer: DispatchSourceFunction { anyDispatchSource() }
var sfp_dispatch_source_create_for_consumer: DispatchSourceFunction { anyDispatchSource() }
var sfp_dispatch_source_create_for_host: DispatchSourceFunction { anyDispatchSource() }
var sfp_dispatch_source_create_for_child: DispatchSourceFunction { anyDispatchSource() }

var sfp_runloop_source_create_for_receive_right: RunLoopSourceFunction { anyRunLoopSource() }
var sfp_runloop_source_create_for_port_set: RunLoopSourceFunction { anyRunLoopSource() }
var sfp_runloop_source_create_for_channel: RunLoopSourceFunction { anyRunLoopSource() }
var sfp_runloop_source_create_for_producer: RunLoopSourceFunction { anyRunLoopSource() }
var sfp_runloop_source_create_for_consumer: RunLoopSourceFunction { anyRunLoopSource() }
var sfp_runloop_source_create_for_host: RunLoopSourceFunction { anyRunLoopSource() }
var sfp_runloop_source_create_for_child: RunLoopSourceFunction { anyRunLoopSource() }
