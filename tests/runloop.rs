//! What macOS programs have of their own: run loop sources, dispatch sources, and raw Mach rights. Needs Core
//! Foundation's run loop, and is a program of its own for that.
#![cfg(target_os = "macos")]
#![allow(missing_docs, unsafe_code)]

#[allow(dead_code, unused_imports, unused_macros)]
#[path = "c_api/support.rs"]
mod support;

#[macro_use]
mod process;

use std::ffi::{CString, c_char, c_void};
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use support::{channel_ends, last_message, made, message, ok, payload, port, refused, says, swapchain};
use surfaceport::ffi::channel::*;
use surfaceport::ffi::consumer::*;
use surfaceport::ffi::dispatch_source::*;
use surfaceport::ffi::host::*;
use surfaceport::ffi::mach_port::*;
use surfaceport::ffi::message::*;
use surfaceport::ffi::port::*;
use surfaceport::ffi::port_set::*;
use surfaceport::ffi::producer::*;
use surfaceport::ffi::runloop_source::*;
use surfaceport::ffi::status::sfp_status;

/// Far beyond what anything here takes; it only keeps a failing test from hanging.
const LONG: Duration = Duration::from_secs(20);

type CfType = *const c_void;

#[link(name = "CoreFoundation", kind = "framework")]
unsafe extern "C" {
    static kCFRunLoopDefaultMode: CfType;
    fn CFRunLoopGetCurrent() -> CfType;
    fn CFRunLoopAddSource(run_loop: CfType, source: CfType, mode: CfType);
    fn CFRunLoopSourceInvalidate(source: CfType);
    fn CFRunLoopRunInMode(mode: CfType, seconds: f64, after_one: u8) -> i32;
    fn CFRetain(object: CfType) -> CfType;
    fn CFRelease(object: CfType);
}

/// `kCFRunLoopRunFinished`: there is no source any more.
const FINISHED: i32 = 1;
/// `kCFRunLoopRunHandledSource`.
const HANDLED: i32 = 4;

unsafe extern "C" {
    fn dispatch_activate(object: *mut c_void);
    fn dispatch_source_cancel(source: *mut c_void);
    fn dispatch_release(object: *mut c_void);
    fn dispatch_queue_create(label: *const c_char, attributes: *const c_void) -> *mut c_void;
    /// What `mach_task_self()` of C reads.
    static mach_task_self_: u32;
    fn mach_port_get_refs(task: u32, name: u32, right: u32, count: *mut u32) -> i32;
    fn mach_port_allocate(task: u32, right: u32, name: *mut u32) -> i32;
    fn mach_port_insert_right(task: u32, name: u32, right: u32, kind: u32) -> i32;
    fn mach_port_deallocate(task: u32, name: u32) -> i32;
    fn mach_port_mod_refs(task: u32, name: u32, right: u32, change: i32) -> i32;
}

/// `MACH_PORT_RIGHT_...` of `mach/port.h`, and `MACH_MSG_TYPE_MAKE_SEND`.
const SEND: u32 = 0;
const RECEIVE: u32 = 1;
const SEND_ONCE: u32 = 2;
const DEAD_NAME: u32 = 4;
const MAKE_SEND: u32 = 20;

fn task() -> u32 {
    // SAFETY: set before any code of a program runs.
    unsafe { mach_task_self_ }
}

/// The references that this process has to rights of a kind under a name.
fn references(name: u32, right: u32) -> u32 {
    let mut count = 0;
    // SAFETY: a place for the result; 0 references or no name at all are for the caller the same.
    let result = unsafe { mach_port_get_refs(task(), name, right, &raw mut count) };
    if result == 0 { count } else { 0 }
}

/// Runs `body` twice, until the threads and ports that the system keeps for later are there, then checks that once more
/// leaves no right behind. Descriptors are not looked at: a source closes its own on a thread of the system's.
fn leaving_no_right(body: impl Fn()) {
    let _alone = process::alone();
    body();
    body();
    let before = process::port_rights();
    body();
    let started = Instant::now();
    loop {
        // The end of a source is a moment ahead of the end of the thread's work that it had.
        let now = process::port_rights();
        let left = now.iter().filter(|right| !before.contains(right)).collect::<Vec<_>>();
        if left.is_empty() {
            return;
        }
        assert!(started.elapsed() < LONG, "{left:?} was left");
        std::thread::yield_now();
    }
}

