//! What the calls of the C API share: handles and their ownership, pointers to results, bytes, texts, options.
//!
//! A handle is an `Arc` of a type of this folder, and C holds its references by a pointer that it cannot look
//! into: [`give`] makes one, [`retain!`] and [`release!`] count, [`borrow!`] lends it to a call. The contents are one
//! of three:
//!
//! - a value that any number of threads may use at once, as it is: a surface, a memory region, a port set;
//! - [`Shared`]: a right, used by any number of threads at once, until one of them moves it elsewhere;
//! - [`Slot`]: used by one thread at a time, until a call consumes it: a message.
//!
//! A handle whose contents are gone is *empty*: calls say *wrong state*, and it must still be released.
//!
//! The contents know the process that they belong to, and do nothing in a fork. [`Shared`] and [`Slot`] know it, too, since
//! a thread that does not exist in the fork may have had their locks. The release of a handle takes none.
//!
//! The macros stand for functions so that the one place of each unsafe block, and its reason, is here. All of them
//! return from the body of a call when the check fails.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, IntoRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::{Error, Result, Status};
use crate::sys::owner::Owner;

/// A type that C holds by counted references.
pub(super) trait Handle: Send + Sync + 'static {}

/// All handles.
macro_rules! handles {
    ($($path:ident::$name:ident),* $(,)?) => {
        $(impl Handle for super::$path::$name {})*
    };
}
handles! {
    port::sfp_send_right,
    port::sfp_send_once_right,
    port::sfp_receive_right,
    port_set::sfp_port_set,
    message::sfp_message,
    memory::sfp_memory,
    surface::sfp_surface,
    channel::sfp_channel_end,
    channel::sfp_channel,
    producer::sfp_producer,
    producer::sfp_image,
    consumer_right::sfp_consumer_right,
    consumer::sfp_consumer,
    consumer::sfp_frame,
    host::sfp_host,
    child::sfp_child,
    invitation::sfp_invitation,
}

/// The first reference to a new handle.
pub(super) fn give<H: Handle>(handle: H) -> *mut H {
    Arc::into_raw(Arc::new(handle)).cast_mut()
}

/// A handle that belongs to another one, for C to borrow, or to retain.
pub(super) fn lend<H: Handle>(handle: &Arc<H>) -> *mut H {
    Arc::as_ptr(handle).cast_mut()
}

/// One more reference, or NULL for NULL.
///
/// # Safety
/// `handle` is NULL or a reference that the caller holds.
pub(super) unsafe fn retain_handle<H: Handle>(handle: *mut H) -> *mut H {
    if !handle.is_null() {
        // SAFETY: all handles are made by `give`, and this one lives because the caller holds a reference.
        unsafe { Arc::increment_strong_count(handle) };
    }
    handle
}

/// Ends a reference; NULL is nothing.
///
/// # Safety
/// `handle` is NULL or a reference that the caller gives up.
pub(super) unsafe fn release_handle<H: Handle>(handle: *mut H) {
    if !handle.is_null() {
        // SAFETY: all handles are made by `give`, and the caller owned one count of this one.
        drop(unsafe { Arc::from_raw(handle) });
    }
}

/// # Safety
/// `handle` is NULL or a reference that the caller holds for `'a`.
pub(super) unsafe fn borrow_handle<'a, H: Handle>(handle: *const H, name: &str) -> Result<&'a H> {
    // SAFETY: all handles are made by `give`, only ever shared, and this one lives for `'a`.
    unsafe { handle.as_ref() }.ok_or_else(|| is_null(name))
}

/// # Safety
/// `handle` is NULL or a reference that the caller holds.
#[cfg(target_os = "macos")]
pub(super) unsafe fn hold_handle<H: Handle>(handle: *const H, name: &str) -> Result<Arc<H>> {
    if handle.is_null() {
        return Err(is_null(name));
    }
    // SAFETY: all handles are made by `give`, and this one lives because the caller holds a reference; the new one is
    // what becomes the `Arc`.
    Ok(unsafe {
        Arc::increment_strong_count(handle);
        Arc::from_raw(handle)
    })
}

/// The handle behind a parameter, for the time of the call.
macro_rules! borrow {
    ($handle:ident) => {{
        // SAFETY: the C manual asks for NULL or a handle that the caller holds until the call returns.
        unsafe { $crate::ffi::handle::borrow_handle($handle, stringify!($handle)) }?
    }};
}

