//! NULL for every pointer of every function: refused, without a crash and without a trace.

use std::collections::BTreeSet;
use std::ffi::c_int;

use crate::functions::functions;
use crate::support::*;

/// One valid argument of each kind, for calls of which another argument is NULL.
struct World {
    send: *mut sfp_send_right,
    once: *mut sfp_send_once_right,
    receive: *mut sfp_receive_right,
    set: *mut sfp_port_set,
    message: *mut sfp_message,
    other_message: *mut sfp_message,
    memory: *mut sfp_memory,
    surface: *mut sfp_surface,
    descriptor: sfp_surface_descriptor,
    channel: *mut sfp_channel,
    end: *mut sfp_channel_end,
    producer: *mut sfp_producer,
    image: *mut sfp_image,
    right: *mut sfp_consumer_right,
    consumer: *mut sfp_consumer,
    frame: *mut sfp_frame,
    host: *mut sfp_host,
    child: *mut sfp_child,
    invitation: *mut sfp_invitation,
    swapchain_options: sfp_swapchain_options,
    present_info: sfp_present_info,
    consumer_options: sfp_consumer_options,
    spawn_options: sfp_spawn_options,
    places: [u64; 32],
}

/// What the places of results have in them, before and after.
const UNTOUCHED: u64 = 0xa5a5_a5a5_5a5a_5a5a;

const NAME: *const std::ffi::c_char = c"org.surfaceport.test.null".as_ptr();
/// A program that is never started.
const PROGRAM: &Program = &Program([c"/surfaceport/none".as_ptr(), null()]);
struct Program([*const std::ffi::c_char; 2]);
const BYTES: *const std::ffi::c_void = c"bytes".as_ptr().cast();

impl World {
    fn new() -> Box<Self> {
        let (receive, send) = port();
        let swapchain_options = swapchain_options(8, 8);
        let (producer, consumer) = swapchain(&swapchain_options);
        ok!(sfp_producer_present(producer, made!(sfp_producer_acquire(producer, SOON)), null()));
        let frame = made!(sfp_consumer_acquire(consumer, SOON));
        let (end, other) = channel_ends();
        let channel = made!(sfp_channel_end_open(other));
        says!(sfp_channel_end_release(other));
        let (host, child) = session();
        Box::new(Self {
            send,
            once: made!(sfp_receive_right_make_send_once(receive)),
            receive,
            set: made!(sfp_port_set_create()),
            message: message(1, "one"),
            other_message: message(2, "two"),
            memory: made!(sfp_memory_create(100, MaybeUninit::new(sfp_memory_access::ReadWrite))),
            surface: surface(8, 8, sfp_pixel_format::Bgra8),
            descriptor: descriptor(8, 8, sfp_pixel_format::Bgra8),
            channel,
            end,
            producer,
            image: made!(sfp_producer_acquire(producer, SOON)),
            right: made!(sfp_producer_create_consumer_right(producer)),
            consumer,
            frame,
            host: says!(sfp_host_retain(host)),
            child: says!(sfp_child_retain(child)),
            invitation: made!(sfp_invitation_create()),
            swapchain_options,
            present_info: present_info(),
            consumer_options: consumer_options(0),
            spawn_options: spawn_options(&PROGRAM.0),
            places: [UNTOUCHED; 32],
        })
    }

    /// Takes back what a call did whose NULL is allowed.
    fn undo(&mut self, name: &str) {
        match name {
            "sfp_producer_present" => self.image = null_mut(),
            "sfp_channel_send_or_drop" => self.message = message(1, "one"),
            "sfp_consumer_attach" => {
                let made = std::mem::replace(&mut self.places[0], UNTOUCHED);
                says!(sfp_consumer_release(made as *mut sfp_consumer));
            }
            _ => {}
        }
    }

    /// A place for a result; of two results the second is at 1.
    fn out<T>(&mut self, index: usize) -> *mut T {
        (&raw mut self.places[16 * index]).cast()
    }

    /// An object of the system's, which no call looks at that has NULL for a result.
    #[cfg(target_os = "macos")]
    fn somebodys<T>(&mut self) -> *mut T {
        self.out(1)
    }

