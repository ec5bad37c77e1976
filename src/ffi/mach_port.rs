//! Raw Mach rights, out of handles and into handles.
//!
//! So a right can take any way that carries one: a message of your own, MIG, XPC, a port that launchd or
//! Core Animation gave you.

use libc::mach_port_t;

use super::boundary::call;
use super::channel::sfp_channel_end;
use super::handle::{borrow, out};
use super::port::{sfp_receive_right, sfp_send_once_right, sfp_send_right};
use super::status::sfp_status;
use crate::channel::{ChannelEnd, ChannelRights};
use crate::port::{ReceiveRight, SendOnceRight, SendRight};
use crate::sys::port;

/// Gives the Mach port behind a send right, with a reference of your own.
///
/// Parameters:
/// - `right`: the right; it stays as it is.
/// - `port`: becomes the port's name, with one reference to a send right that is yours to give back by
///   mach_port_deallocate(). If the port is dead, it is the name of a dead name, or MACH_PORT_DEAD.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: the handle is empty.
///
/// Threads: any. Systems: macOS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_send_right_copy_mach_port(
    right: *mut sfp_send_right,
    port: *mut mach_port_t,
) -> sfp_status {
    call(|| {
        let (right, port) = (borrow!(right), out!(port));
        port.set(right.0.get()?.try_clone()?.into_raw().into_name());
        Ok(())
    })
}

/// Makes a send right of a Mach port that you have one for.
///
/// Parameters:
/// - `port`: the port's name. Its reference stays yours: the call takes one of its own.
/// - `right`: becomes the right, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: the name has no send right, also because the port is dead.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: the name has as many references as it can have.
///
/// Threads: any, while no other one gives back your reference. Systems: macOS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_send_right_from_mach_port(
    port: mach_port_t,
    right: *mut *mut sfp_send_right,
) -> sfp_status {
    call(|| {
        let right = out!(right);
        right.give(sfp_send_right::new(SendRight(port::SendRight::clone_of_any_name(port)?)));
        Ok(())
    })
}

/// Turns a right to send once into the Mach port behind it. The handle is empty then; release it.
///
/// Parameters:
/// - `right`: the right.
/// - `port`: becomes the name of the send-once right, which is yours: send to it, or give it back by
///   mach_port_deallocate(). If the port is dead, it can be MACH_PORT_DEAD.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: the handle is empty.
///
/// Threads: any. Systems: macOS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_send_once_right_into_mach_port(
    right: *mut sfp_send_once_right,
    port: *mut mach_port_t,
) -> sfp_status {
    call(|| {
        let (right, port) = (borrow!(right), out!(port));
        port.set(right.0.consume_by(|right| Ok(right.0.into_name()))?);
        Ok(())
    })
}

/// Makes a right to send once of a Mach port's name, such as msgh_remote_port of a message that you received
/// by mach_msg().
///
/// What sfp_send_once() sends to it has the format of this library.
///
/// Parameters:
/// - `port`: the name of a send-once right. Success makes it the handle's; after a failure it is yours.
/// - `right`: becomes the right, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: the name has no send-once right, also because the port is dead.
///
/// Threads: any, while no other one uses the name. Systems: macOS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_send_once_right_from_mach_port(
    port: mach_port_t,
    right: *mut *mut sfp_send_once_right,
) -> sfp_status {
    call(|| {
        let right = out!(right);
        // SAFETY: the C manual says that a send-once right under this name is the caller's, and now ours.
        let once = unsafe { port::SendOnceRight::from_any_name(port) }?;
        right.give(sfp_send_once_right::new(SendOnceRight(once)));
        Ok(())
    })
}

