//! What the calls of a program to the library returned: a library that is loaded before ours, and what it wrote.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::manual::{Function, Manual};
use crate::project::Project;

/// The variable that names the folder for what it writes.
pub(super) const FOLDER: &str = "SURFACEPORT_WITNESS";
/// Functions that say what another one did.
const SILENT: &str = "sfp_last_error";
/// Sizes of `struct record` and `struct entry` of witness.c.
const HEAD: usize = 32 + 96;
const ENTRY: usize = 16;

/// The function that starts processes.
const SPAWN: &str = "sfp_host_spawn";

/// The library that sees.
#[derive(Debug)]
pub(super) struct Witness {
    /// For programs to load before ours.
    pub(super) library: PathBuf,
    /// The index of the function whose child, until it has executed its program, is the library's doing.
    pub(super) spawn: usize,
}

/// Makes it.
pub(super) fn build(project: &Project, manual: &Manual, folder: &Path) -> Result<Witness> {
    let mut wrappers = String::new();
    for (at, function) in manual.functions.iter().enumerate() {
        if !function.name.starts_with(SILENT) {
            wrappers.push_str(&wrapper(at + 1, function)?);
        }
    }
    let (source, library) = (folder.join("witness.c"), folder.join("witness.so"));
    fs::write(folder.join("wrappers.h"), wrappers)?;
    fs::write(&source, include_str!("witness.c"))?;
    let flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC", "-Iinclude", "-o"];
    project.command("cc", flags).arg(&library).arg(&source).arg("-ldl").run()?;
    Ok(Witness { library, spawn: manual.index_of(SPAWN).with_context(|| SPAWN)? })
}

/// A function with the name of the library's, which calls that one in between.
fn wrapper(index: usize, function: &Function) -> Result<String> {
    let Function { name, returns, parameters } = function;
    let arguments = arguments(parameters).with_context(|| name.clone())?;
    let status = if returns == "sfp_status" { "(int32_t)result_" } else { "-1" };
    let value = match (name.as_str(), arguments.last()) {
        ("sfp_consumer_acquire", Some(frame)) => {
            format!("result_ == SFP_STATUS_OK ? number_of(*{frame}) : 0")
        }
        _ => "0".into(),
    };
    let call = format!("function_({})", arguments.join(", "));
    let mut text = String::new();
    // No parameter's name ends like this.
    writeln!(text, "{returns} {name}({parameters})\n{{\n    static __typeof__({name}) *function_;")?;
    writeln!(text, "    if (function_ == NULL)\n        *(void **)&function_ = next(\"{name}\");")?;
    writeln!(text, "    uint32_t before_ = enter({index});")?;
    if returns == "void" {
        writeln!(text, "    {call};\n    leave({index}, before_, -1, 0);\n}}")?;
    } else {
        writeln!(text, "    {returns} result_ = {call};\n    leave({index}, before_, {status}, {value});")?;
        writeln!(text, "    return result_;\n}}")?;
    }
    Ok(text)
}

/// The names of parameters.
fn arguments(parameters: &str) -> Result<Vec<&str>> {
    if parameters == "void" {
        return Ok(Vec::new());
    }
    let name = |parameter: &'_ str| -> Option<usize> {
        parameter.rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map(|at| at + 1)
    };
    let parameters = parameters.split(',').map(|parameter| parameter.split('[').next().unwrap_or_default());
    parameters
        .map(|parameter| Ok(&parameter[name(parameter).context("a parameter without a name")?..]))
        .collect()
}

/// What one process wrote.
#[derive(Debug)]
pub(super) struct Record {
    file: File,
    /// The program's name, and what it was told to be.
    pub(super) role: String,
}

/// How the process ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ended {
    /// 1 in order; a negative number of a signal; 0 if it had no time to say.
    pub(super) how: i32,
    pub(super) children: bool,
    /// More than at its start.
    pub(super) descriptors: i32,
    /// Of memfds.
    pub(super) mappings: i32,
    pub(super) surfaces: u32,
}

/// A call that returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// In the manual's list.
    pub(super) function: usize,
    /// Negative if it returns none.
    pub(super) status: i32,
    /// The number of an acquired frame.
    pub(super) value: u64,
}

impl Record {
    /// That of a process, if it writes one.
    pub(super) fn open(folder: &Path, process: u32) -> Option<Self> {
        Self::read(&folder.join(process.to_string())).ok()
    }

    /// Those of all processes, in the order in which they began to write.
    pub(super) fn all(folder: &Path) -> Result<Vec<Self>> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            paths.push((fs::metadata(&path)?.modified()?, path));
        }
        paths.sort();
        paths.iter().map(|(_, path)| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        let mut head = [0; HEAD];
        file.read_exact_at(&mut head, 0)?;
        let role = head[32..].split(|byte| *byte == 0).next().unwrap_or_default();
        Ok(Self { role: String::from_utf8_lossy(role).into_owned(), file })
    }

    /// The function that the process is in at this moment.
    pub(super) fn current(&self) -> Option<usize> {
        self.number(0).ok().and_then(|index| (index as usize).checked_sub(1))
    }

    pub(super) fn ended(&self) -> Result<Ended> {
        let signed = |at| self.number(at).map(u32::cast_signed);
        Ok(Ended {
            how: signed(8)?,
            children: signed(12)? != 0,
            descriptors: signed(20)? - signed(16)?,
            mappings: signed(24)?,
            surfaces: self.number(28)?,
        })
    }

    pub(super) fn entries(&self) -> Result<Vec<Entry>> {
        let count = self.number(4)? as usize;
        let mut bytes = vec![0; count * ENTRY];
        if self.file.read_exact_at(&mut bytes, HEAD as u64).is_err() {
            bail!("{}: more calls than the witness has room for", self.role);
        }
        let number = |bytes: &[u8]| u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let entry = |bytes: &[u8]| Entry {
            function: number(bytes) as usize - 1,
            status: number(&bytes[4..]).cast_signed(),
            value: u64::from(number(&bytes[8..])),
        };
        // One that is being written has no function yet.
        Ok(bytes.chunks_exact(ENTRY).filter(|bytes| number(bytes) != 0).map(entry).collect())
    }

    fn number(&self, at: u64) -> Result<u32> {
        let mut bytes = [0; 4];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(u32::from_ne_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_names() {
        assert_eq!(arguments("void").unwrap(), [""; 0]);
        let names = arguments("const struct sfp_host *host, uint8_t bytes[16], sfp_frame **frame").unwrap();
        assert_eq!(names, ["host", "bytes", "frame"]);
        assert!(arguments("int").is_err());
    }

    #[test]
    fn a_wrapper_returns_what_the_function_does() {
        let function = Function {
            name: "sfp_consumer_acquire".into(),
            returns: "sfp_status".into(),
            parameters: "sfp_frame **frame".into(),
        };
        let text = wrapper(7, &function).unwrap();
        assert!(
            text.contains("enter(7)") && text.contains("result_ == SFP_STATUS_OK ? number_of(*frame) : 0")
        );
        assert!(text.contains("sfp_status result_ = function_(frame);"), "{text}");
    }
}