/// What a source is given as its context: it says what happens to it, and does something each time.
struct Context {
    work: Box<dyn Fn() -> bool>,
    told: Sender<Event>,
}

#[derive(Debug, PartialEq)]
enum Event {
    /// What the work said.
    Called(bool),
    Released,
}

unsafe extern "C" fn called(context: *mut c_void) {
    // SAFETY: made by `context`, and not released yet.
    let context = unsafe { &*context.cast::<Context>() };
    context.told.send(Event::Called((context.work)())).unwrap();
}

unsafe extern "C" fn released(context: *mut c_void) {
    // SAFETY: made by `context`, and released once.
    let context = unsafe { Box::from_raw(context.cast::<Context>()) };
    context.told.send(Event::Released).unwrap();
}

fn context(work: impl Fn() -> bool + 'static) -> (*mut c_void, Receiver<Event>) {
    let (told, events) = channel();
    (Box::into_raw(Box::new(Context { work: Box::new(work), told })).cast(), events)
}

/// Takes a message if there is one.
fn take(receive: *mut sfp_receive_right) -> bool {
    let mut taken = null_mut();
    // SAFETY: a handle that lives, and a place.
    let status = unsafe { sfp_receive(receive, 0, &raw mut taken) };
    says!(sfp_message_release(taken));
    assert!(matches!(status, sfp_status::Ok | sfp_status::TimedOut), "{status:?}");
    status == sfp_status::Ok
}

/// A source that was added to this thread's run loop.
fn add(source: *mut impl Sized) -> CfType {
    assert!(!source.is_null(), "{}", last_message());
    // SAFETY: the source is one, and lives.
    unsafe { CFRunLoopAddSource(CFRunLoopGetCurrent(), source.cast(), kCFRunLoopDefaultMode) };
    source.cast()
}

/// Runs this thread's run loop until a source was called.
fn run_once() -> i32 {
    // SAFETY: no precondition.
    unsafe { CFRunLoopRunInMode(kCFRunLoopDefaultMode, LONG.as_secs_f64(), 1) }
}

/// Runs this thread's run loop until a source was called and found something. It can also have been called for what is
/// there no more.
fn run_until_called(events: &Receiver<Event>) {
    while events.try_recv() != Ok(Event::Called(true)) {
        assert_eq!(run_once(), HANDLED);
    }
}

/// Runs this thread's run loop as long as something is ready.
fn run_ready() -> i32 {
    loop {
        // SAFETY: no precondition.
        match unsafe { CFRunLoopRunInMode(kCFRunLoopDefaultMode, 0.0, 1) } {
            HANDLED => {}
            ended => return ended,
        }
    }
}

fn end(source: CfType) {
    // SAFETY: our reference to a source.
    unsafe {
        CFRunLoopSourceInvalidate(source);
        CFRelease(source);
    }
}

fn send(send: *mut sfp_send_right, text: &str) {
    ok!(sfp_send(send, message(1, text), support::SOON));
}

#[test]
fn a_source_calls_on_its_run_loop_until_everything_is_taken() {
    leaving_no_right(|| {
        let (receive, sender) = port();
        let (context, events) = context(move || take(receive));
        let source = says!(sfp_runloop_source_create_for_receive_right(
            receive,
            Some(called),
            context,
            Some(released)
        ));
        let source = add(source);
        for text in ["one", "two", "three"] {
            send(sender, text);
        }
        // One message for each call: what is left is called for again.
        for _ in 0..3 {
            run_until_called(&events);
        }
        run_ready();
        assert!(events.try_iter().all(|event| event == Event::Called(false)), "nothing is there any more");
        // A second life, behind the silence.
        send(sender, "four");
        run_until_called(&events);
        end(source);
        assert_eq!(events.iter().last(), Some(Event::Released), "released once, at the end");
        says!(sfp_send_right_release(sender));
        says!(sfp_receive_right_release(receive));
    });
}

#[test]
fn the_end_of_the_senders_is_something_to_receive() {
    leaving_no_right(|| {
        let (receive, sender) = port();
        let (context, events) = context(move || {
            let refused = refused!(sfp_receive(receive, 0));
            refused == sfp_status::NoSenders
        });
        let source = add(says!(sfp_runloop_source_create_for_receive_right(
            receive,
            Some(called),
            context,
            Some(released)
        )));
        says!(sfp_send_right_release(sender));
        assert_eq!(run_once(), HANDLED);
        assert_eq!(events.try_recv(), Ok(Event::Called(true)));
        end(source);
        says!(sfp_receive_right_release(receive));
    });
}

