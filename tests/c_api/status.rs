//! Statuses, versions, the clock.

use std::ffi::CStr;

use crate::support::*;

fn text(pointer: *const std::ffi::c_char) -> &'static str {
    // SAFETY: the texts of these tests are the library's constants.
    unsafe { CStr::from_ptr(pointer) }.to_str().unwrap()
}

#[test]
fn every_status_has_its_name() {
    let names: Vec<&str> = (0..=17).map(|number| text(sfp_status_name(any(number)))).collect();
    assert_eq!(names[0], "SFP_STATUS_OK");
    assert_eq!(names[1], "SFP_STATUS_INVALID_ARGUMENT");
    assert_eq!(names[16], "SFP_STATUS_INTERNAL");
    assert_eq!(names[17], "SFP_STATUS_NO_HELLO");
    let header = include_str!("../../include/surfaceport.h");
    for (number, name) in names.iter().enumerate() {
        assert!(header.contains(&format!("    {name} = {number},\n")), "{name}");
    }
    for number in [18, 1000, u32::MAX] {
        assert_eq!(text(sfp_status_name(any(number))), "unknown status");
    }
}

#[test]
fn the_version_is_the_crates() {
    assert_eq!(text(sfp_version_string()), env!("CARGO_PKG_VERSION"));
    let release = text(sfp_version_string()).split(['-', '+']).next().unwrap();
    let number = release.split('.').fold(0, |sum, part| sum * 1000 + part.parse::<u32>().unwrap());
    assert_eq!(sfp_version(), number);
}

#[test]
fn the_clock_goes_forward() {
    let first = sfp_time_now();
    assert!(first > 0);
    assert!(sfp_time_now() >= first);
}

#[test]
fn a_failure_is_told_to_its_own_thread() {
    let _balance = Balance::begin();
    assert_eq!(refused!(sfp_memory_create(0, any(0))), sfp_status::InvalidArgument);
    let mine = last_message();
    std::thread::spawn(move || {
        assert_eq!((sfp_last_error_status(), last_message()), (OK, String::new()));
        assert_eq!(refused!(sfp_memory_create(usize::MAX, any(0))), sfp_status::TooLarge);
        assert_ne!(last_message(), mine);
    })
    .join()
    .unwrap();
    assert_eq!(last_message(), "a memory region of 0 bytes was asked for");
    let set = made!(sfp_port_set_create());
    assert_eq!(last_message(), "a memory region of 0 bytes was asked for", "success changes nothing");
    says!(sfp_port_set_release(set));
}
