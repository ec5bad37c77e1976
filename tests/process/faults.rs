//! How often this process touched memory that was not there yet.
#![allow(unsafe_code)]

/// The faults of this process, since its start, that brought a page without reading it from anywhere.
pub fn minor_faults() -> u64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: a place for the answer, which is all numbers, so that zeroes are one as well.
    let (outcome, usage) =
        unsafe { (libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()), usage.assume_init()) };
    assert_eq!(outcome, 0);
    usage.ru_minflt as u64
}