#[test]
fn a_source_can_end_in_its_callback_and_outlives_the_callers_handle() {
    leaving_no_right(|| {
        let (receive, sender) = port();
        let place = std::rc::Rc::new(std::cell::Cell::new(null()));
        let in_callback = place.clone();
        let (context, events) = context(move || {
            end(in_callback.get());
            true
        });
        let source = says!(sfp_runloop_source_create_for_receive_right(
            receive,
            Some(called),
            context,
            Some(released)
        ));
        place.set(add(source));
        // The source's reference is the last one.
        says!(sfp_receive_right_release(receive));
        assert!(!dead(sender));
        send(sender, "the end");
        assert_eq!(run_once(), HANDLED);
        assert_eq!(events.iter().collect::<Vec<_>>(), [Event::Called(true), Event::Released]);
        assert!(dead(sender), "the right is gone with the source");
        assert_eq!(run_ready(), FINISHED, "no source is left in the run loop");
        says!(sfp_send_right_release(sender));
    });
}

fn dead(send: *mut sfp_send_right) -> bool {
    made!(sfp_send_right_is_dead(send))
}

#[test]
fn a_source_keeps_its_right_from_moving() {
    leaving_no_right(|| {
        let (receive, sender) = port();
        let (context, events) = context(|| true);
        let source = says!(sfp_runloop_source_create_for_receive_right(
            receive,
            Some(called),
            context,
            Some(released)
        ));
        assert_eq!(refused!(sfp_receive_right_into_mach_port(receive)), sfp_status::WrongState);
        end(source.cast_const().cast());
        assert_eq!(events.iter().collect::<Vec<_>>(), [Event::Released]);
        let name = made!(sfp_receive_right_into_mach_port(receive));
        give_back_receive(name);
        says!(sfp_receive_right_release(receive));
        says!(sfp_send_right_release(sender));
    });
}

#[test]
fn what_cannot_be_made_leaves_the_context_alone() {
    leaving_no_right(|| {
        let (receive, sender) = port();
        let (context, events) = context(|| true);
        let create = sfp_runloop_source_create_for_receive_right;
        assert!(says!(create(receive, None, context, Some(released))).is_null());
        assert_eq!(last_message(), "`callback` is NULL");
        assert!(says!(create(null_mut(), Some(called), context, Some(released))).is_null());
        let create = sfp_dispatch_source_create_for_receive_right;
        assert!(says!(create(null_mut(), null_mut(), Some(called), context, Some(released))).is_null());
        assert!(events.try_recv().is_err());
        says!(released(context));
        // Without somebody to release the context, nobody does.
        let source =
            says!(sfp_runloop_source_create_for_receive_right(receive, Some(called), null_mut(), None));
        end(source.cast_const().cast());
        says!(sfp_receive_right_release(receive));
        says!(sfp_send_right_release(sender));
    });
}

#[test]
fn sets_and_channels_have_sources() {
    leaving_no_right(|| {
        let (receive, sender) = port();
        let set = made!(sfp_port_set_create());
        ok!(sfp_port_set_add(set, receive, 7));
        let (of_set, set_events) = context(move || {
            let mut event = MaybeUninit::uninit();
            // SAFETY: a handle that lives, and a place.
            let status = unsafe { sfp_port_set_wait(set, 0, event.as_mut_ptr()) };
            // SAFETY: written by success.
            status == sfp_status::Ok && unsafe { event.assume_init() }.key == 7 && take(receive)
        });
        let of_set =
            add(says!(sfp_runloop_source_create_for_port_set(set, Some(called), of_set, Some(released))));

        let (one, other) = channel_ends();
        let (here, there) = (made!(sfp_channel_end_open(one)), made!(sfp_channel_end_open(other)));
        let (of_channel, channel_events) = context(move || {
            let mut taken = null_mut();
            // SAFETY: a handle that lives, and a place.
            let status = unsafe { sfp_channel_receive(here, 0, &raw mut taken) };
            let said = status == sfp_status::Ok && payload(taken) == b"hello";
            says!(sfp_message_release(taken));
            said
        });
        let of_channel =
            add(says!(sfp_runloop_source_create_for_channel(here, Some(called), of_channel, Some(released))));

        send(sender, "for the set");
        run_until_called(&set_events);
        ok!(sfp_channel_send(there, message(1, "hello"), support::SOON));
        run_until_called(&channel_events);
        run_ready();
        let more = |events: &Receiver<Event>| events.try_iter().any(|event| event == Event::Called(true));
        assert!(!more(&set_events) && !more(&channel_events), "each has what is its own");

        end(of_set);
        end(of_channel);
        for end in [one, other] {
            says!(sfp_channel_end_release(end));
        }
        for channel in [here, there] {
            says!(sfp_channel_release(channel));
        }
        says!(sfp_port_set_release(set));
        says!(sfp_receive_right_release(receive));
        says!(sfp_send_right_release(sender));
    });
}

