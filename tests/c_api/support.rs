//! What all tests of the C API use.

use std::ffi::CStr;
use std::os::fd::{BorrowedFd, IntoRawFd};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

pub(crate) use std::mem::MaybeUninit;
pub(crate) use std::ptr::{null, null_mut};
pub(crate) use surfaceport::ffi::bootstrap::*;
pub(crate) use surfaceport::ffi::channel::*;
pub(crate) use surfaceport::ffi::child::*;
pub(crate) use surfaceport::ffi::consumer::*;
pub(crate) use surfaceport::ffi::consumer_right::*;
#[cfg(target_os = "macos")]
pub(crate) use surfaceport::ffi::dispatch_source::*;
pub(crate) use surfaceport::ffi::host::*;
pub(crate) use surfaceport::ffi::invitation::*;
#[cfg(target_os = "macos")]
pub(crate) use surfaceport::ffi::iosurface::*;
#[cfg(target_os = "macos")]
pub(crate) use surfaceport::ffi::mach_port::*;
pub(crate) use surfaceport::ffi::memory::*;
pub(crate) use surfaceport::ffi::message::*;
pub(crate) use surfaceport::ffi::port::*;
pub(crate) use surfaceport::ffi::port_set::*;
pub(crate) use surfaceport::ffi::producer::*;
#[cfg(target_os = "macos")]
pub(crate) use surfaceport::ffi::runloop_source::*;
pub(crate) use surfaceport::ffi::status::*;
pub(crate) use surfaceport::ffi::surface::*;
pub(crate) use surfaceport::ffi::time::*;
pub(crate) use surfaceport::ffi::version::*;

pub(crate) const SOON: i64 = 5_000_000_000;
pub(crate) const OK: sfp_status = sfp_status::Ok;

/// What is open and alive in this process, compared when the test ends: nothing may be left.
pub(crate) struct Balance {
    descriptors: usize,
    surfaces: usize,
    _one_test_at_a_time: MutexGuard<'static, ()>,
}

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

impl Balance {
    pub(crate) fn begin() -> Self {
        static FIRST: std::sync::Once = std::sync::Once::new();
        let guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        // The first surface has the system open what it keeps for all of the process.
        FIRST.call_once(|| says!(sfp_surface_release(surface(1, 1, sfp_pixel_format::R8))));
        Self { descriptors: descriptors(), surfaces: live_surfaces(), _one_test_at_a_time: guard }
    }
}

impl Drop for Balance {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(descriptors(), self.descriptors, "descriptors are left open");
            assert_eq!(live_surfaces(), self.surfaces, "surfaces are left");
        }
    }
}

fn descriptors() -> usize {
    // SAFETY: asks for the flags of a number, which need not be a descriptor.
    (0..4096).filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } != -1).count()
}

pub(crate) fn live_surfaces() -> usize {
    let mut totals = MaybeUninit::uninit();
    // SAFETY: room for no ids, and for the totals.
    unsafe {
        assert_eq!(sfp_live_surfaces(null_mut(), 0, totals.as_mut_ptr()), OK);
        totals.assume_init().count
    }
}

/// The text of the last failure.
pub(crate) fn last_message() -> String {
    // SAFETY: a text that stays until the next failure of this thread.
    unsafe { CStr::from_ptr(sfp_last_error_message()) }.to_str().unwrap().to_owned()
}

/// Calls with a place for the result, which must be written on success and must not be touched on failure.
pub(crate) fn result<T>(call: impl FnOnce(*mut T) -> sfp_status) -> Result<T, sfp_status> {
    const UNTOUCHED: u8 = 0xa5;
    let mut place = MaybeUninit::<T>::uninit();
    // SAFETY: the place is as large as it is, and its bytes have a value when they are looked at.
    unsafe {
        place.as_mut_ptr().cast::<u8>().write_bytes(UNTOUCHED, size_of::<T>());
        match call(place.as_mut_ptr()) {
            OK => Ok(place.assume_init()),
            status => {
                let bytes = std::slice::from_raw_parts(place.as_ptr().cast::<u8>(), size_of::<T>());
                assert!(
                    bytes.iter().all(|byte| *byte == UNTOUCHED),
                    "{status:?}, but the result was touched"
                );
                Err(status)
            }
        }
    }
}

/// Short forms of calls whose arguments are valid handles.
macro_rules! ok {
    ($call:ident($($argument:expr),* $(,)?)) => {{
        // SAFETY: the test passes what the manual asks for.
        let status = unsafe { $call($($argument),*) };
        assert_eq!(status, $crate::support::OK, "{}", $crate::support::last_message());
    }};
}

macro_rules! made {
    ($call:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: the test passes what the manual asks for.
        $crate::support::result(|place| unsafe { $call($($argument,)* place) })
            .unwrap_or_else(|status| panic!("{status:?}: {}", $crate::support::last_message()))
    };
}

macro_rules! refused {
    ($call:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: the test passes what the manual asks for.
        $crate::support::result(|place| unsafe { $call($($argument,)* place) }).map(|_| ()).unwrap_err()
    };
}

/// A call that answers by a value, or by a status that is no success.
macro_rules! says {
    ($call:ident($($argument:expr),* $(,)?)) => {{
        // SAFETY: the test passes what the manual asks for.
        unsafe { $call($($argument),*) }
    }};
}

pub(crate) use {made, ok, refused, says};

/// A port: the receive right and a send right.
pub(crate) fn port() -> (*mut sfp_receive_right, *mut sfp_send_right) {
    let receive = made!(sfp_receive_right_create());
    (receive, made!(sfp_receive_right_make_send(receive)))
}

