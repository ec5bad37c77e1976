//! Calls that fail on purpose.
//!
//! Each call of this system that could fail in a real one passes a [`point`] first. A test counts the points of a
//! scenario, and runs it again for each of them, with that one failing.

use std::cell::RefCell;
use std::ops::Range;

use crate::error::{Error, Result, Status};

/// What this thread's calls do.
#[derive(Debug, Default)]
struct Plan {
    passed: usize,
    /// The points that fail, from 0, and how.
    failing: Option<(Range<usize>, Status)>,
    /// The name of the point that has failed.
    failed: Option<&'static str>,
}

thread_local! {
    static PLAN: RefCell<Plan> = RefCell::default();
}

/// Passed by a call before it does anything.
pub(super) fn point(name: &'static str) -> Result<()> {
    PLAN.with_borrow_mut(|plan| {
        let number = plan.passed;
        plan.passed += 1;
        match &plan.failing {
            Some((failing, status)) if failing.contains(&number) => {
                plan.failed = Some(name);
                Err(Error::new(*status, format!("{name} fails on purpose")))
            }
            _ => Ok(()),
        }
    })
}

/// What a run of a scenario met.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run<T> {
    /// What the scenario returned.
    pub(crate) outcome: T,
    /// Points that it passed.
    pub(crate) points: usize,
    /// The name of the call that failed, if one did.
    pub(crate) failed: Option<&'static str>,
}

/// Runs a scenario in this thread, in which the calls with these numbers, from 0, fail with this status.
pub(crate) fn run<T>(failing: Option<(Range<usize>, Status)>, scenario: impl FnOnce() -> T) -> Run<T> {
    PLAN.set(Plan { failing, ..Plan::default() });
    let outcome = scenario();
    let plan = PLAN.take();
    Run { outcome, points: plan.passed, failed: plan.failed }
}

/// Runs a scenario once as it is, then once for each call that it makes and each of the statuses, with that call failing.
/// The scenario checks itself what must hold then. Gives how many calls failed.
pub(crate) fn each_call_fails_once(statuses: &[Status], scenario: impl FnMut()) -> usize {
    each_call_fails(1, statuses, scenario)
}

/// As [`each_call_fails_once`], with so many calls in a row that fail.
pub(crate) fn each_call_fails(in_a_row: usize, statuses: &[Status], mut scenario: impl FnMut()) -> usize {
    let points = run(None, &mut scenario).points;
    let mut failures = 0;
    for &status in statuses {
        for number in 0..points {
            let told = Told { number, status };
            failures +=
                usize::from(run(Some((number..number + in_a_row, status)), &mut scenario).failed.is_some());
            std::mem::forget(told);
        }
    }
    failures
}

/// Says which call has failed, when a check of the scenario fails.
struct Told {
    number: usize,
    status: Status,
}

impl Drop for Told {
    fn drop(&mut self) {
        let failed = PLAN.with_borrow(|plan| plan.failed);
        eprintln!("call {} ({failed:?}) failed with {:?}", self.number, self.status);
    }
}