    fn end(self: Box<Self>) {
        assert_eq!(self.places, [UNTOUCHED; 32], "a result was written");
        assert_eq!((payload(self.message), payload(self.other_message)), (b"one".to_vec(), b"two".to_vec()));
        // SAFETY: each was made in `new`, and no call that failed took it.
        unsafe {
            sfp_send_right_release(self.send);
            sfp_send_once_right_release(self.once);
            sfp_receive_right_release(self.receive);
            sfp_port_set_release(self.set);
            sfp_message_release(self.message);
            sfp_message_release(self.other_message);
            sfp_memory_release(self.memory);
            sfp_surface_release(self.surface);
            sfp_channel_release(self.channel);
            sfp_channel_end_release(self.end);
            sfp_image_release(self.image);
            sfp_frame_release(self.frame);
            sfp_consumer_release(self.consumer);
            sfp_producer_release(self.producer);
            sfp_consumer_right_release(self.right);
            sfp_host_release(self.host);
            sfp_child_release(self.child);
            sfp_invitation_release(self.invitation);
        }
    }
}

/// An argument that can be NULL instead, if it is a pointer.
trait Argument {
    fn or_null(self, null: bool) -> Self;
}

impl<T> Argument for *mut T {
    fn or_null(self, null: bool) -> Self {
        if null { null_mut() } else { self }
    }
}

impl<T> Argument for *const T {
    fn or_null(self, null: bool) -> Self {
        if null { std::ptr::null() } else { self }
    }
}

macro_rules! is_no_pointer {
    ($($kind:ty),*) => {$(
        impl Argument for $kind {
            fn or_null(self, null: bool) -> Self {
                assert!(!null, "the table and the source differ");
                self
            }
        }
    )*};
}
is_no_pointer!(bool, c_int, u32, i64, u64, usize);

#[cfg(target_os = "macos")]
impl<T> Argument for Option<unsafe extern "C" fn(*mut T)> {
    fn or_null(self, null: bool) -> Self {
        self.filter(|_| !null)
    }
}

impl<T> Argument for MaybeUninit<T> {
    fn or_null(self, null: bool) -> Self {
        assert!(!null, "the table and the source differ");
        self
    }
}

/// What a call said.
#[derive(Debug, PartialEq)]
enum Answer {
    Status(sfp_status),
    /// A value, and whether it is the one that means *none*.
    Value {
        is_none: bool,
    },
    Nothing,
}

trait ToAnswer {
    fn answer(self) -> Answer;
}

impl ToAnswer for sfp_status {
    fn answer(self) -> Answer {
        Answer::Status(self)
    }
}

impl ToAnswer for () {
    fn answer(self) -> Answer {
        Answer::Nothing
    }
}

impl<T> ToAnswer for *mut T {
    fn answer(self) -> Answer {
        Answer::Value { is_none: self.is_null() }
    }
}

impl<T> ToAnswer for *const T {
    fn answer(self) -> Answer {
        Answer::Value { is_none: self.is_null() }
    }
}

macro_rules! is_none_if {
    ($($kind:ty: $none:expr),* $(,)?) => {$(
        impl ToAnswer for $kind {
            fn answer(self) -> Answer {
                Answer::Value { is_none: self == $none }
            }
        }
    )*};
}
is_none_if!(u32: 0, u64: 0, i64: 0, usize: 0, bool: false, c_int: -1, sfp_attachment: sfp_attachment::None,
    sfp_pixel_format: sfp_pixel_format::Default, sfp_backing: sfp_backing::Native);

/// A function, how many arguments the table gives it, and a call with the argument of an index as NULL.
struct Entry {
    name: &'static str,
    arguments: usize,
    call: fn(&mut World, usize) -> Answer,
}

/// What a source calls that is never added anywhere.
#[cfg(target_os = "macos")]
unsafe extern "C" fn nothing(_: *mut std::ffi::c_void) {}

macro_rules! entries {
    ($world:ident; $($name:ident($($argument:expr),* $(,)?);)*) => {
        vec![$(Entry {
            name: stringify!($name),
            arguments: <[&str]>::len(&[$(stringify!($argument)),*]),
            #[allow(unused)]
            call: |$world, null| {
                let mut index = 0;
                let mut is_null = || {
                    index += 1;
                    index - 1 == null
                };
                // SAFETY: NULL or what the manual asks for.
                ToAnswer::answer(unsafe { $name($(Argument::or_null($argument, is_null())),*) })
            },
        }),*]
    };
}

