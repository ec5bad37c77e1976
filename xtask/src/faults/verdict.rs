//! Whether a run was right: what the library promises, whatever failed.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;

use super::manual::Manual;
use super::programs::{Kind, Program};
use super::run::Run;
use super::witness::{Ended, Entry};

/// Frames of the README's child.
const FRAMES: u64 = 120;

/// What is left of a program's roles after a run without a fault; nothing more may be left after one with.
#[derive(Debug, Default)]
pub(super) struct Clean {
    ended: HashMap<String, Ended>,
    files: usize,
}

impl Clean {
    pub(super) fn of(run: &Run) -> Result<Self> {
        let mut ended = HashMap::new();
        for record in &run.records {
            let end = record.ended()?;
            if end.how == 1 {
                ended.insert(record.role.clone(), end);
            }
        }
        Ok(Self { ended, files: run.files })
    }
}

/// What was wrong with a run; nothing, it is to be hoped.
pub(super) fn faults(program: &Program, run: &Run, clean: &Clean, manual: &Manual) -> Result<Vec<String>> {
    let mut faults: Vec<String> = Vec::new();
    if !run.hangs.is_empty() {
        let place = |function: Option<usize>| function.map_or("no function", |at| &manual.functions[at].name);
        let hangs = run.hangs.iter().map(|(role, function)| format!("{role} in {}", place(*function)));
        return Ok(vec![format!("hang: {}", hangs.collect::<Vec<_>>().join(", "))]);
    }
    if run.status.code().is_none() {
        faults.push(format!("the program ended by {}", run.status));
    }
    if run.output.contains("panicked at") {
        faults.push("a panic".into());
    }
    let good = run.status.success();
    let whole = good || program.kind == Kind::Exerciser;
    if whole && run.files > clean.files {
        faults.push(format!("{} files of names are left", run.files));
    }
    for record in &run.records {
        let entries = record.entries()?;
        for entry in &entries {
            let name = &manual.functions[entry.function].name;
            if entry.status > 0 && !manual.lists(name, entry.status) {
                let status = manual.status(entry.status);
                faults.push(format!(
                    "{}: {name}() returned {status}, which its comment does not list",
                    record.role
                ));
            }
        }
        let frames: Vec<u64> =
            entries.iter().map(|entry| entry.value).filter(|number| *number != 0).collect();
        // An exerciser tells itself what it got, of one swapchain and the next.
        let told = program.kind == Kind::Exerciser;
        if let Some(pair) = frames.windows(2).find(|pair| pair[0] >= pair[1] && !told) {
            faults.push(format!("{}: frame {} came after frame {}", record.role, pair[1], pair[0]));
        }
        if program.kind == Kind::Pair && frames.iter().zip(1..).any(|(number, expected)| *number != expected)
        {
            faults.push(format!("{}: a frame is missing: {frames:?}", record.role));
        }
        if program.kind == Kind::Pair && good && !frames.is_empty() && frames.last() != Some(&FRAMES) {
            faults.push(format!("{}: it ended well with frame {:?}", record.role, frames.last()));
        }
        let ended = record.ended()?;
        let expected = clean.ended.get(&record.role).copied().unwrap_or_default();
        faults.extend(
            left(&ended, &expected, whole, is_without_hosts(&entries, manual))
                .map(|left| format!("{}: {left}", record.role)),
        );
    }
    match program.kind {
        Kind::Exerciser => faults.extend(streams(&run.output, good)),
        _ if !good && !run.output.lines().any(|line| line.contains(": ")) => {
            faults.push(format!("{}, and no word of why", run.status));
        }
        _ => {}
    }
    Ok(faults)
}

/// Whether the children that a process has at its end are not its own doing: it started some by the library, and has
/// no host any more.
fn is_without_hosts(entries: &[Entry], manual: &Manual) -> bool {
    let (mut started, mut hosts) = (false, 0);
    for entry in entries {
        match manual.functions[entry.function].name.as_str() {
            "sfp_host_spawn" => (started, hosts) = (true, hosts + i32::from(entry.status == 0)),
            "sfp_host_release" => hosts -= 1,
            _ => {}
        }
    }
    started && hosts <= 0
}

/// What a process left that it should not have.
fn left(ended: &Ended, expected: &Ended, whole: bool, without_hosts: bool) -> impl Iterator<Item = String> {
    let mut left = Vec::new();
    if ended.how < 0 {
        left.push(format!("crash by signal {}", -ended.how));
    }
    if ended.how == 1 && ended.children && without_hosts {
        left.push("a child process is left".into());
    }
    if ended.how == 1 && whole {
        for (what, now, then) in [
            ("descriptors", ended.descriptors, expected.descriptors),
            ("mappings", ended.mappings, expected.mappings),
            ("surfaces", ended.surfaces.cast_signed(), expected.surfaces.cast_signed()),
        ] {
            if now > then {
                left.push(format!("{} {what} are left", now - then));
            }
        }
    }
    left.into_iter()
}

