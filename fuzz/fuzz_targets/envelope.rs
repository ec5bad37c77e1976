//! The header and attachment table of a message.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| surfaceport::fuzzing::envelope(bytes));