/// Whether a frame was there, which is given back.
fn acquire(consumer: *mut sfp_consumer) -> bool {
    let mut frame = null_mut();
    // SAFETY: a handle that lives, and a place.
    let status = unsafe { sfp_consumer_acquire(consumer, 0, &raw mut frame) };
    says!(sfp_frame_release(frame));
    assert!(matches!(status, sfp_status::Ok | sfp_status::TimedOut), "{status:?}");
    status == sfp_status::Ok
}

fn present(producer: *mut sfp_producer) {
    let image = made!(sfp_producer_acquire(producer, support::SOON));
    ok!(sfp_producer_present(producer, image, null()));
}

#[test]
fn consumers_and_producers_have_sources() {
    leaving_no_right(|| {
        let (producer, consumer) = swapchain(&support::swapchain_options(64, 64));
        let (of_producer, producer_events) = context(move || {
            ok!(sfp_producer_service(producer));
            true
        });
        let of_producer = add(says!(sfp_runloop_source_create_for_producer(
            producer,
            Some(called),
            of_producer,
            Some(released)
        )));
        let (of_consumer, consumer_events) = context(move || acquire(consumer));
        let of_consumer = add(says!(sfp_runloop_source_create_for_consumer(
            consumer,
            Some(called),
            of_consumer,
            Some(released)
        )));
        // The consumer wants to attach.
        run_until_called(&producer_events);
        for _ in 0..5 {
            while acquire(consumer) {}
            present(producer);
            run_until_called(&consumer_events);
        }
        end(of_consumer);
        end(of_producer);
        says!(sfp_consumer_release(consumer));
        says!(sfp_producer_release(producer));
    });
}

#[test]
fn the_end_of_a_child_is_told_by_a_source() {
    // Cannot connect, since it is no child of ours in more than the system's sense, and ends.
    let program = CString::new(std::env::current_exe().unwrap().to_str().unwrap()).unwrap();
    let arguments = [program.as_ptr(), c"--list".as_ptr(), null()];
    let _alone = process::alone();
    let host = made!(sfp_host_spawn(&support::spawn_options(&arguments)));
    let (context, events) = context(move || {
        let mut ended = MaybeUninit::uninit();
        // SAFETY: a handle that lives, and a place.
        let status = unsafe { sfp_host_wait_exit(host, 0, ended.as_mut_ptr()) };
        status == sfp_status::Ok
    });
    let source = add(says!(sfp_runloop_source_create_for_host(host, Some(called), context, Some(released))));
    run_until_called(&events);
    end(source);
    says!(sfp_host_release(host));
}

#[test]
fn a_dispatch_source_calls_on_its_queue() {
    leaving_no_right(|| {
        let (receive, sender) = port();
        let (context, events) = context(move || take(receive));
        // SAFETY: a label, and no attributes: a serial queue.
        let queue = unsafe { dispatch_queue_create(c"test".as_ptr(), null()) };
        let source = says!(sfp_dispatch_source_create_for_receive_right(
            receive,
            queue,
            Some(called),
            context,
            Some(released)
        ));
        assert!(!source.is_null());
        for text in ["one", "two", "three"] {
            send(sender, text);
        }
        assert_eq!(events.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout), "not active yet");
        says!(dispatch_activate(source));
        let mut taken = 0;
        while taken < 3 {
            // A call can find that the one before took everything.
            taken += u32::from(events.recv_timeout(LONG) == Ok(Event::Called(true)));
        }
        says!(sfp_receive_right_release(receive));
        assert!(!dead(sender), "the source keeps it");
        says!(dispatch_source_cancel(source));
        says!(dispatch_release(source));
        assert_eq!(events.iter().last(), Some(Event::Released));
        assert!(dead(sender));
        says!(dispatch_release(queue));
        says!(sfp_send_right_release(sender));
    });
}