fn entries() -> Vec<Entry> {
    let mut all = entries! { w;
        sfp_status_name(any(1));
        sfp_last_error_message();
        sfp_last_error_status();
        sfp_version();
        sfp_version_string();
        sfp_time_now();

        sfp_send_right_retain(w.send);
        sfp_send_right_release(w.send);
        sfp_send_right_is_dead(w.send.cast_const(), w.out(0));
        sfp_send(w.send, w.message, 0);
        sfp_request(w.send, w.message, 0, w.out(0));
        sfp_send_once_right_retain(w.once);
        sfp_send_once_right_release(w.once);
        sfp_send_once_right_is_dead(w.once.cast_const(), w.out(0));
        sfp_send_once(w.once, w.message, 0);
        sfp_receive_right_create(w.out(0));
        sfp_receive_right_retain(w.receive);
        sfp_receive_right_release(w.receive);
        sfp_receive_right_make_send(w.receive, w.out(0));
        sfp_receive_right_make_send_once(w.receive, w.out(0));
        sfp_receive(w.receive, 0, w.out(0));
        sfp_receive_right_fd(w.receive.cast_const());

        sfp_port_set_create(w.out(0));
        sfp_port_set_retain(w.set);
        sfp_port_set_release(w.set);
        sfp_port_set_add(w.set, w.receive, 1);
        sfp_port_set_remove(w.set, 1);
        sfp_port_set_watch(w.set, w.send, 1);
        sfp_port_set_unwatch(w.set, 1);
        sfp_port_set_wait(w.set, 0, w.out(0));
        sfp_port_set_fd(w.set.cast_const());

        sfp_message_create(1);
        sfp_message_retain(w.message);
        sfp_message_release(w.message);
        sfp_message_is_empty(w.message.cast_const());
        sfp_message_id(w.message.cast_const());
        sfp_message_append(w.message, BYTES, 5);
        sfp_message_payload(w.message.cast_const());
        sfp_message_payload_size(w.message.cast_const());
        sfp_message_attach_send_right(w.message, w.send);
        sfp_message_attach_receive_right(w.message, w.receive);
        sfp_message_attach_memory(w.message, w.memory);
        sfp_message_attach_surface(w.message, w.surface);
        sfp_message_attach_fd(w.message, 0);
        sfp_message_attachment_count(w.message.cast_const());
        sfp_message_attachment_kind(w.message.cast_const(), 0);
        sfp_message_take_send_right(w.message, 0, w.out(0));
        sfp_message_take_receive_right(w.message, 0, w.out(0));
        sfp_message_take_memory(w.message, 0, w.out(0));
        sfp_message_take_surface(w.message, 0, w.out(0));
        sfp_message_take_fd(w.message, 0, w.out(0));
        sfp_message_sender(w.message.cast_const(), w.out(0));
        sfp_message_has_reply_right(w.message.cast_const());
        sfp_message_reply(w.message, w.other_message, 0);
        sfp_message_take_reply_right(w.message, w.out(0));
        sfp_message_set_reply_right(w.message, w.once);

        sfp_bootstrap_check_in(NAME, w.out(0));
        sfp_bootstrap_look_up(NAME, 0, w.out(0));

        sfp_memory_create(100, any(0), w.out(0));
        sfp_memory_retain(w.memory);
        sfp_memory_release(w.memory);
        sfp_memory_base(w.memory.cast_const());
        sfp_memory_size(w.memory.cast_const());
        sfp_memory_is_writable(w.memory.cast_const());
        sfp_memory_prefault(w.memory);
        sfp_memory_write(w.memory, 0, BYTES, 5);
        sfp_memory_read(w.memory.cast_const(), 0, w.out(0), 5);

        sfp_surface_create(&raw const w.descriptor, w.out(0));
        sfp_surface_retain(w.surface);
        sfp_surface_release(w.surface);
        sfp_surface_id(w.surface.cast_const());
        sfp_surface_width(w.surface.cast_const());
        sfp_surface_height(w.surface.cast_const());
        sfp_surface_pixel_format(w.surface.cast_const());
        sfp_surface_backing(w.surface.cast_const());
        sfp_surface_plane_count(w.surface.cast_const());
        sfp_surface_plane(w.surface.cast_const(), 0, w.out(0));
        sfp_surface_allocation_size(w.surface.cast_const());
        sfp_surface_prefault(w.surface);
        sfp_surface_seed(w.surface.cast_const());
        sfp_surface_lock(w.surface, any(0), w.out(0));
        sfp_surface_unlock(w.surface, any(0));
        sfp_surface_use_count(w.surface.cast_const());
        sfp_surface_increment_use_count(w.surface);
        sfp_surface_decrement_use_count(w.surface);
        sfp_surface_is_in_use(w.surface.cast_const());
        sfp_surface_set_purgeable(w.surface, any(0), w.out(0));
        sfp_surface_purgeable(w.surface.cast_const(), w.out(0));
        sfp_surface_set_value(w.surface, NAME, BYTES, 5);
        sfp_surface_value(w.surface.cast_const(), NAME, w.out(0), 5, w.out(1));
        sfp_surface_remove_value(w.surface, NAME);
        sfp_surface_value_names(w.surface.cast_const(), w.out(0), 5, w.out(1));
        sfp_surface_set_color_space(w.surface, any(1));
        sfp_surface_color_space(w.surface.cast_const(), w.out(0));
        sfp_live_surfaces(w.out(0), 5, w.out(1));

        sfp_channel_end_create_pair(w.out(0), w.out(1));
        sfp_channel_end_retain(w.end);
        sfp_channel_end_release(w.end);
        sfp_channel_end_open(w.end, w.out(0));
        sfp_message_attach_channel_end(w.message, w.end);
        sfp_message_take_channel_end(w.message, 0, w.out(0));
        sfp_channel_retain(w.channel);
        sfp_channel_release(w.channel);
        sfp_channel_send(w.channel, w.message, 0);
        sfp_channel_send_or_drop(w.channel, w.message, w.out(0));
        sfp_channel_request(w.channel, w.message, 0, w.out(0));
        sfp_channel_receive(w.channel, 0, w.out(0));
        sfp_channel_peer(w.channel.cast_const(), w.out(0));
        sfp_channel_is_peer_dead(w.channel.cast_const(), w.out(0));
        sfp_channel_refused(w.channel.cast_const());
        sfp_channel_dropped(w.channel.cast_const());
        sfp_channel_set_spin_time(w.channel, 0);
        sfp_channel_writable_fd(w.channel.cast_const());
        sfp_channel_fd(w.channel.cast_const());

        sfp_producer_create(&raw const w.swapchain_options, w.out(0));
        sfp_producer_retain(w.producer);
        sfp_producer_release(w.producer);
        sfp_producer_acquire(w.producer, 0, w.out(0));
        sfp_producer_present(w.producer, w.image, &raw const w.present_info);
        sfp_producer_resize(w.producer, 9, 9);
        sfp_producer_reconfigure(w.producer, &raw const w.descriptor);
        sfp_producer_service(w.producer);
        sfp_producer_drain(w.producer, 0);
        sfp_producer_get_statistics(w.producer.cast_const(), w.out(0));
        sfp_producer_create_consumer_right(w.producer, w.out(0));
        sfp_producer_set_spin_time(w.producer, 0);
        sfp_producer_fd(w.producer.cast_const());
        sfp_image_retain(w.image);
        sfp_image_release(w.image);
        sfp_image_surface(w.image);
        sfp_image_index(w.image.cast_const());
        sfp_image_lock(w.image, any(0), w.out(0));
        sfp_image_unlock(w.image);

        sfp_consumer_right_retain(w.right);
        sfp_consumer_right_release(w.right);
        sfp_message_attach_consumer_right(w.message, w.right);
        sfp_message_take_consumer_right(w.message, 0, w.out(0));

        sfp_consumer_attach(w.right, &raw const w.consumer_options, w.out(0));
        sfp_consumer_retain(w.consumer);
        sfp_consumer_release(w.consumer);
        sfp_consumer_acquire(w.consumer, 0, w.out(0));
        sfp_consumer_get_statistics(w.consumer.cast_const(), w.out(0));
        sfp_consumer_set_spin_time(w.consumer, 0);
        sfp_consumer_fd(w.consumer.cast_const());
        sfp_frame_retain(w.frame);
        sfp_frame_release(w.frame);
        sfp_frame_surface(w.frame);
        sfp_frame_number(w.frame.cast_const());
        sfp_frame_get_info(w.frame.cast_const(), w.out(0));

        sfp_host_spawn(&raw const w.spawn_options, w.out(0));
        sfp_host_retain(w.host);
        sfp_host_release(w.host);
        sfp_host_wait_connected(w.host, 0);
        sfp_host_accept_consumer(w.host, 0, w.out(0));
        sfp_host_accept_consumer_right(w.host, 0, w.out(0));
        sfp_host_offer_consumer_right(w.host, w.right);
        sfp_host_channel(w.host, 0, w.out(0));
        sfp_host_wait_exit(w.host, 0, w.out(0));
        sfp_host_kill(w.host);
        sfp_host_process_id(w.host.cast_const());
        sfp_host_is_connected(w.host.cast_const());
        sfp_host_features(w.host.cast_const());
        sfp_host_refused(w.host.cast_const());
        sfp_host_fd(w.host.cast_const());

        sfp_child_connect(0, w.out(0));
        sfp_child_retain(w.child);
        sfp_child_release(w.child);
        sfp_child_create_producer(w.child, &raw const w.swapchain_options, w.out(0));
        sfp_child_offer_consumer_right(w.child, w.right);
        sfp_child_accept_consumer(w.child, 0, w.out(0));
        sfp_child_accept_consumer_right(w.child, 0, w.out(0));
        sfp_child_channel(w.child, w.out(0));
        sfp_child_wait_closed(w.child, 0);
        sfp_child_host(w.child.cast_const(), w.out(0));
        sfp_child_features(w.child.cast_const());
        sfp_child_refused(w.child.cast_const());
        sfp_child_fd(w.child.cast_const());

        sfp_invitation_create(w.out(0));
        sfp_invitation_retain(w.invitation);
        sfp_invitation_release(w.invitation);
        sfp_invitation_environment(w.invitation.cast_const());
        sfp_invitation_fds(w.invitation.cast_const());
        sfp_invitation_set_hello_timeout(w.invitation, 0);
        sfp_invitation_set_allow_descendants(w.invitation, true);
        sfp_invitation_into_host(w.invitation, 1, w.out(0));
    };
    #[cfg(target_os = "linux")]
    all.extend(entries! { w;
        sfp_send_right_into_fd(w.send, w.out(0));
        sfp_send_right_from_fd(0, w.out(0));
        sfp_receive_right_into_fd(w.receive, w.out(0));
        sfp_receive_right_from_fd(0, w.out(0));
        sfp_surface_export_fd(w.surface, w.out(0));
        sfp_surface_export_dma_buf(w.surface, w.out(0));
        sfp_channel_end_into_fds(w.end, w.out(0), w.out(1));
        sfp_channel_end_from_fds(0, 0, w.out(0));
    });
    #[cfg(target_os = "macos")]
    all.extend(entries! { w;
        sfp_surface_iosurface(w.surface.cast_const());
        sfp_surface_from_iosurface(w.somebodys(), w.out(0));
        sfp_surface_from_pixel_buffer(w.somebodys(), w.out(0));
        sfp_surface_create_pixel_buffer(w.surface, w.out(0));
        sfp_surface_create_xpc_object(w.surface, w.out(0));
        sfp_surface_from_xpc_object(w.somebodys(), w.out(0));
        sfp_surface_create_mach_port(w.surface, w.out(0));
        sfp_surface_from_mach_port(0, w.out(0));
        sfp_send_right_copy_mach_port(w.send, w.out(0));
        sfp_send_right_from_mach_port(0, w.out(0));
        sfp_send_once_right_into_mach_port(w.once, w.out(0));
        sfp_send_once_right_from_mach_port(0, w.out(0));
        sfp_receive_right_into_mach_port(w.receive, w.out(0));
        sfp_receive_right_from_mach_port(0, w.out(0));
        sfp_channel_end_into_mach_ports(w.end, w.out(0), w.out(1));
        sfp_channel_end_from_mach_ports(0, 0, w.out(0));
        sfp_runloop_source_create_for_receive_right(w.receive, Some(nothing), null_mut(), None);
        sfp_runloop_source_create_for_port_set(w.set, Some(nothing), null_mut(), None);
        sfp_runloop_source_create_for_channel(w.channel, Some(nothing), null_mut(), None);
        sfp_runloop_source_create_for_producer(w.producer, Some(nothing), null_mut(), None);
        sfp_runloop_source_create_for_consumer(w.consumer, Some(nothing), null_mut(), None);
        sfp_runloop_source_create_for_host(w.host, Some(nothing), null_mut(), None);
        sfp_runloop_source_create_for_child(w.child, Some(nothing), null_mut(), None);
        sfp_dispatch_source_create_for_receive_right(w.receive, null_mut(), None, null_mut(), None);
        sfp_dispatch_source_create_for_port_set(w.set, null_mut(), None, null_mut(), None);
        sfp_dispatch_source_create_for_channel(w.channel, null_mut(), None, null_mut(), None);
        sfp_dispatch_source_create_for_producer(w.producer, null_mut(), None, null_mut(), None);
        sfp_dispatch_source_create_for_consumer(w.consumer, null_mut(), None, null_mut(), None);
        sfp_dispatch_source_create_for_host(w.host, null_mut(), None, null_mut(), None);
        sfp_dispatch_source_create_for_child(w.child, null_mut(), None, null_mut(), None);
    });
    all
}

