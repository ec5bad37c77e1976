//! The values that are attached to a surface.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| surfaceport::fuzzing::values(bytes));