#[test]
fn a_dispatch_source_that_is_only_released_ends_too() {
    leaving_no_right(|| {
        let (producer, consumer) = swapchain(&support::swapchain_options(64, 64));
        let (context, events) = context(move || acquire(consumer));
        let source = says!(sfp_dispatch_source_create_for_consumer(
            consumer,
            null_mut(),
            Some(called),
            context,
            Some(released)
        ));
        while acquire(consumer) {}
        says!(dispatch_activate(source));
        present(producer);
        while events.recv_timeout(LONG).expect("a call") != Event::Called(true) {}
        says!(dispatch_release(source));
        assert_eq!(events.iter().last(), Some(Event::Released));
        says!(sfp_consumer_release(consumer));
        says!(sfp_producer_release(producer));
    });
}

// ---- Raw rights ------------------------------------------------------------------------------------------------

/// A port that the library did not make: the name of its receive right and of one send right.
fn raw_port() -> u32 {
    let mut name = 0;
    // SAFETY: a place for the name, and rights of our own.
    unsafe {
        assert_eq!(mach_port_allocate(task(), RECEIVE, &raw mut name), 0);
        assert_eq!(mach_port_insert_right(task(), name, name, MAKE_SEND), 0);
    }
    name
}

fn give_back_receive(name: u32) {
    // SAFETY: the test owns the right.
    assert_eq!(unsafe { mach_port_mod_refs(task(), name, RECEIVE, -1) }, 0);
}

fn give_back(name: u32) {
    // SAFETY: the test owns the reference.
    assert_eq!(unsafe { mach_port_deallocate(task(), name) }, 0);
}

#[test]
fn a_send_right_out_and_in() {
    leaving_no_right(|| {
        let (receive, sender) = port();
        let name = made!(sfp_send_right_copy_mach_port(sender));
        assert_eq!(references(name, SEND), 2, "the handle's and ours");
        let again = made!(sfp_send_right_from_mach_port(name));
        assert_eq!(references(name, SEND), 3, "ours stayed ours");
        give_back(name);
        send(again, "by the raw one");
        assert!(take(receive));
        says!(sfp_send_right_release(again));
        says!(sfp_receive_right_release(receive));
        let name = made!(sfp_send_right_copy_mach_port(sender));
        assert_eq!(references(name, DEAD_NAME), 2);
        assert_eq!(refused!(sfp_send_right_from_mach_port(name)), sfp_status::InvalidArgument);
        give_back(name);
        says!(sfp_send_right_release(sender));
    });
}

#[test]
fn a_receive_right_out_and_in_with_what_is_queued() {
    leaving_no_right(|| {
        let (receive, sender) = port();
        send(sender, "queued");
        let name = made!(sfp_receive_right_into_mach_port(receive));
        assert_eq!(references(name, RECEIVE), 1);
        assert_eq!(refused!(sfp_receive(receive, 0)), sfp_status::WrongState, "the handle is empty");
        says!(sfp_receive_right_release(receive));
        let receive = made!(sfp_receive_right_from_mach_port(name));
        assert!(take(receive));
        send(sender, "later");
        assert!(take(receive));
        says!(sfp_send_right_release(sender));
        assert_eq!(refused!(sfp_receive(receive, support::SOON)), sfp_status::NoSenders);
        says!(sfp_receive_right_release(receive));
    });
}

#[test]
fn a_right_to_send_once_out_and_in() {
    leaving_no_right(|| {
        let (receive, sender) = port();
        let once = made!(sfp_receive_right_make_send_once(receive));
        let name = made!(sfp_send_once_right_into_mach_port(once));
        assert_eq!(references(name, SEND_ONCE), 1);
        assert_eq!(refused!(sfp_send_once_right_into_mach_port(once)), sfp_status::WrongState);
        says!(sfp_send_once_right_release(once));
        let once = made!(sfp_send_once_right_from_mach_port(name));
        ok!(sfp_send_once(once, message(1, "the answer"), support::SOON));
        says!(sfp_send_once_right_release(once));
        assert_eq!(references(name, SEND_ONCE), 0);
        assert!(take(receive));
        // Given back unused, it says so to the receiver, as any.
        let once = made!(sfp_receive_right_make_send_once(receive));
        give_back(made!(sfp_send_once_right_into_mach_port(once)));
        says!(sfp_send_once_right_release(once));
        assert_eq!(refused!(sfp_receive(receive, support::SOON)), sfp_status::PeerDead);
        says!(sfp_receive_right_release(receive));
        says!(sfp_send_right_release(sender));
    });
}

