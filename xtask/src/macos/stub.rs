//! A link stub: a `.tbd` text file that says which symbols a library of the system has.
//!
//! Those of the repository name just what we import. Two kinds of `exports` entries are told apart by the comment
//! before them: what the library imports, and, after `# Programs and tests`, what only they do.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use regex::Regex;

use super::Architecture;

/// The comment before entries that the library has no need of.
const FOR_PROGRAMS: &str = "# Programs and tests";

/// The folder of the system's frameworks.
const FRAMEWORKS: &str = "/System/Library/Frameworks/";

/// What a stub says.
#[derive(Debug)]
pub(super) struct Stub {
    /// The file's name without its end.
    pub(super) name: String,
    /// The path that programs load the library by.
    pub(super) install_name: String,
    entries: Vec<Entry>,
}

/// Symbols of some processors.
#[derive(Debug)]
struct Entry {
    for_programs: bool,
    targets: BTreeSet<String>,
    symbols: BTreeSet<String>,
}

impl Stub {
    /// Reads a file.
    pub(super) fn read(file: &Path) -> Result<Stub> {
        let name = file.file_stem().context("a file without a name")?.to_string_lossy().into_owned();
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Stub::parse(name, &text).with_context(|| format!("{} is no link stub", file.display()))
    }

    fn parse(name: String, text: &str) -> Result<Stub> {
        if !text.starts_with("--- !tapi-tbd\n") {
            bail!("it does not begin with `--- !tapi-tbd`");
        }
        let install_name = Regex::new(r"(?m)^install-name:\s*'([^']+)'")?;
        let install_name = install_name.captures(text).context("it has no install-name")?[1].to_owned();
        let entry = Regex::new(r"-\s+targets:\s*\[([^\]]*)\]\s*\n\s*symbols:\s*\[([^\]]*)\]")?;
        let words = |list: &str| -> BTreeSet<String> {
            let lines = list.lines().map(|line| line.split('#').next().unwrap_or_default());
            let text = lines.collect::<Vec<_>>().join(" ");
            text.split([',', ' ']).filter(|word| !word.is_empty()).map(String::from).collect()
        };
        let entries: Vec<Entry> = entry
            .captures_iter(text)
            .map(|found| {
                let before = &text[..found.get(0).map_or(0, |whole| whole.start())];
                let line = before.trim_end().lines().last().unwrap_or_default().trim();
                Entry {
                    for_programs: line == FOR_PROGRAMS,
                    targets: words(&found[1]),
                    symbols: words(&found[2]),
                }
            })
            .collect();
        if entries.len() != text.matches("symbols:").count() {
            bail!("its entries are not `- targets: [ ... ]` and, in the next line, `symbols: [ ... ]`");
        }
        Ok(Stub { name, install_name, entries })
    }

    /// Where the linker looks for it, in the folder that stands for the system's `/`.
    pub(super) fn link_path(&self) -> Result<PathBuf> {
        let Some(framework) = self.install_name.strip_prefix(FRAMEWORKS) else {
            return Ok(Path::new("usr/lib").join(&self.name).with_extension("tbd"));
        };
        let folder = framework.split('/').next().unwrap_or_default();
        if folder != format!("{}.framework", self.name) {
            bail!("{}.tbd is for {folder}", self.name);
        }
        let path = Path::new(FRAMEWORKS.trim_start_matches('/')).join(folder).join(&self.name);
        Ok(path.with_extension("tbd"))
    }

    /// What the library imports on this processor.
    pub(super) fn for_library(&self, architecture: Architecture) -> BTreeSet<&str> {
        self.symbols(architecture, false)
    }

    /// What only programs and tests import on this processor.
    pub(super) fn for_programs(&self, architecture: Architecture) -> BTreeSet<&str> {
        self.symbols(architecture, true)
    }

    fn symbols(&self, architecture: Architecture, for_programs: bool) -> BTreeSet<&str> {
        let target = format!("{}-macos", architecture.apple_name());
        let entries = self
            .entries
            .iter()
            .filter(|entry| entry.for_programs == for_programs && entry.targets.contains(&target));
        entries.flat_map(|entry| entry.symbols.iter().map(String::as_str)).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) const TEXT: &str = "\
--- !tapi-tbd
tbd-version:     4
targets:         [ x86_64-macos, arm64-macos ]
install-name:    '/System/Library/Frameworks/CoreFoundation.framework/Versions/A/CoreFoundation'
exports:
  # The library
  - targets:         [ x86_64-macos, arm64-macos ]
    symbols:         [ _CFRelease, # counted
                       _CFRetain ]
  - targets:         [ arm64-macos ]
    symbols:         [ _CFEqual ]
  # Programs and tests
  - targets:         [ x86_64-macos, arm64-macos ]
    symbols:         [ _CFRunLoopRun ]
...
";

    pub(crate) fn stub() -> Stub {
        Stub::parse("CoreFoundation".into(), TEXT).unwrap()
    }

    #[test]
    fn a_stub_says_what_the_library_and_what_the_programs_import() {
        let stub = stub();
        let (arm, intel) = (Architecture::Aarch64, Architecture::X86_64);
        assert_eq!(stub.for_library(intel).into_iter().collect::<Vec<_>>(), ["_CFRelease", "_CFRetain"]);
        assert_eq!(stub.for_library(arm).len(), 3);
        assert_eq!(stub.for_programs(arm).into_iter().collect::<Vec<_>>(), ["_CFRunLoopRun"]);
    }

    #[test]
    fn a_stub_lies_where_its_library_would() {
        let framework = "System/Library/Frameworks/CoreFoundation.framework/CoreFoundation.tbd";
        assert_eq!(stub().link_path().unwrap(), Path::new(framework));
        let library = "--- !tapi-tbd\ninstall-name: '/usr/lib/libobjc.A.dylib'\n";
        let library = Stub::parse("libobjc".into(), library).unwrap();
        assert_eq!(library.link_path().unwrap(), Path::new("usr/lib/libobjc.tbd"));
        assert!(Stub::parse("IOSurface".into(), TEXT).unwrap().link_path().is_err());
    }

    #[test]
    fn what_is_no_stub_is_an_error() {
        assert!(Stub::parse("a".into(), "install-name: '/a'\n").is_err());
        assert!(Stub::parse("a".into(), "--- !tapi-tbd\n").is_err());
        let strange =
            TEXT.replace("symbols:         [ _CFEqual ]", "weak-symbols: [ _CFEqual ]\n    symbols: []");
        assert!(Stub::parse("a".into(), &strange).is_err());
    }
}