/// One stream of an exerciser, as its lines tell: `sent NAME N`, `failed NAME N` for what was not sent, `got NAME N`,
/// `gap NAME` for one that the receiver heard was lost, `expects NAME` before the first, `wrong NAME N` for one that was not as it was sent.
#[derive(Debug, Default)]
struct Stream {
    sent: Vec<u64>,
    failed: Vec<u64>,
    got: BTreeMap<String, Vec<u64>>,
    gaps: usize,
}

/// What is wrong with what arrived. Streams are exact, or, by their names, `fifo`: without a gap from the first that
/// came on, or `newest`: ascending; both up to the last one. A receiver's part of the name stands after a dash.
fn streams(output: &str, good: bool) -> Vec<String> {
    let (mut faults, mut met) = (Vec::new(), false);
    let mut streams: BTreeMap<&str, Stream> = BTreeMap::new();
    for line in output.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [verb, rest @ ..] = words.as_slice() else { continue };
        let receiver = rest.first().copied().unwrap_or_default();
        let name = receiver.split('-').next().unwrap_or_default();
        let number = rest.get(1).and_then(|number| number.parse().ok());
        match (*verb, number) {
            ("sent", Some(number)) => streams.entry(name).or_default().sent.push(number),
            ("failed", Some(number)) => streams.entry(name).or_default().failed.push(number),
            ("got", Some(number)) => {
                streams.entry(name).or_default().got.entry(receiver.into()).or_default().push(number);
            }
            ("expects", _) => {
                streams.entry(name).or_default().got.entry(receiver.into()).or_default();
            }
            ("gap", _) => streams.entry(name).or_default().gaps += 1,
            ("ready", _) => met = true,
            // What the others say after the first one follows from it.
            ("fatal", _) if met => {
                faults.push(format!("after all had met: {line}"));
                met = false;
            }
            ("wrong" | "violation:", _) => faults.push(line.to_owned()),
            _ => {}
        }
    }
    if !good && !output.lines().any(|line| line.starts_with("fatal ")) {
        faults.push("it ended with an error, and no word of why".into());
    }
    for (name, stream) in &streams {
        for (receiver, got) in &stream.got {
            if let Some(number) = got.iter().find(|number| stream.failed.contains(number)) {
                faults.push(format!("{receiver}: {number} was reported as failed, and arrived"));
            }
            if let Some(pair) = got.windows(2).find(|pair| pair[0] >= pair[1]) {
                faults.push(format!("{receiver}: {} came after {}", pair[1], pair[0]));
            }
            let first = match *name {
                "fifo" | "newest" => got.first().copied().unwrap_or_default(),
                _ => 0,
            };
            // Of what was sent, until the receiver had its last, or to the end if all went well.
            let last = if good { u64::MAX } else { got.last().copied().unwrap_or_default() };
            let due = stream.sent.iter().filter(|number| **number >= first && **number <= last);
            let missing: Vec<_> = due.filter(|number| !got.contains(number)).collect();
            let excused = if *name == "newest" { missing.len() } else { stream.gaps };
            if missing.len() > excused {
                faults.push(format!("{receiver}: {} sent, and lost: {missing:?}", missing.len()));
            }
            if good && ["fifo", "newest"].contains(name) && got.last() != stream.sent.last() {
                faults.push(format!("{receiver}: the last, {:?}, never came", stream.sent.last()));
            }
        }
        if good && !stream.sent.is_empty() && stream.got.is_empty() {
            faults.push(format!("{name}: nothing arrived"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_arrives_once_and_in_order() {
        let good = "sent down 1\nsent down 2\nfailed down 3\ngot down 1\ngot down 2\n";
        assert_eq!(streams(good, true), [""; 0]);
        for wrong in ["got down 3\n", "got down 2\n", "sent down 4\n", "wrong down 2\n", "sent up 1\n"] {
            assert_eq!(streams(&format!("{good}{wrong}"), true).len(), 1, "{wrong}");
        }
        assert_eq!(streams(&format!("{good}sent down 4\ngap down\n"), true), [""; 0]);
        assert_eq!(streams(&format!("{good}sent down 4\nfatal receive SYSTEM\n"), false), [""; 0]);
        assert_eq!(streams(good, false).len(), 1);
    }

    #[test]
    fn frames_come_from_the_first_one_on_or_the_newest_one_does() {
        let sent = "sent fifo 1\nsent fifo 2\nsent fifo 3\n";
        assert_eq!(streams(&format!("{sent}got fifo-a 2\ngot fifo-a 3\ngot fifo-b 3\n"), true), [""; 0]);
        assert_eq!(streams(&format!("{sent}got fifo-a 1\ngot fifo-a 3\n"), true).len(), 1);
        let sent = sent.replace("fifo", "newest");
        assert_eq!(streams(&format!("{sent}got newest-a 1\ngot newest-a 3\n"), true), [""; 0]);
        assert_eq!(streams(&format!("{sent}got newest-a 1\ngot newest-a 2\n"), true).len(), 1);
    }
}