/// Turns a receive right into the Mach port behind it, with all that is queued. The handle is empty then;
/// release it.
///
/// What is queued has the format of this library, which sfp_receive_right_from_mach_port() understands, in any
/// process.
///
/// Parameters:
/// - `right`: the right.
/// - `port`: becomes the name of the receive right, which is yours to give back by
///   mach_port_mod_refs(mach_task_self(), port, MACH_PORT_RIGHT_RECEIVE, -1).
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: the handle is empty, or another thread is in a call with it, or a run loop or
///   dispatch source has it.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: a message waits for what was lacking when it was to be received.
///
/// Threads: any. Systems: macOS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_receive_right_into_mach_port(
    right: *mut sfp_receive_right,
    port: *mut mach_port_t,
) -> sfp_status {
    call(|| {
        let (right, port) = (borrow!(right), out!(port));
        port.set(right.0.move_by(ReceiveRight::into_raw)?.into_name());
        Ok(())
    })
}

/// Makes a receive right of a Mach port that you have one for.
///
/// Messages that do not have the format of this library are destroyed: sfp_receive() says
/// SFP_STATUS_MALFORMED. The notification of the port's last sender (MACH_NOTIFY_NO_SENDERS) is the library's
/// from then on.
///
/// Parameters:
/// - `port`: the name of a receive right, in no port set. Success makes it the handle's; after a failure it is
///   yours. Send rights under the same name stay yours.
/// - `right`: becomes the right, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: the name has no receive right.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it.
///
/// Threads: any, while no other one uses the name. Systems: macOS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_receive_right_from_mach_port(
    port: mach_port_t,
    right: *mut *mut sfp_receive_right,
) -> sfp_status {
    call(|| {
        let right = out!(right);
        // SAFETY: the C manual says that a receive right under this name is the caller's, and now ours.
        let receive = unsafe { port::ReceiveRight::from_any_name(port) }?;
        right.give(sfp_receive_right::new(ReceiveRight(receive)));
        Ok(())
    })
}

/// Turns the end of a channel into the two Mach ports behind it, to be carried by any means that carries a
/// receive right. The end's handle is empty then; release it.
///
/// Where only a send right can be carried, or looked up: carry one to a port of the other process, make a handle of it
/// by sfp_send_right_from_mach_port(), and send it the end in a message.
///
/// Parameters:
/// - `end`: the end.
/// - `receive`: becomes the name of the receive right, where this end's messages arrive. It is yours.
/// - `send`: becomes the name of the send right, where this end's messages go, with one reference that is yours.
///
/// Returns as sfp_receive_right_into_mach_port().
///
/// Threads: any. Systems: macOS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_end_into_mach_ports(
    end: *mut sfp_channel_end,
    receive: *mut mach_port_t,
    send: *mut mach_port_t,
) -> sfp_status {
    call(|| {
        let (end, receive, send) = (borrow!(end), out!(receive), out!(send));
        let raw = end.0.consume_by(|end| end.into_raw().map_err(|(end, error)| (Some(end), error)))?;
        let ChannelRights { receive: receive_right, send: send_right } = raw;
        receive.set(receive_right.into_name());
        send.set(send_right.into_name());
        Ok(())
    })
}

/// Makes the end of a channel of its two Mach ports.
///
/// Parameters:
/// - `receive`: the name of a receive right, as sfp_receive_right_from_mach_port() takes it: success makes it the
///   handle's.
/// - `send`: the name of a send right, as sfp_send_right_from_mach_port() takes it: its reference stays yours.
/// - `end`: becomes the end, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: a name does not have its right.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it.
///
/// Threads: any, while no other one uses the names. Systems: macOS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_end_from_mach_ports(
    receive: mach_port_t,
    send: mach_port_t,
    end: *mut *mut sfp_channel_end,
) -> sfp_status {
    call(|| {
        let end = out!(end);
        let send = SendRight(port::SendRight::clone_of_any_name(send)?);
        // SAFETY: as in `sfp_receive_right_from_mach_port`; behind it nothing fails.
        let receive = ReceiveRight(unsafe { port::ReceiveRight::from_any_name(receive) }?);
        end.give(sfp_channel_end::new(ChannelEnd::of(receive, send)));
        Ok(())
    })
}
