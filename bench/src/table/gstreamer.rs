//! GStreamer's `shmsink` and `shmsrc`, if they are installed.

use std::process::{Command, Stdio};

/// Whether both elements are there.
pub(crate) fn is_installed() -> bool {
    let has = |element: &str| {
        let mut command = Command::new("gst-inspect-1.0");
        command.arg(element).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    has("shmsink") && has("shmsrc")
}

/// What a report says of it.
pub(crate) fn note() -> &'static str {
    if is_installed() {
        "GStreamer's shmsink and shmsrc are not in this table: frames of gst-launch carry no stamp."
    } else {
        "GStreamer's shmsink and shmsrc are not installed here, so they are not measured."
    }
}