#[test]
fn the_end_of_a_channel_out_and_in() {
    leaving_no_right(|| {
        let (one, other) = channel_ends();
        let mut outgoing = 0;
        // SAFETY: two places for results.
        let incoming = support::result(|place| unsafe {
            sfp_channel_end_into_mach_ports(one, place, &raw mut outgoing)
        });
        let incoming = incoming.unwrap();
        says!(sfp_channel_end_release(one));
        // Refused as a whole: both names are still ours.
        for (receive, send) in [(incoming, 0), (0, outgoing)] {
            assert_eq!(refused!(sfp_channel_end_from_mach_ports(receive, send)), sfp_status::InvalidArgument);
        }
        assert_eq!(references(incoming, RECEIVE), 1);
        let one = made!(sfp_channel_end_from_mach_ports(incoming, outgoing));
        give_back(outgoing);
        let (here, there) = (made!(sfp_channel_end_open(one)), made!(sfp_channel_end_open(other)));
        for (from, to) in [(here, there), (there, here)] {
            ok!(sfp_channel_send(from, message(1, "across"), support::SOON));
            let taken = made!(sfp_channel_receive(to, support::SOON));
            assert_eq!(payload(taken), b"across");
            says!(sfp_message_release(taken));
        }
        for end in [one, other] {
            says!(sfp_channel_end_release(end));
        }
        for channel in [here, there] {
            says!(sfp_channel_release(channel));
        }
    });
}

#[test]
fn names_that_have_no_such_right_stay_what_they_were() {
    leaving_no_right(|| {
        let name = raw_port();
        let before = [SEND, RECEIVE, SEND_ONCE].map(|right| references(name, right));
        assert_eq!(before, [1, 1, 0]);
        assert_eq!(refused!(sfp_send_once_right_from_mach_port(name)), sfp_status::InvalidArgument);
        for nothing in [0, u32::MAX, 0x1234_5603] {
            assert_eq!(refused!(sfp_send_right_from_mach_port(nothing)), sfp_status::InvalidArgument);
            assert_eq!(refused!(sfp_send_once_right_from_mach_port(nothing)), sfp_status::InvalidArgument);
            assert_eq!(refused!(sfp_receive_right_from_mach_port(nothing)), sfp_status::InvalidArgument);
            assert_eq!(refused!(sfp_channel_end_from_mach_ports(name, nothing)), sfp_status::InvalidArgument);
            assert_eq!(refused!(sfp_channel_end_from_mach_ports(nothing, name)), sfp_status::InvalidArgument);
        }
        assert_eq!([SEND, RECEIVE, SEND_ONCE].map(|right| references(name, right)), before);
        // And as what they are they can be taken in.
        let receive = made!(sfp_receive_right_from_mach_port(name));
        let sender = made!(sfp_send_right_from_mach_port(name));
        send(sender, "through a foreign port");
        assert!(take(receive));
        give_back(name);
        says!(sfp_send_right_release(sender));
        assert_eq!(refused!(sfp_receive(receive, support::SOON)), sfp_status::NoSenders);
        says!(sfp_receive_right_release(receive));
    });
}

/// A source outlives the thread that made it, and can be retained by several.
#[test]
fn a_source_is_freed_by_who_releases_it_last() {
    leaving_no_right(|| {
        let (receive, sender) = port();
        let (context, events) = context(|| true);
        let source = says!(sfp_runloop_source_create_for_receive_right(
            receive,
            Some(called),
            context,
            Some(released)
        ));
        says!(sfp_receive_right_release(receive));
        // SAFETY: one more reference to a source that lives.
        let elsewhere = unsafe { CFRetain(source.cast_const().cast()) } as usize;
        end(source.cast_const().cast());
        assert!(events.try_recv().is_err(), "another one still has it");
        // SAFETY: our second reference.
        std::thread::spawn(move || unsafe { CFRelease(elsewhere as CfType) }).join().unwrap();
        assert_eq!(events.iter().collect::<Vec<_>>(), [Event::Released]);
        assert!(dead(sender));
        says!(sfp_send_right_release(sender));
    });
}