/// The handle behind a parameter, with a reference of the library's own.
#[cfg(target_os = "macos")]
macro_rules! hold {
    ($handle:ident) => {{
        // SAFETY: the C manual asks for NULL or a handle that the caller holds until the call returns.
        unsafe { $crate::ffi::handle::hold_handle($handle, stringify!($handle)) }?
    }};
}
#[cfg(target_os = "macos")]
pub(super) use hold;

/// A new reference for `sfp_…_retain`.
macro_rules! retain {
    ($handle:ident) => {{
        let body = || {
            // SAFETY: the C manual asks for NULL or a handle that the caller holds.
            Ok(unsafe { $crate::ffi::handle::retain_handle($handle) })
        };
        $crate::ffi::boundary::value(std::ptr::null_mut(), body)
    }};
}

/// The end of a reference for `sfp_…_release`. Nobody is told of a panic; that it does not unwind is enough.
macro_rules! release {
    ($handle:ident) => {{
        let body = || {
            // SAFETY: the C manual asks for NULL or a reference that the caller gives up.
            unsafe { $crate::ffi::handle::release_handle($handle) };
            Ok(())
        };
        $crate::ffi::boundary::value((), body)
    }};
}

/// The end of the caller's reference to a handle that a successful call consumes.
macro_rules! consume {
    ($handle:ident) => {{
        // SAFETY: the C manual says that this call ends the caller's reference when it succeeds.
        unsafe { $crate::ffi::handle::release_handle($handle) }
    }};
}

/// A place for a result, which is written once, at the end.
macro_rules! out {
    ($pointer:ident) => {{
        // SAFETY: the C manual asks for NULL or a place that the caller lets the call write.
        unsafe { $crate::ffi::handle::Out::new($pointer) }
            .ok_or_else(|| $crate::ffi::handle::is_null(stringify!($pointer)))?
    }};
}

/// A place for a result that the caller may leave out by NULL.
macro_rules! optional_out {
    ($pointer:ident) => {{
        // SAFETY: the C manual asks for NULL or a place that the caller lets the call write.
        unsafe { $crate::ffi::handle::Out::new($pointer) }
    }};
}

/// The bytes at a pointer. Of no bytes the pointer may be NULL.
macro_rules! bytes {
    ($pointer:ident, $length:ident) => {{
        // SAFETY: the C manual asks for so many bytes, which nobody writes during the call.
        unsafe { $crate::ffi::handle::read_bytes($pointer, $length, stringify!($pointer)) }?
    }};
}

/// Room for bytes at a pointer. For no bytes the pointer may be NULL.
macro_rules! room {
    ($pointer:ident, $length:ident) => {{
        // SAFETY: the C manual asks for room for so many, which nobody else uses during the call.
        unsafe { $crate::ffi::handle::Room::new($pointer, $length, stringify!($pointer)) }?
    }};
}

/// A text of C, in UTF-8.
macro_rules! text {
    ($pointer:ident) => {{
        // SAFETY: the C manual asks for NULL or a text that ends with NUL and that nobody writes during the call.
        unsafe { $crate::ffi::handle::read_text($pointer, stringify!($pointer)) }?
    }};
}

/// The texts of a list that NULL ends.
macro_rules! list {
    ($pointer:ident) => {{
        // SAFETY: the C manual asks for NULL or a list of texts that NULL ends, which nobody writes during the call.
        unsafe { $crate::ffi::handle::read_list($pointer, stringify!($pointer)) }?
    }};
}

/// A copy of a struct of options, as far as the caller knows it.
macro_rules! options {
    ($pointer:ident) => {{
        // SAFETY: the C manual asks for NULL or a struct whose first field is its size.
        unsafe { $crate::ffi::handle::read_options($pointer, stringify!($pointer)) }?
    }};
}

/// An enum of the caller's, if it is one of its values.
macro_rules! choice {
    ($given:ident) => {
        $crate::ffi::handle::read_choice($given, stringify!($given))?
    };
}

/// A descriptor of the caller's, for the time of the call.
macro_rules! descriptor {
    ($number:ident) => {{
        // SAFETY: the C manual asks for an open descriptor; of one that is not, the system says so.
        unsafe { $crate::ffi::handle::borrow_descriptor($number, stringify!($number)) }?
    }};
}

