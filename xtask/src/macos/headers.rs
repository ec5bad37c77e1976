//! What the C headers of macOS declare, and since when: the line between public functions and all others.
//!
//! The headers are read as text, not compiled: a name counts as declared if some header has it outside of comments and
//! directives. A declaration's `API_AVAILABLE(macos(12.0))`, or an older form of it, says since when the system has it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use regex::Regex;

/// A version of macOS: major, minor.
pub(super) type Version = (u32, u32);

/// The names that the headers declare.
pub(super) struct Headers {
    /// For each name the newest version that a declaration of it asks for.
    names: HashMap<String, Option<Version>>,
}

/// Takes headers apart.
struct Reader {
    comment: Regex,
    directive: Regex,
    name: Regex,
    since: Regex,
}

impl Headers {
    /// Reads all headers below these folders.
    pub(super) fn read(folders: &[PathBuf]) -> Result<Headers> {
        let mut headers = Headers { names: HashMap::new() };
        let reader = Reader::new()?;
        for folder in folders {
            headers.add_folder(&reader, folder)?;
        }
        if headers.names.is_empty() {
            bail!("there is no header in {folders:?}");
        }
        Ok(headers)
    }

    fn add_folder(&mut self, reader: &Reader, folder: &Path) -> Result<()> {
        for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                self.add_folder(reader, &path)?;
            } else if path.extension().is_some_and(|end| end == "h") {
                let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                self.add(reader, &String::from_utf8_lossy(&bytes));
            }
        }
        Ok(())
    }

    fn add(&mut self, reader: &Reader, text: &str) {
        let text = reader.comment.replace_all(text, " ");
        let text = reader.directive.replace_all(&text, "");
        for statement in text.split([';', '{', '}']) {
            let since = reader.since(statement);
            for name in reader.name.captures_iter(statement) {
                let known = self.names.entry(name[1].to_owned()).or_default();
                // What a statement says of its time is said of the function that it declares.
                if name.get(2).is_some() {
                    *known = (*known).max(since);
                }
            }
        }
    }

    /// Whether some header has the name that a symbol stands for.
    pub(super) fn declares(&self, symbol: &str) -> bool {
        self.names.contains_key(c_name(symbol))
    }

    /// The version of macOS that the symbol came with, if its declaration says so.
    pub(super) fn since(&self, symbol: &str) -> Option<Version> {
        self.names.get(c_name(symbol)).copied().flatten()
    }
}

impl Reader {
    fn new() -> Result<Reader> {
        Ok(Reader {
            comment: Regex::new(r"(?s)/\*.*?\*/|//[^\n]*")?,
            directive: Regex::new(r"(?m)^[ \t]*#(?:[^\n]*\\\n)*[^\n]*$")?,
            name: Regex::new(r"\b([A-Za-z_]\w*)(\s*\()?")?,
            since: Regex::new(
                r"\bmacos(?:x)?\((\d+)(?:\.(\d+))?|__OSX_AVAILABLE(?:_STARTING)?\(\s*(?:__MAC_)?(\d+)(?:[._](\d+))?",
            )?,
        })
    }

    fn since(&self, statement: &str) -> Option<Version> {
        let found = self.since.captures(statement)?;
        let number = |at: usize| found.get(at).and_then(|text| text.as_str().parse().ok());
        let major = number(1).or_else(|| number(3))?;
        Some((major, number(2).or_else(|| number(4)).unwrap_or(0)))
    }
}

/// The name in C that a symbol stands for: without the underscore before it, and without the variant of a function
/// that changed (`_readdir$INODE64`).
fn c_name(symbol: &str) -> &str {
    let name = symbol.strip_prefix('_').unwrap_or(symbol);
    name.split('$').next().unwrap_or(name)
}

/// The version that a text names.
pub(super) fn version(text: &str) -> Option<Version> {
    let mut numbers = text.split('.').map(str::parse);
    let major = numbers.next()?.ok()?;
    Some((major, numbers.next().and_then(Result::ok).unwrap_or(0)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const TEXT: &str = r"
/* never_this(); */
#define NOR_THIS(x) \
    nor_that(x)
extern int *__error(void); // errno
kern_return_t mach_port_construct
(
    ipc_space_t task
);
API_AVAILABLE(macos(14.4), ios(17.4))
extern int os_sync_wait_on_address(void *addr, uint64_t value);
int fclonefileat(int, int) __OSX_AVAILABLE(10.12);
int old(void) __OSX_AVAILABLE_STARTING(__MAC_10_5, __IPHONE_2_0);
static inline int use(void) { return os_sync_wait_on_address(0, 0); }
int readdir(void) __DARWIN_INODE64(readdir);
";

    /// What one header declares.
    pub(crate) fn of(text: &str) -> Headers {
        let mut headers = Headers { names: HashMap::new() };
        headers.add(&Reader::new().unwrap(), text);
        headers
    }

    #[test]
    fn a_declaration_is_found_by_its_symbol() {
        let headers = of(TEXT);
        for symbol in ["___error", "_mach_port_construct", "_readdir$INODE64", "_fclonefileat"] {
            assert!(headers.declares(symbol), "{symbol}");
        }
        for symbol in ["_never_this", "_nor_that", "_NOR_THIS", "_secret", "_errno"] {
            assert!(!headers.declares(symbol), "{symbol}");
        }
    }

    #[test]
    fn a_declaration_may_say_since_when() {
        let headers = of(TEXT);
        assert_eq!(headers.since("_os_sync_wait_on_address"), Some((14, 4)));
        assert_eq!(headers.since("_fclonefileat"), Some((10, 12)));
        assert_eq!(headers.since("_old"), Some((10, 5)));
        assert_eq!(headers.since("_mach_port_construct"), None);
        assert!(
            version("11.0") < Some((14, 4)) && version("11") == Some((11, 0)) && version("new").is_none()
        );
    }
}