pub(crate) fn message(id: u32, payload: &str) -> *mut sfp_message {
    let message = sfp_message_create(id);
    ok!(sfp_message_append(message, payload.as_ptr().cast(), payload.len()));
    message
}

pub(crate) fn payload(message: *mut sfp_message) -> Vec<u8> {
    let (first, size) = (says!(sfp_message_payload(message)), says!(sfp_message_payload_size(message)));
    assert!(!first.is_null());
    // SAFETY: so many bytes are there until the message changes.
    unsafe { std::slice::from_raw_parts(first.cast::<u8>(), size) }.to_vec()
}

pub(crate) fn descriptor(width: u32, height: u32, format: sfp_pixel_format) -> sfp_surface_descriptor {
    sfp_surface_descriptor {
        struct_size: size_of::<sfp_surface_descriptor>(),
        width,
        height,
        format: MaybeUninit::new(format),
        backing: any(0),
    }
}

pub(crate) fn surface(width: u32, height: u32, format: sfp_pixel_format) -> *mut sfp_surface {
    made!(sfp_surface_create(&descriptor(width, height, format)))
}

/// A number where C expects an enum.
pub(crate) fn any<E>(number: u32) -> MaybeUninit<E> {
    assert_eq!(size_of::<E>(), size_of::<u32>());
    // SAFETY: the sizes are the same, and nothing is said about the value.
    unsafe { std::mem::transmute_copy(&number) }
}

pub(crate) fn swapchain_options(width: u32, height: u32) -> sfp_swapchain_options {
    sfp_swapchain_options {
        struct_size: size_of::<sfp_swapchain_options>(),
        width,
        height,
        format: any(0),
        images: 0,
        mode: any(0),
        allocator: any(0),
        backing: any(0),
        reserved: 0,
    }
}

pub(crate) fn present_info() -> sfp_present_info {
    sfp_present_info {
        struct_size: size_of::<sfp_present_info>(),
        display_ns: 0,
        damage: sfp_rectangle::default(),
        color_space: any(0),
        reserved: 0,
        user: [0; 64],
    }
}

pub(crate) fn consumer_options(mode: u32) -> sfp_consumer_options {
    sfp_consumer_options { struct_size: size_of::<sfp_consumer_options>(), mode: any(mode), reserved: 0 }
}

pub(crate) fn spawn_options(argv: &[*const std::ffi::c_char]) -> sfp_spawn_options {
    sfp_spawn_options {
        struct_size: size_of::<sfp_spawn_options>(),
        argv: argv.as_ptr(),
        environment: null(),
        directory: null(),
        hello_timeout_ns: 0,
        grace_ns: 0,
        end_of_life: any(0),
        clear_environment: MaybeUninit::new(false),
        allow_descendants: MaybeUninit::new(false),
        reserved: [0; 2],
    }
}

/// A producer and a consumer of it, in this process.
pub(crate) fn swapchain(options: &sfp_swapchain_options) -> (*mut sfp_producer, *mut sfp_consumer) {
    let producer = made!(sfp_producer_create(options));
    let right = made!(sfp_producer_create_consumer_right(producer));
    let consumer = made!(sfp_consumer_attach(right, null()));
    says!(sfp_consumer_right_release(right));
    (producer, consumer)
}

/// Both ends of a channel.
pub(crate) fn channel_ends() -> (*mut sfp_channel_end, *mut sfp_channel_end) {
    let mut other = null_mut();
    // SAFETY: two places for results.
    let one = result(|one| unsafe { sfp_channel_end_create_pair(one, &raw mut other) });
    (one.unwrap_or_else(|status| panic!("{status:?}: {}", last_message())), other)
}

/// Both sides of a session of this process with itself: it can be a child once. Call this before the balance begins.
pub(crate) fn session() -> (*mut sfp_host, *mut sfp_child) {
    static SESSION: OnceLock<(usize, usize)> = OnceLock::new();
    let (host, child) = *SESSION.get_or_init(|| {
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let (host, child) = connect_to_self();
        (host as usize, child as usize)
    });
    (host as *mut sfp_host, child as *mut sfp_child)
}

fn connect_to_self() -> (*mut sfp_host, *mut sfp_child) {
    let invitation = made!(sfp_invitation_create());
    let mut entry = says!(sfp_invitation_environment(invitation));
    // SAFETY: a list of texts that NULL ends. The descriptors are open; and only who holds the lock uses either.
    unsafe {
        while !(*entry).is_null() {
            let text = CStr::from_ptr(*entry).to_str().unwrap();
            let (name, value) = text.split_once('=').unwrap();
            let (number, rest) = value.split_once(':').unwrap();
            match number.parse() {
                Ok(number) => {
                    // The invitation's own descriptors are closed when it becomes a host, so the child needs others.
                    let original = BorrowedFd::borrow_raw(number);
                    let inherited = original.try_clone_to_owned().unwrap().into_raw_fd();
                    std::env::set_var(name, format!("{inherited}:{rest}"));
                }
                // On macOS the port has a name.
                Err(_) => std::env::set_var(name, value),
            }
            entry = entry.add(1);
        }
    }
    let host = made!(sfp_invitation_into_host(invitation, std::process::id()));
    says!(sfp_invitation_release(invitation));
    let waiting = says!(sfp_host_retain(host)) as usize;
    let waiting = std::thread::spawn(move || {
        let host = waiting as *mut sfp_host;
        ok!(sfp_host_wait_connected(host, SOON));
        says!(sfp_host_release(host));
    });
    let child = made!(sfp_child_connect(SOON));
    waiting.join().unwrap();
    (host, child)
}
