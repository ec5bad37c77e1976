//! A Mach message, with descriptors and trailer, as the kernel delivers it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| surfaceport::fuzzing::mach_message(bytes));