pub(super) use {
    borrow, bytes, choice, consume, descriptor, list, optional_out, options, out, release, retain, room, text,
};

pub(super) fn is_null(name: &str) -> Error {
    Error::invalid(format!("`{name}` is NULL"))
}

/// A place of the caller's for a result. May be uninitialized, so it is only ever written.
pub(super) struct Out<'a, T> {
    place: NonNull<T>,
    borrowed: PhantomData<&'a mut T>,
}

impl<T> Out<'_, T> {
    /// `None` for NULL.
    ///
    /// # Safety
    /// `place` is NULL or can be written until the call returns.
    pub(super) unsafe fn new(place: *mut T) -> Option<Self> {
        NonNull::new(place).map(|place| Self { place, borrowed: PhantomData })
    }

    pub(super) fn set(self, result: T) {
        // SAFETY: who made this said that the place can be written.
        unsafe { self.place.write(result) };
    }
}

impl<H: Handle> Out<'_, *mut H> {
    /// Hands out the first reference to a new handle.
    pub(super) fn give(self, handle: H) {
        self.set(give(handle));
    }
}

impl Out<'_, c_int> {
    /// Hands out a descriptor, which is the caller's from now on.
    pub(super) fn give_descriptor(self, descriptor: OwnedFd) {
        self.set(descriptor.into_raw_fd());
    }
}

/// # Safety
/// `pointer` has `length` bytes that nobody writes during `'a`, or is NULL.
pub(super) unsafe fn read_bytes<'a>(pointer: *const c_void, length: usize, name: &str) -> Result<&'a [u8]> {
    match NonNull::new(pointer.cast_mut().cast::<u8>()) {
        None if length == 0 => Ok(&[]),
        None => Err(is_null(name)),
        Some(_) if length > isize::MAX as usize => Err(too_long(length, name)),
        // SAFETY: the caller vouches for the bytes, and their number is one that memory can have.
        Some(first) => Ok(unsafe { std::slice::from_raw_parts(first.as_ptr(), length) }),
    }
}

fn too_long(length: usize, name: &str) -> Error {
    Error::invalid(format!("`{name}` cannot have {length} elements"))
}

/// Room of the caller's for results of which there can be more than fit. May be uninitialized.
pub(super) struct Room<'a, T> {
    first: *mut T,
    capacity: usize,
    borrowed: PhantomData<&'a mut T>,
}

impl<T: Copy> Room<'_, T> {
    /// # Safety
    /// `first` has room for `capacity` of them that nobody else uses until the call returns, or is NULL.
    pub(super) unsafe fn new(first: *mut T, capacity: usize, name: &str) -> Result<Self> {
        if capacity > isize::MAX as usize / size_of::<T>() {
            return Err(too_long(capacity, name));
        }
        if first.is_null() && capacity != 0 {
            return Err(is_null(name));
        }
        Ok(Self { first, capacity, borrowed: PhantomData })
    }

    /// Writes as many as there is room for.
    pub(super) fn fill(self, results: &[T]) {
        let count = results.len().min(self.capacity);
        if count != 0 {
            // SAFETY: who made this vouched for the room; it is the caller's, so no result lies in it.
            unsafe { std::ptr::copy_nonoverlapping(results.as_ptr(), self.first, count) };
        }
    }
}

impl Room<'_, u8> {
    /// All of the room, for a call that fills it.
    pub(super) fn bytes(&mut self) -> &mut [u8] {
        if self.capacity == 0 {
            return &mut [];
        }
        // SAFETY: who made this vouched for the room. Memory that C lends has some value, whoever wrote it.
        unsafe { std::slice::from_raw_parts_mut(self.first, self.capacity) }
    }
}

/// # Safety
/// `pointer` is NULL or a text that ends with NUL and that nobody writes during `'a`.
pub(super) unsafe fn read_text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str> {
    if pointer.is_null() {
        return Err(is_null(name));
    }
    // SAFETY: the caller vouches for the text.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map_err(|_| Error::invalid(format!("`{name}` is no UTF-8")))
}

/// # Safety
/// `pointer` is NULL or a list of texts that ends with NULL, and nobody writes the list or the texts during `'a`.
pub(super) unsafe fn read_list<'a>(pointer: *const *const c_char, name: &str) -> Result<Vec<&'a CStr>> {
    if pointer.is_null() {
        return Err(is_null(name));
    }
    let mut texts = Vec::new();
    let mut place = pointer;
    loop {
        // SAFETY: the caller vouches for all places up to the one that has NULL.
        let text = unsafe { place.read() };
        if text.is_null() {
            return Ok(texts);
        }
        // SAFETY: as above, for the text and for the next place.
        unsafe {
            texts.push(CStr::from_ptr(text));
            place = place.add(1);
        }
    }
}

