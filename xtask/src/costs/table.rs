//! The costs as tables: on the screen beside the committed ones, and in the document that they are committed in.

use std::fmt;

use anyhow::{Context, Result, bail};

use super::{CALLS, Call, Cost, Costs};

const BEGIN: &str = "<!-- costs:begin -->\n";
const END: &str = "<!-- costs:end -->";
/// By how much instructions may differ from the committed ones, to either side.
const TOLERANCE: f64 = 0.05;

/// What was counted, and what it is to be.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) costs: Costs,
    pub(super) committed: Option<Costs>,
}

impl Table {
    /// What differs from the committed values by more than it may.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (call, now, then) in self.rows() {
            let Some(then) = then else { continue };
            let difference = difference(now, then);
            if difference.abs() > TOLERANCE {
                let (now, then) = (number(now.instructions), number(then.instructions));
                let percent = difference * 100.0;
                faults.push(format!(
                    "{}: {now} instructions, committed are {then}: {percent:+.1} %",
                    call.text
                ));
            }
            for (what, now, then) in [("awake", now.awake, then.awake), ("asleep", now.asleep, then.asleep)] {
                let (now, then) = (number(now), number(then));
                if now != then {
                    faults.push(format!("{}: {now} system calls, {what}, committed are {then}", call.text));
                }
            }
        }
        faults
    }

    fn rows(&self) -> impl Iterator<Item = (&'static Call, &Cost, Option<&Cost>)> {
        CALLS.iter().filter_map(|call| {
            let then = self.committed.as_ref().and_then(|committed| committed.get(call.name));
            Some((call, self.costs.get(call.name)?, then))
        })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:18} {:>32}   {:>22}", "", "instructions", "system calls")?;
        writeln!(
            f,
            "{:18} {:>10} {:>10} {:>10}   {:>10} {:>11}   bars",
            "call", "now", "committed", "difference", "awake", "asleep"
        )?;
        for (call, now, then) in self.rows() {
            let [committed, difference, awake, asleep] = match then {
                Some(then) => [
                    number(then.instructions),
                    format!("{:+.1} %", difference(now, then) * 100.0),
                    format!(" ({})", number(then.awake)),
                    format!(" ({})", number(then.asleep)),
                ],
                None => Default::default(),
            };
            let awake = number(now.awake) + &awake;
            let asleep = number(now.asleep) + &asleep;
            let instructions = number(now.instructions);
            writeln!(
                f,
                "{:18} {instructions:>10} {committed:>10} {difference:>10}   {awake:>10} {asleep:>11}   {}",
                call.text,
                bars(call, now)
            )?;
        }
        Ok(())
    }
}

/// Of the instructions: 0.05 is 5 % more.
fn difference(now: &Cost, then: &Cost) -> f64 {
    (now.instructions - then.instructions) / then.instructions
}

/// Which bars the call holds.
fn bars(call: &Call, cost: &Cost) -> String {
    let verdict = |is_held: bool| if is_held { "held" } else { "missed" };
    let instructions = call
        .bars
        .instructions_below
        .map(|bar| format!("below {} instructions: {}", number(bar), verdict(cost.instructions < bar)));
    let system_calls = |what: &str, bar: Option<f64>, made: f64| {
        bar.map(|bar| format!("at most {} {what}: {}", number(bar), verdict(made <= bar)))
    };
    let awake = system_calls("awake", call.bars.awake, cost.awake);
    let asleep = system_calls("asleep", call.bars.asleep, cost.asleep);
    [instructions, awake, asleep].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// In the way it is committed: whole numbers as such, others with two places.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.strip_suffix(".00").map(str::to_owned).unwrap_or(text)
}

/// The values as the document has them.
fn render(costs: &Costs) -> String {
    let mut text = String::from(
        "| call | instructions | system calls, awake | system calls, asleep | bars |\n\
         | --- | ---: | ---: | ---: | --- |\n",
    );
    for call in &CALLS {
        if let Some(cost) = costs.get(call.name) {
            let [instructions, awake, asleep] = [cost.instructions, cost.awake, cost.asleep].map(number);
            let (name, bars) = (call.text, bars(call, cost));
            text += &format!("| {name} | {instructions} | {awake} | {asleep} | {bars} |\n");
        }
    }
    text
}