#[test]
fn every_function_is_in_the_table() {
    let declared: BTreeSet<(String, usize)> =
        functions().into_iter().map(|function| (function.name, function.parameters.len())).collect();
    let listed: BTreeSet<(String, usize)> =
        entries().iter().map(|entry| (entry.name.to_owned(), entry.arguments)).collect();
    assert_eq!(declared, listed);
}

#[test]
fn null_is_refused_wherever_it_is_not_allowed() {
    session();
    let _balance = Balance::begin();
    let functions = functions();
    let mut tried = 0;
    for entry in entries() {
        let function = functions.iter().find(|function| function.name == entry.name).unwrap();
        for (index, parameter) in function.parameters.iter().enumerate() {
            // A context is handed back as it is.
            if !parameter.is_pointer || parameter.name == "context" {
                continue;
            }
            tried += 1;
            let what = format!("{} with {} as NULL", entry.name, parameter.name);
            let mut world = World::new();
            // Another failure before, to see that this one is told.
            assert_eq!(says!(sfp_port_set_remove(world.set, 9)), sfp_status::NotFound);
            let answer = (entry.call)(&mut world, index);
            let takes_null = entry.name.ends_with("_retain") || entry.name.ends_with("_release");
            // With bytes to read or write behind it, NULL is refused where none would be fine.
            let has_bytes = ["bytes", "buffer", "ids"].contains(&parameter.name.as_str());
            let allowed = takes_null || parameter.can_be_null && !has_bytes;
            assert_eq!(allowed, parameter.can_be_null && !has_bytes, "{what}: the manual says otherwise");
            match answer {
                Answer::Status(status) if allowed => assert_eq!(status, OK, "{what}"),
                Answer::Status(status) => assert_eq!(status, sfp_status::InvalidArgument, "{what}"),
                Answer::Value { is_none } => assert!(is_none, "{what}"),
                Answer::Nothing => {}
            }
            if allowed {
                assert_eq!(sfp_last_error_status(), sfp_status::NotFound, "{what}: no failure");
            } else {
                assert_eq!(sfp_last_error_status(), sfp_status::InvalidArgument, "{what}");
                let expected = format!("`{}` is NULL", parameter.name);
                assert_eq!(last_message(), expected, "{what}");
            }
            if allowed {
                world.undo(entry.name);
            }
            world.end();
        }
    }
    assert!(tried > 240, "only {tried} pointers");
}

#[test]
fn of_no_bytes_the_pointer_can_be_null() {
    session();
    let _balance = Balance::begin();
    let mut world = World::new();
    ok!(sfp_message_append(world.message, null(), 0));
    ok!(sfp_memory_write(world.memory, 100, null(), 0));
    ok!(sfp_memory_read(world.memory, 100, null_mut(), 0));
    ok!(sfp_surface_set_value(world.surface, NAME, null(), 0));
    assert_eq!(made!(sfp_surface_value(world.surface, NAME, null_mut(), 0)), 0);
    assert_eq!(made!(sfp_surface_value_names(world.surface, null_mut(), 0)), 26);
    made!(sfp_live_surfaces(null_mut(), 0));
    let place = world.out::<sfp_surface_totals>(0);
    assert_eq!(says!(sfp_live_surfaces(null_mut(), 1, place)), sfp_status::InvalidArgument);
    world.end();
}
