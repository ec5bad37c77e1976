//! Names in one table.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::Mutex;

use super::failures::point;
use super::port::{ReceiveRight, SendRight};
use crate::error::{Error, Result, Status};
use crate::time::Deadline;

static NAMES: LazyLock<Mutex<HashMap<String, Weak<super::port::Port>>>> = LazyLock::new(Mutex::default);

pub(crate) fn check_in(name: &str) -> Result<ReceiveRight> {
    point("checking a name in")?;
    let mut names = NAMES.lock();
    if names.get(name).and_then(Weak::upgrade).is_some_and(|port| !port.is_dead()) {
        return Err(Error::new(Status::AlreadyExists, format!("the name {name} has an owner")));
    }
    let right = ReceiveRight::named()?;
    names.insert(name.to_owned(), Arc::downgrade(right.port()));
    Ok(right)
}

pub(crate) fn look_up(name: &str, deadline: Deadline) -> Result<SendRight> {
    point("looking a name up")?;
    let port = NAMES.lock().get(name).and_then(Weak::upgrade).filter(|port| !port.is_dead());
    let status = if deadline.is_over() { Status::NotFound } else { Status::TimedOut };
    port.map(|port| SendRight::to(&port))
        .ok_or_else(|| Error::new(status, format!("nobody has checked in the name {name}")))
}