/// # Safety
/// A descriptor that is not open can be passed, though the system may have given its number to another.
pub(super) unsafe fn borrow_descriptor<'a>(number: c_int, name: &str) -> Result<BorrowedFd<'a>> {
    if number < 0 {
        return Err(Error::invalid(format!("`{name}` is {number}, which is no file descriptor")));
    }
    // SAFETY: it is not -1, and whatever is open under the number is the caller's to lend.
    Ok(unsafe { BorrowedFd::borrow_raw(number) })
}

/// One more descriptor for what the caller's is for, which stays the caller's.
pub(super) fn duplicate(descriptor: BorrowedFd<'_>) -> Result<OwnedFd> {
    descriptor.try_clone_to_owned().map_err(|error| {
        let status = match error.raw_os_error() {
            Some(libc::EBADF) => Status::InvalidArgument,
            Some(libc::EMFILE | libc::ENFILE) => Status::ResourceExhausted,
            _ => Status::System,
        };
        Error::new(status, format!("duplicating a file descriptor: {error}"))
    })
}

/// An enum of the C API, which C can pass any number as: calls take it as `MaybeUninit`, which for C is the same.
///
/// # Safety
/// It is as large as a `u32`, and has no field.
pub(super) unsafe trait Choice: Sized {
    fn from_number(number: u32) -> Option<Self>;
}

/// Names all values of an enum of the C API.
macro_rules! choices {
    ($name:ident: $($variant:ident),* $(,)?) => {
        const _: () = assert!(size_of::<$name>() == size_of::<u32>());

        // SAFETY: the size was just looked at, and values that can be cast to a number have no field.
        unsafe impl $crate::ffi::handle::Choice for $name {
            fn from_number(number: u32) -> Option<Self> {
                // Does not compile if a value is forgotten.
                const _: fn($name) -> u32 = |value| match value {
                    $($name::$variant => value as u32,)*
                };
                [$(Self::$variant),*].into_iter().find(|value| *value as u32 == number)
            }
        }
    };
}
pub(super) use choices;

/// The number that C passed as an enum.
pub(super) fn number_of<E: Choice>(given: MaybeUninit<E>) -> u32 {
    // SAFETY: the sizes are the same, and C cannot pass an argument, nor has it a field, without any value.
    unsafe { std::mem::transmute_copy(&given) }
}

/// A `bool` in a struct of C's, which can have any number in it.
pub(super) fn is_true(given: MaybeUninit<bool>) -> bool {
    const _: () = assert!(size_of::<bool>() == size_of::<u8>());
    // SAFETY: the sizes are the same, and options have a value in every byte.
    let number: u8 = unsafe { std::mem::transmute(given) };
    number != 0
}

pub(super) fn read_choice<E: Choice>(given: MaybeUninit<E>, name: &str) -> Result<E> {
    let number = number_of(given);
    E::from_number(number)
        .ok_or_else(|| Error::invalid(format!("`{name}` is {number}, which is none of its values")))
}

/// A struct of options: `repr(C)`, begins with `struct_size`, may get more fields at its end.
///
/// # Safety
/// The first field is `struct_size: usize`, and all zeros are a value of the type.
pub(super) unsafe trait Options: Copy {
    /// The bytes up to the end of the last field of the first version that had the struct.
    const FIRST_SIZE: usize;
}

/// Where a field ends that is of this type.
macro_rules! end_of {
    ($options:ty, $field:ident: $kind:ty) => {{
        let end = std::mem::offset_of!($options, $field) + size_of::<$kind>();
        // Fields of later versions begin behind the size, not in its padding.
        assert!(end % align_of::<$options>() == 0, "fill the struct up");
        end
    }};
}
pub(super) use end_of;

/// No struct of options will ever be as large; who says so did not set the size.
const LARGEST_OPTIONS: usize = 4096;

