//! One run of a program, in which one system call fails, or none.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use libc::{c_int, c_long};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::errors::{self, SystemCall};
use super::injector::{self, End, Injector};
use super::programs::{Kind, Program};
use super::witness::{self, Record, Witness};

/// Far beyond what any program takes: it only tells a hang.
const DEADLINE: Duration = Duration::from_secs(20);

/// A system call that is to fail.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) role: String,
    pub(super) call: &'static SystemCall,
    /// Which of its calls in functions of the library, from 1.
    pub(super) nth: usize,
    pub(super) error: c_int,
}

/// Where a system call was made: a role of a program, and the function of the library, by its index.
pub(super) type Place = (String, usize);

/// What a run showed.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) status: ExitStatus,
    /// The roles of what was still running at the deadline, and the function that each was in.
    pub(super) hangs: Vec<(String, Option<usize>)>,
    pub(super) output: String,
    pub(super) records: Vec<Record>,
    /// Files of names that are left.
    pub(super) files: usize,
    /// For each role and system call, the functions that made it, in order.
    pub(super) calls: BTreeMap<(String, c_long), Vec<usize>>,
    /// Where the fault was met, if it was.
    pub(super) hit: Option<Place>,
}

/// Runs the program in an empty folder.
pub(super) fn run(program: &Program, witness: &Witness, folder: &Path, fault: Option<&Fault>) -> Result<Run> {
    let (records, names) = (folder.join("records"), folder.join("names"));
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(&records)?;
    fs::create_dir_all(&names)?;
    let output = File::options().create(true).append(true).open(folder.join("output.txt"))?;
    let mut command = Command::new(&program.path);
    command
        .args(&program.arguments)
        .current_dir(folder)
        .env("LD_PRELOAD", &witness.library)
        .env(witness::FOLDER, &records)
        .env("XDG_RUNTIME_DIR", &names)
        .stdin(std::process::Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .process_group(0);
    let numbers: Vec<c_long> = errors::calls().map(|call| call.number).collect();
    let socket = injector::prepare(&mut command, &numbers)?;
    let mut tasks = Tasks::new(&records, fault, program.kind == Kind::Pair, witness.spawn);
    let (status, end) = thread::scope(|scope| {
        // Starting it is over when it is executed, which is a call to answer.
        let program = scope.spawn(move || command.spawn().and_then(|mut child| child.wait()));
        let end = Injector::listen(&socket)
            .and_then(|injector| {
                let end = injector.serve(Instant::now() + DEADLINE, |thread, call, arguments| {
                    tasks.error_of(thread, call, arguments)
                });
                // Whatever is left would wait for an answer for good.
                tasks.end_all();
                end
            })
            .context("no listener");
        (program.join().map_err(|_| anyhow::anyhow!("the thread that starts programs panicked")), end)
    });
    let (status, end) = (status?.context("cannot start it")?, end?);
    let hangs = if end == End::TimeOver { std::mem::take(&mut tasks.running) } else { Vec::new() };
    Ok(Run {
        status,
        hangs,
        output: String::from_utf8_lossy(&fs::read(folder.join("output.txt"))?).into_owned(),
        records: Record::all(&records)?,
        files: files(&names)?,
        calls: tasks.calls,
        hit: tasks.hit,
    })
}

/// How many files and sockets are in a folder and all below.
fn files(folder: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        count += if entry.file_type()?.is_dir() { files(&entry.path())? } else { 1 };
    }
    Ok(count)
}

/// The program's processes and their threads, as far as they have made system calls.
struct Tasks<'a> {
    folder: &'a Path,
    fault: Option<&'a Fault>,
    /// Whether a call counts also if its arguments leave it no way to fail.
    anywhere: bool,
    /// The function that starts processes.
    spawn: usize,
    records: HashMap<u32, Record>,
    /// Those that execute a program, and have no record of it yet.
    executing: HashSet<u32>,
    calls: BTreeMap<(String, c_long), Vec<usize>>,
    hit: Option<Place>,
    /// Those that were there at the end, with what they were in.
    running: Vec<(String, Option<usize>)>,
}

impl<'a> Tasks<'a> {
    fn new(folder: &'a Path, fault: Option<&'a Fault>, anywhere: bool, spawn: usize) -> Self {
        Self {
            folder,
            fault,
            anywhere,
            spawn,
            records: HashMap::new(),
            executing: HashSet::new(),
            calls: BTreeMap::new(),
            hit: None,
            running: Vec::new(),
        }
    }

    /// The error of a system call that a thread is about to make.
    fn error_of(&mut self, thread: u32, call: c_long, arguments: &[u64; 6]) -> Option<c_int> {
        if !self.anywhere && !errors::can_fail(call, arguments) {
            return None;
        }
        let place = self.place(thread);
        let mut error = None;
        if let Some((role, function)) = &place {
            let calls = self.calls.entry((role.clone(), call)).or_default();
            calls.push(*function);
            let is_it = |fault: &&Fault| {
                fault.call.number == call
                    && fault.role == *role
                    && fault.nth == calls.len()
                    && self.hit.is_none()
            };
            error = self.fault.filter(is_it).map(|fault| fault.error);
        }
        if error.is_some() {
            self.hit = place;
        } else if call == libc::SYS_execve {
            self.executing.insert(thread);
        }
        error
    }

    /// In which role, and in which function of the library, if it is in one.
    fn place(&mut self, thread: u32) -> Option<Place> {
        if let Some(record) = self.record(thread) {
            return Some((record.role.clone(), record.current()?));
        }
        if self.executing.contains(&thread) {
            return None;
        }
        // Another thread of a process, or the child of one that has executed nothing yet.
        let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|text| text.trim().parse::<u32>().ok())
        };
        let (process, parent) = (number("Tgid:")?, number("PPid:")?);
        if let Some(record) = self.record(process) {
            return Some((record.role.clone(), record.current()?));
        }
        let spawn = self.spawn;
        let record = self.record(parent)?;
        let is_ours = record.current() == Some(spawn);
        is_ours.then(|| (format!("{}, its child", record.role), spawn))
    }

    fn record(&mut self, process: u32) -> Option<&Record> {
        if !self.records.contains_key(&process) {
            self.records.insert(process, Record::open(self.folder, process)?);
        }
        self.records.get(&process)
    }

    /// Kills what is left of the program, and remembers it.
    fn end_all(&mut self) {
        for process in self.records.keys().chain(&self.executing).collect::<HashSet<_>>() {
            // Whose number another process has got since has not our folder in its environment.
            let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
            let ours = format!("{}={}", witness::FOLDER, self.folder.display());
            if !environment.split(|byte| *byte == 0).any(|entry| entry == ours.as_bytes()) {
                continue;
            }
            let record = self.records.get(process);
            let role = record.map_or_else(|| format!("process {process}"), |record| record.role.clone());
            self.running.push((role, record.and_then(Record::current)));
            if let Some(process) = Pid::from_raw(process.cast_signed()) {
                let _ = kill_process(process, Signal::KILL);
                let _ = kill_process_group(process, Signal::KILL);
            }
        }
    }
}

/// A folder for each run at a time.
pub(super) fn folder_of(scratch: &Path, worker: usize) -> PathBuf {
    scratch.join(format!("run-{worker}"))
}
