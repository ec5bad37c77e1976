//! What the memory of a surface is.

/// What the memory of a surface is. Who makes the surface decides; who receives it learns it from what arrives.
///
/// On Linux both are the same: a sealed memory file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Backing {
    /// What the system itself shows and gives to its GPUs: an IOSurface on macOS.
    #[default]
    Native,
    /// Shared memory and nothing else: also there without a GPU, a window server or the right to use IOSurface.
    Memory,
}