/// What the caller's version of the struct lacks is 0, the default. What ours lacks must be 0.
///
/// # Safety
/// `pointer` is NULL or has as many bytes as the `struct_size` in it says.
pub(super) unsafe fn read_options<T: Options>(pointer: *const T, name: &str) -> Result<T> {
    if pointer.is_null() {
        return Err(is_null(name));
    }
    // SAFETY: the size is the first field of all options, in all of their versions.
    let size = unsafe { pointer.cast::<usize>().read() };
    if !(T::FIRST_SIZE..=LARGEST_OPTIONS).contains(&size) {
        return Err(Error::invalid(format!(
            "`{name}` has a struct_size of {size}: begin with its SFP_..._INIT"
        )));
    }
    // SAFETY: the caller vouches for so many bytes.
    let given = unsafe { std::slice::from_raw_parts(pointer.cast::<MaybeUninit<u8>>(), size) };
    let (known, unknown) = given.split_at(size.min(size_of::<T>()));
    // SAFETY: fields of a newer version have a value; there is no padding between versions.
    if unknown.iter().any(|byte| unsafe { byte.assume_init() } != 0) {
        return Err(Error::new(
            Status::Unsupported,
            format!("`{name}` sets an option that this version of surfaceport does not have"),
        ));
    }
    let mut options = MaybeUninit::<T>::zeroed();
    // SAFETY: `known` is not longer than the struct, which is ours alone; zeros are a value of it, and every
    // field that C sets is an integer, a pointer or an enum in `MaybeUninit`, for which all values are.
    Ok(unsafe {
        std::ptr::copy_nonoverlapping(known.as_ptr(), options.as_mut_ptr().cast(), known.len());
        options.assume_init()
    })
}

/// Contents that any number of threads use at once, until one of them moves them elsewhere.
pub(super) struct Shared<T> {
    owner: Owner,
    contents: Mutex<Option<Arc<T>>>,
}

impl<T> Shared<T> {
    pub(super) fn new(contents: T) -> Self {
        Self { owner: Owner::this_process(), contents: Mutex::new(Some(Arc::new(contents))) }
    }

    /// The contents, for a call that can wait: no lock is held meanwhile.
    pub(super) fn get(&self) -> Result<Arc<T>> {
        self.owner.check()?;
        self.contents.lock().clone().ok_or(EMPTY)
    }

    /// Moves the contents elsewhere; a failure gives them back.
    pub(super) fn move_by<R>(&self, work: impl FnOnce(T) -> Result<R, (T, Error)>) -> Result<R> {
        self.owner.check()?;
        let mut place = self.contents.lock();
        let contents = match Arc::try_unwrap(place.take().ok_or(EMPTY)?) {
            Ok(contents) => contents,
            Err(in_use) => {
                *place = Some(in_use);
                return Err(IN_USE);
            }
        };
        drop(place);
        work(contents).map_err(|(contents, error)| {
            *self.contents.lock() = Some(Arc::new(contents));
            error
        })
    }
}

/// Contents that one thread uses at a time, until a call consumes them.
pub(super) struct Slot<T> {
    owner: Owner,
    contents: Mutex<Option<T>>,
}

impl<T> Slot<T> {
    pub(super) fn new(contents: T) -> Self {
        Self { owner: Owner::this_process(), contents: Mutex::new(Some(contents)) }
    }

