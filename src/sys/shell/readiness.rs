//! What becomes ready, and descriptors that say so: the reading end of a pipe, which has a byte in it while it is.

use std::collections::HashMap;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::{Arc, LazyLock};

use parking_lot::{Mutex, MutexGuard};

use super::failures::point;
use crate::error::{Error, Result, Status};

/// One thing that is ready or not.
#[derive(Debug)]
pub(super) struct Readiness(Arc<Pipe>);

#[derive(Debug)]
struct Pipe {
    reader: PipeReader,
    writer: PipeWriter,
}

/// Which things there are, by their descriptors, and which of them belong together.
#[derive(Debug, Default)]
struct Graph(HashMap<RawFd, Node>);

#[derive(Debug)]
struct Node {
    pipe: Arc<Pipe>,
    is_ready: bool,
    /// Ready while one of these is; empty for a thing of its own.
    members: Vec<RawFd>,
    /// Of which it is a member.
    groups: Vec<RawFd>,
}

static GRAPH: LazyLock<Mutex<Graph>> = LazyLock::new(Mutex::default);

impl Readiness {
    /// A thing that is not ready.
    pub(super) fn new() -> Result<Self> {
        point("making a descriptor")?;
        let (reader, writer) =
            std::io::pipe().map_err(|error| Error::new(Status::System, format!("making a pipe: {error}")))?;
        let pipe = Arc::new(Pipe { reader, writer });
        let new = Self(pipe.clone());
        let node = Node { pipe, is_ready: false, members: Vec::new(), groups: Vec::new() };
        GRAPH.lock().0.insert(new.number(), node);
        Ok(new)
    }

    fn number(&self) -> RawFd {
        self.0.reader.as_raw_fd()
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.reader.as_fd()
    }

    /// Says whether it is ready.
    pub(super) fn set(&self, is_ready: bool) {
        set(&mut GRAPH.lock(), self.number(), is_ready);
    }

    /// Ready from now on while that one is, too.
    pub(super) fn join(&self, member: BorrowedFd<'_>) {
        let (group, member) = (self.number(), member.as_raw_fd());
        let mut graph = GRAPH.lock();
        // What is no thing of this system never becomes ready.
        let Some(node) = graph.0.get_mut(&member) else { return };
        node.groups.push(group);
        let is_ready = node.is_ready;
        if let Some(node) = graph.0.get_mut(&group) {
            node.members.push(member);
        }
        if is_ready {
            set(&mut graph, group, true);
        }
    }

    /// No member any more.
    pub(super) fn part(&self, member: BorrowedFd<'_>) {
        let mut graph = GRAPH.lock();
        part(&mut graph, self.number(), member.as_raw_fd());
    }
}

fn part(graph: &mut MutexGuard<'_, Graph>, group: RawFd, member: RawFd) {
    if let Some(node) = graph.0.get_mut(&member) {
        node.groups.retain(|number| *number != group);
    }
    if let Some(node) = graph.0.get_mut(&group) {
        node.members.retain(|number| *number != member);
    }
    refresh(graph, group);
}

fn refresh(graph: &mut MutexGuard<'_, Graph>, group: RawFd) {
    let Some(node) = graph.0.get(&group) else { return };
    let is_ready = node.members.iter().any(|member| graph.0.get(member).is_some_and(|node| node.is_ready));
    set(graph, group, is_ready);
}

fn set(graph: &mut MutexGuard<'_, Graph>, number: RawFd, is_ready: bool) {
    let Some(node) = graph.0.get_mut(&number) else { return };
    if node.is_ready == is_ready {
        return;
    }
    node.is_ready = is_ready;
    let groups = node.groups.clone();
    // A byte goes in or out, and neither waits: there is one while it is ready, and none else.
    let Pipe { reader, writer } = &*node.pipe;
    let moved = if is_ready { { writer }.write(&[1]) } else { { reader }.read(&mut [0]) };
    debug_assert!(moved.is_ok());
    for group in groups {
        refresh(graph, group);
    }
}

impl Drop for Readiness {
    fn drop(&mut self) {
        let mut graph = GRAPH.lock();
        if let Some(node) = graph.0.remove(&self.number()) {
            for group in node.groups {
                part(&mut graph, group, self.number());
            }
            for member in node.members {
                part(&mut graph, self.number(), member);
            }
        }
    }
}

/// Some descriptors behind one.
#[derive(Debug)]
pub(crate) struct AnyReadable(Readiness);

impl AnyReadable {
    pub(crate) fn new(descriptors: &[BorrowedFd<'_>]) -> Result<Self> {
        let any = Self(Readiness::new()?);
        descriptors.iter().try_for_each(|fd| any.add(*fd))?;
        Ok(any)
    }

    pub(crate) fn add(&self, fd: BorrowedFd<'_>) -> Result<()> {
        point("joining descriptors")?;
        self.0.join(fd);
        Ok(())
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.descriptor()
    }

    pub(crate) fn settle(&self) {}
}