/// Where the table stands in the document.
fn place(document: &str) -> Result<std::ops::Range<usize>> {
    let begin = document.find(BEGIN).with_context(|| format!("there is no {}", BEGIN.trim()))? + BEGIN.len();
    let length = document[begin..].find(END).with_context(|| format!("there is no {END}"))?;
    Ok(begin..begin + length)
}

/// The document with these values.
pub(super) fn replace(document: &str, costs: &Costs) -> Result<String> {
    let mut document = document.to_owned();
    document.replace_range(place(&document)?, &render(costs));
    Ok(document)
}

/// The values that the document has.
pub(super) fn committed(document: &str) -> Result<Costs> {
    let table = &document[place(document)?];
    let mut costs = Costs::new();
    for call in &CALLS {
        let row = table.lines().find_map(|line| line.strip_prefix(&format!("| {} | ", call.text)));
        let row = row.with_context(|| format!("the table does not say what it costs to {}", call.text))?;
        let mut cells = row.split('|').map(|cell| cell.trim().parse::<f64>());
        let mut next = || -> Result<f64> { Ok(cells.next().context("a row is too short")??) };
        let cost = Cost { instructions: next()?, awake: next()?, asleep: next()? };
        costs.insert(call.name, cost);
    }
    if render(&costs) != table {
        bail!("the table is not as `cargo xtask costs --write` writes it");
    }
    Ok(costs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs(instructions: f64, asleep: f64) -> Costs {
        CALLS.iter().map(|call| (call.name, Cost { instructions, awake: 0.0, asleep })).collect()
    }

    fn faults(now: Costs, then: Costs) -> Vec<String> {
        Table { costs: now, committed: Some(then) }.faults()
    }

    #[test]
    fn instructions_may_differ_a_little_and_system_calls_not() {
        assert!(faults(costs(105.0, 1.0), costs(100.0, 1.0)).is_empty());
        assert!(faults(costs(95.0, 1.0), costs(100.0, 1.0)).is_empty());
        assert_eq!(faults(costs(106.0, 1.0), costs(100.0, 1.0)).len(), CALLS.len());
        assert_eq!(faults(costs(94.0, 1.0), costs(100.0, 1.0)).len(), CALLS.len());
        let more = faults(costs(100.0, 1.25), costs(100.0, 1.0));
        assert_eq!(more[1], "present it: 1.25 system calls, asleep, committed are 1");
        assert_eq!(faults(costs(100.0, 1.0), costs(100.0, 2.0)).len(), CALLS.len());
    }

    #[test]
    fn what_is_written_is_read_again() {
        let document = format!("# Costs\n\n{BEGIN}old\n{END}\n\nMore.\n");
        let document = replace(&document, &costs(490.25, 3.0)).unwrap();
        assert!(document.starts_with("# Costs\n") && document.ends_with("\nMore.\n"));
        assert_eq!(committed(&document).unwrap(), costs(490.25, 3.0));
        let held = document.replace("missed", "held");
        assert!(committed(&held).unwrap_err().to_string().contains("--write"));
        assert!(committed(&document.replace("present it", "present")).is_err());
        assert!(committed("# Costs\n").is_err());
    }

    #[test]
    fn bars_are_missed_or_held() {
        let text = render(&costs(150.0, 2.0));
        let row = |name: &str| text.lines().find(|line| line.contains(name)).unwrap().to_owned();
        let present = row("present it");
        assert!(present.contains("below 150 instructions: missed"), "{present}");
        assert!(present.contains("at most 0 awake: held") && present.contains("at most 1 asleep: missed"));
        assert!(row("acquire a frame").contains("at most 2 asleep: held"));
        assert!(row("send").ends_with("| 2 |  |"));
    }
}
