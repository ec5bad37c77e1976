//! Whether open files can travel in messages here.
#![allow(unsafe_code)]

#[cfg(target_os = "linux")]
pub fn files_can_travel() -> bool {
    true
}

/// Where macOS's programs run on another system there may be no fileports, and who asks for one is ended. So a process
/// that does nothing else asks.
#[cfg(target_os = "macos")]
pub fn files_can_travel() -> bool {
    use std::sync::OnceLock;

    unsafe extern "C" {
        /// `sys/fileport.h`
        fn fileport_makeport(fd: libc::c_int, port: *mut u32) -> libc::c_int;
    }
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let (mut port, mut status) = (0, 0);
        // SAFETY: between fork and _exit there are system calls alone, on variables that the other process has its own of.
        unsafe {
            let process = libc::fork();
            if process == 0 {
                libc::_exit(fileport_makeport(libc::STDERR_FILENO, &raw mut port));
            }
            assert!(process > 0 && libc::waitpid(process, &raw mut status, 0) == process);
        }
        if !libc::WIFEXITED(status) {
            eprintln!("left out: files in messages, for which this system has no fileports");
        }
        libc::WIFEXITED(status)
    })
}
