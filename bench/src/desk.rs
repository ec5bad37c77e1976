//! How the host tells a child what to measure, and how the two keep step: a page of words, the same for each contender, so
//! that none of it is in what is measured.

use std::sync::atomic::Ordering;

use anyhow::{Result, bail};
use rustix::thread::futex;
use rustix::time::Timespec;
use surfaceport::memory::MemoryRegion;

use crate::pin::{Pinning, look_until};
use crate::shared::Words;

const ORDERS: usize = 0;
const ANSWERS: usize = 1;
const STEPS: usize = 2;
const ARGUMENTS: usize = 3;
const ARGUMENT_COUNT: usize = 5;
const RESULTS: usize = ARGUMENTS + ARGUMENT_COUNT;
const WORDS: usize = RESULTS + 4;

/// What a child is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Stop,
    /// Send so many messages, each when the host has had the one before.
    Paced,
    /// Send back so many messages.
    Echo,
    /// Send so many messages as fast as can be.
    Flood,
    /// Send so many messages at the pace of the clock.
    Clocked,
    /// Answer so many steps, each by writing one word.
    PingPong,
}

const WORK: [Work; 6] = [Work::Stop, Work::Paced, Work::Echo, Work::Flood, Work::Clocked, Work::PingPong];

/// An order: the work and its arguments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) work: Work,
    pub(crate) count: u64,
    /// Of each message in bytes; 0: drawn by `seed`.
    pub(crate) length: u64,
    /// Nanoseconds between the step before and a send, or between two sends.
    pub(crate) gap: u64,
    pub(crate) seed: u64,
}

impl Order {
    pub(crate) fn new(work: Work, count: usize) -> Self {
        Self { work, count: count as u64, length: 0, gap: 0, seed: 0 }
    }
}

/// One side's view of the page.
#[derive(Debug)]
pub(crate) struct Desk {
    words: Words,
    pub(crate) is_shared: bool,
    seen: u32,
}

impl Desk {
    pub(crate) fn create(pinning: Pinning) -> Result<Self> {
        Ok(Self { words: Words::create(WORDS)?, is_shared: pinning.is_shared(), seen: 0 })
    }

    pub(crate) fn open(region: MemoryRegion, pinning: Pinning) -> Self {
        Self { words: Words::open(region), is_shared: pinning.is_shared(), seen: 0 }
    }

    pub(crate) fn region(&self) -> MemoryRegion {
        self.words.region()
    }

    /// The host's: begins some work.
    pub(crate) fn order(&self, order: Order) -> Result<()> {
        let arguments = [order.work as u64, order.count, order.length, order.gap, order.seed];
        for (index, argument) in arguments.into_iter().enumerate() {
            self.words.at(ARGUMENTS + index).store(argument, Ordering::Relaxed);
        }
        self.words.at(STEPS).store(0, Ordering::Relaxed);
        self.signal(ORDERS)
    }

    /// The host's: waits until the work is done.
    pub(crate) fn wait_done(&mut self) -> Result<()> {
        self.wait(ANSWERS)
    }

    /// The host's: one more message has arrived.
    pub(crate) fn step(&self, number: u64) {
        // Release: pairs with `wait_step`; what was read of the message is read before it is written anew.
        self.words.at(STEPS).store(number, Ordering::Release);
    }

    /// The child's: waits until so many messages have arrived.
    pub(crate) fn wait_step(&self, number: u64) {
        look_until(self.is_shared, || self.words.at(STEPS).load(Ordering::Acquire) >= number);
    }

    /// The child's: sleeps until there is an order. Ends with an error when the host has died.
    pub(crate) fn next_order(&mut self) -> Result<Order> {
        self.wait(ORDERS)?;
        let argument = |index| self.words.at(ARGUMENTS + index).load(Ordering::Relaxed);
        let Some(work) = WORK.get(argument(0) as usize) else { bail!("an order that nobody gives") };
        Ok(Order {
            work: *work,
            count: argument(1),
            length: argument(2),
            gap: argument(3),
            seed: argument(4),
        })
    }

    /// The child's: the work is done.
    pub(crate) fn done(&self) -> Result<()> {
        self.signal(ANSWERS)
    }

    pub(crate) fn set_result(&self, index: usize, value: u64) {
        self.words.at(RESULTS + index).store(value, Ordering::Relaxed);
    }

    pub(crate) fn result(&self, index: usize) -> u64 {
        self.words.at(RESULTS + index).load(Ordering::Relaxed)
    }

    fn signal(&self, index: usize) -> Result<()> {
        let word = self.words.futex_at(index);
        // Release: pairs with the load in `wait`; carries the arguments and the results.
        word.fetch_add(1, Ordering::Release);
        futex::wake(word, futex::Flags::empty(), u32::MAX >> 1)?;
        Ok(())
    }

    fn wait(&mut self, index: usize) -> Result<()> {
        let word = self.words.futex_at(index);
        let second = Timespec { tv_sec: 1, tv_nsec: 0 };
        let parent = rustix::process::getppid();
        while word.load(Ordering::Acquire) == self.seen {
            let _ = futex::wait(word, futex::Flags::empty(), self.seen, Some(&second));
            if rustix::process::getppid() != parent {
                bail!("the host has died");
            }
        }
        self.seen = self.seen.wrapping_add(1);
        Ok(())
    }
}