    /// Uses the contents, for a call that does not wait.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut T) -> Result<R>) -> Result<R> {
        self.owner.check()?;
        work(self.contents.lock().as_mut().ok_or(EMPTY)?)
    }

    /// Looks at the contents, also in a fork, if no thread had them when that was made.
    pub(super) fn look<R>(&self, work: impl FnOnce(&T) -> Result<R>) -> Result<R> {
        let contents = match self.owner.check() {
            Ok(()) => self.contents.lock(),
            Err(error) => self.contents.try_lock().ok_or(error)?,
        };
        work(contents.as_ref().ok_or(EMPTY)?)
    }

    /// Consumes the contents; a failure gives back what it did not consume. No lock is held meanwhile.
    pub(super) fn consume_by<R>(&self, work: impl FnOnce(T) -> Result<R, (Option<T>, Error)>) -> Result<R> {
        self.owner.check()?;
        let contents = self.contents.lock().take().ok_or(EMPTY)?;
        work(contents).map_err(|(contents, error)| {
            *self.contents.lock() = contents;
            error
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.look(|_| Ok(())).is_err_and(|error| error == EMPTY)
    }
}

const EMPTY: Error = Error::fixed(
    Status::WrongState,
    "the handle is empty: what it held was sent or moved, or another thread is just about it",
);

const IN_USE: Error = Error::fixed(
    Status::WrongState,
    "another thread is in a call with the handle, so what it holds cannot be moved",
);

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: Error = Error::fixed(Status::Refused, "no");

    #[test]
    fn shared_contents_move_once_and_only_unused() {
        let shared = Shared::new(7);
        let in_a_call = shared.get().unwrap();
        assert_eq!(shared.move_by(Ok).unwrap_err(), IN_USE);
        assert_eq!(*shared.get().unwrap(), 7, "it is still there");
        drop(in_a_call);
        assert_eq!(shared.move_by(|seven| Err::<(), _>((seven, REFUSED))).unwrap_err(), REFUSED);
        assert_eq!(shared.move_by(Ok).unwrap(), 7);
        assert_eq!(shared.get().unwrap_err(), EMPTY);
        assert_eq!(shared.move_by(Ok).unwrap_err(), EMPTY);
    }

    #[test]
    fn a_slot_keeps_what_was_not_consumed() {
        let slot = Slot::new(7);
        let meanwhile = |seven| {
            assert_eq!(slot.with(|_| Ok(())).unwrap_err(), EMPTY, "no second call at the same time");
            Err::<(), _>((Some(seven), REFUSED))
        };
        assert_eq!(slot.consume_by(meanwhile).unwrap_err(), REFUSED);
        assert_eq!(slot.with(|seven| Ok(*seven)).unwrap(), 7);
        assert_eq!(slot.consume_by(|_| Err::<(), _>((None, REFUSED))).unwrap_err(), REFUSED);
        assert!(slot.is_empty());
        assert_eq!(Slot::new(8).consume_by(Ok).unwrap(), 8);
    }

    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(C)]
    struct Second {
        struct_size: usize,
        of_first: u64,
        of_second: u64,
    }

    // SAFETY: the size is the first field, and all others are integers.
    unsafe impl Options for Second {
        const FIRST_SIZE: usize = end_of!(Second, of_first: u64);
    }

    fn read(given: &[u64]) -> Result<Second> {
        // SAFETY: each test gives as many bytes as it says in the first word, or a size that is refused.
        unsafe { read_options(given.as_ptr().cast(), "options") }
    }

    #[test]
    fn options_of_all_versions_are_understood() {
        let known = |of_second| Second { struct_size: 0, of_first: 7, of_second };
        for (given, expected) in
            [(&[16, 7][..], known(0)), (&[24, 7, 8], known(8)), (&[40, 7, 8, 0, 0], known(8))]
        {
            assert_eq!(Second { struct_size: 0, ..read(given).unwrap() }, expected);
        }
        // Half of a field is as much as the caller has.
        assert_eq!(read(&[20, 7, 8]).unwrap().of_second.to_ne_bytes()[4..], [0; 4]);
        assert_eq!(read(&[32, 7, 8, 1]).unwrap_err().status(), Status::Unsupported);
        for size in [0, 1, 8, 15, 4097, u64::MAX] {
            assert_eq!(read(&[size, 0, 0]).unwrap_err().status(), Status::InvalidArgument, "{size}");
        }
        // SAFETY: NULL is allowed.
        let null = unsafe { read_options::<Second>(std::ptr::null(), "options") };
        assert_eq!(null.unwrap_err().message(), "`options` is NULL");
    }

    #[test]
    fn lengths_that_no_memory_has_are_refused() {
        let one = 7_u8;
        let pointer = (&raw const one).cast();
        for length in [isize::MAX as usize + 1, usize::MAX] {
            // SAFETY: refused before the bytes are looked at.
            let refused = unsafe { read_bytes(pointer, length, "bytes") };
            assert_eq!(refused.unwrap_err().status(), Status::InvalidArgument);
            // SAFETY: as above.
            let refused = unsafe { Room::<u32>::new(std::ptr::dangling_mut(), length, "ids") };
            assert_eq!(refused.err().unwrap().status(), Status::InvalidArgument);
        }
        // SAFETY: NULL is allowed.
        assert!(unsafe { read_bytes(std::ptr::null(), 0, "bytes") }.unwrap().is_empty());
        // SAFETY: NULL is allowed.
        assert!(unsafe { read_bytes(std::ptr::null(), 1, "bytes") }.is_err());
    }
}
