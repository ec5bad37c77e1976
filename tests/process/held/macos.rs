//! As the kernel of macOS tells it: descriptors one by one, and the task's names.
#![allow(unsafe_code)]

use std::time::Duration;

use mach2::kern_return::{KERN_SUCCESS, kern_return_t};
use mach2::mach_types::{ipc_space_t, task_t, thread_act_array_t};
use mach2::message::mach_msg_type_number_t;
use mach2::port::{mach_port_name_t, mach_port_right_t};
use mach2::task_info::{MACH_TASK_BASIC_INFO, MACH_TASK_BASIC_INFO_COUNT, mach_task_basic_info, task_info_t};
use mach2::traps::mach_task_self;

use super::PortRight;

/// What belongs to the kernel's own time, far beyond what that takes.
pub const SETTLING: Duration = Duration::from_secs(10);
/// Threads, also those of the test runner, get rights of their own at their first need of them: a reply port for
/// calls to the kernel (`mig_get_reply_port`), a semaphore to sleep by. What a body leaves it leaves each time; what
/// appears once is not there the second time.
pub const RUNS: usize = 3;

// `mach/mach_port.h`, which mach2 does not have.
unsafe extern "C" {
    fn mach_port_names(
        task: ipc_space_t,
        names: *mut *mut mach_port_name_t,
        names_count: *mut mach_msg_type_number_t,
        types: *mut *mut u32,
        types_count: *mut mach_msg_type_number_t,
    ) -> kern_return_t;
    fn mach_port_get_refs(
        task: ipc_space_t,
        name: mach_port_name_t,
        right: mach_port_right_t,
        references: *mut u32,
    ) -> kern_return_t;
}

/// `MACH_PORT_RIGHT_SEND` to `_DEAD_NAME`, in the order of their numbers; `MACH_PORT_TYPE_...` are the same from bit
/// 16 on.
const KINDS: [&str; 5] = ["send", "receive", "send once", "port set", "dead name"];

/// The number of open descriptors of this process: of those that it can come to have, since each is the lowest number
/// that is free and no test opens as many.
pub fn open_descriptors() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(4096);
    // SAFETY: asks for the flags of a number, which need not be a descriptor.
    (0..limit.min(4096) as i32).filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } != -1).count()
}

/// Left out: a region that is mapped through a memory entry looks like any other one.
pub fn shared_mappings() -> usize {
    0
}

/// Every name of this task, once for each kind of right that it stands for, with its references. The names of its
/// threads are left out: they come and go with them, and the test runner's do so at any time.
pub fn port_rights() -> Vec<PortRight> {
    let mut threads = threads();
    let names = names();
    // Those that began meanwhile.
    threads.extend(self::threads());
    let mut rights = Vec::new();
    for (name, types) in names {
        for (right, kind) in (0..).zip(KINDS) {
            let mut references = 0;
            // SAFETY: a place for the number; a name that is gone by now is answered by an error.
            let known = types & 1 << (right + 16) != 0
                && unsafe { mach_port_get_refs(mach_task_self(), name, right, &raw mut references) }
                    == KERN_SUCCESS;
            if known && !threads.contains(&name) {
                rights.push(PortRight { name, kind, references });
            }
        }
    }
    rights.sort_unstable();
    rights
}

fn names() -> Vec<(mach_port_name_t, u32)> {
    let (mut names, mut types) = (std::ptr::null_mut(), std::ptr::null_mut());
    let (mut names_count, mut types_count) = (0, 0);
    // SAFETY: places for two arrays and their lengths. Asked once before, so that this thread has its reply port: the
    // answer does not depend on who asked first.
    let outcome = unsafe {
        mach2::mig::mig_get_reply_port();
        mach_port_names(
            mach_task_self(),
            &raw mut names,
            &raw mut names_count,
            &raw mut types,
            &raw mut types_count,
        )
    };
    assert_eq!((outcome, names_count), (KERN_SUCCESS, types_count));
    taken(names, names_count).into_iter().zip(taken(types, types_count)).collect()
}

fn threads() -> Vec<mach_port_name_t> {
    let (mut threads, mut count): (thread_act_array_t, _) = (std::ptr::null_mut(), 0);
    // SAFETY: a place for an array and its length.
    let outcome = unsafe { mach2::task::task_threads(mach_task_self(), &raw mut threads, &raw mut count) };
    assert_eq!(outcome, KERN_SUCCESS);
    let threads = taken(threads, count);
    for thread in &threads {
        // SAFETY: the call above gave us one reference of each.
        unsafe { mach2::mach_port::mach_port_deallocate(mach_task_self(), *thread) };
    }
    threads
}

/// An array that the kernel made for us in memory of its own.
pub fn taken(first: *mut u32, count: mach_msg_type_number_t) -> Vec<u32> {
    if count == 0 {
        return Vec::new();
    }
    // SAFETY: the kernel has just filled in so many numbers.
    let copy = unsafe { std::slice::from_raw_parts(first, count as usize) }.to_vec();
    let (address, bytes) = (first as u64, u64::from(count) * size_of::<u32>() as u64);
    // SAFETY: the array is ours to give back, and nothing points into it any more.
    let outcome = unsafe { mach2::vm::mach_vm_deallocate(mach_task_self(), address, bytes) };
    assert_eq!(outcome, KERN_SUCCESS);
    copy
}

/// The memory of this process that is in use, in bytes.
pub fn resident_bytes() -> usize {
    sizes().resident_size as usize
}

/// The addresses of this process that something is mapped at, in bytes.
pub fn mapped_bytes() -> usize {
    sizes().virtual_size as usize
}

fn sizes() -> mach_task_basic_info {
    let mut info = mach_task_basic_info::default();
    let mut count = MACH_TASK_BASIC_INFO_COUNT;
    // SAFETY: a place of the length that is given, in words.
    let outcome = unsafe {
        mach2::task::task_info(
            mach_task_self() as task_t,
            MACH_TASK_BASIC_INFO,
            (&raw mut info).cast::<i32>() as task_info_t,
            &raw mut count,
        )
    };
    assert_eq!(outcome, KERN_SUCCESS);
    info
}
