/*
 * surfaceport for C++17: cross-process rendering. Header only, over surfaceport.h, and linked with the same library.
 *
 *     auto host   = sfp::host::spawn({ "./child" });
 *     auto frames = host.accept_consumer(5s);
 *     while (auto frame = frames.acquire(16ms)) engine.upload(frame->surface());
 *
 * What a call does, which errors it has and which threads may make it stands in surfaceport.h, under the name of the C
 * function that it calls. What holds for all of this header:
 *
 * Objects.  Each owns one reference to a handle, and gives it back when it ends. A default or moved-from object is
 *           empty: calls with it fail with SFP_STATUS_INVALID_ARGUMENT. What only one can have or that ends with its
 *           last reference in a way that others see (messages, images, receive rights, hosts and the like) can be moved
 *           and not copied; share() makes one more reference where several threads need one. All others can be copied:
 *           a copy is the same surface, channel or consumer.
 * Moves.    What a call takes by && it takes when it succeeds. After a failure the object is as it was.
 * Errors.   A call that fails throws sfp::error, with the status and the text of sfp_last_error_message(). What waits in
 *           a loop (acquire, receive, wait, wait_exit, wait_closed) returns sfp::waited<T>: empty when the time was over,
 *           or when the end came that its comment names; status() says which. If SFP_NO_EXCEPTIONS is defined before the
 *           header is included, nothing is thrown: sfp::result<T> and sfp::waited<T> are the value or the error. Files
 *           of both kinds can be in one program.
 * Time.     A timeout is any duration of std::chrono, a time of std::chrono::steady_clock, sfp::poll or sfp::forever.
 * Structs and constants are those of surfaceport.h; options come with their size set.
 */

#ifndef SURFACEPORT_HPP
#define SURFACEPORT_HPP

#include <surfaceport.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <unistd.h>

namespace sfp {

/* The two ways to fail have names of their own for the linker. */
#ifdef SFP_NO_EXCEPTIONS
inline namespace with_results {
#else
inline namespace with_exceptions {
#endif

using status = sfp_status;

/** The name of a status, as sfp_status_name(). */
inline const char *status_name(status code) noexcept { return sfp_status_name(code); }

/** The version of the library that runs, as sfp_version(). */
inline std::uint32_t version() noexcept { return sfp_version(); }

/** The version of the library that runs, as sfp_version_string(). */
inline const char *version_string() noexcept { return sfp_version_string(); }

/* ------------------------------------------------------------------------------------------------
 * Errors
 * ------------------------------------------------------------------------------------------------ */

/** Why a call failed. */
class error : public std::runtime_error {
public:
    error(sfp::status code, const char *detail)
        : std::runtime_error(std::string(sfp_status_name(code)) + ": " + detail), status_(code)
    {
    }

    /** The status to decide by. */
    sfp::status status() const noexcept { return status_; }

    /** What went wrong, in words; what() has the name of the status before it. */
    const char *detail() const noexcept { return what() + std::strlen(sfp_status_name(status_)) + 2; }

    /** The last failure of this thread. */
    static error last() { return error(sfp_last_error_status(), sfp_last_error_message()); }

private:
    sfp::status status_;
};

#ifdef SFP_NO_EXCEPTIONS

/** A value, or the error that took its place. */
template <class T>
class [[nodiscard]] result {
public:
    result(T value) : value_(std::move(value)) {}
    result(sfp::error error) : error_(std::move(error)) {}

    bool has_value() const noexcept { return value_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }

    /** The value; without one the program is terminated. */
    T &value() & { return must_have(), *value_; }
    const T &value() const & { return must_have(), *value_; }
    T &&value() && { return must_have(), std::move(*value_); }
    T &operator*() & { return value(); }
    const T &operator*() const & { return value(); }
    T &&operator*() && { return std::move(*this).value(); }
    T *operator->() { return &value(); }
    const T *operator->() const { return &value(); }

    /** The error; only if there is no value. */
    const sfp::error &error() const noexcept { return *error_; }
    sfp::status status() const noexcept { return has_value() ? SFP_STATUS_OK : error_->status(); }
    bool timed_out() const noexcept { return status() == SFP_STATUS_TIMED_OUT; }

private:
    void must_have() const
    {
        if (!has_value())
            std::terminate();
    }

    std::optional<T> value_;
    std::optional<sfp::error> error_;
};

/** Success, or the error. */
template <>
class [[nodiscard]] result<void> {
public:
    result() = default;
    result(sfp::error error) : error_(std::move(error)) {}

    bool has_value() const noexcept { return !error_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }
    const sfp::error &error() const noexcept { return *error_; }
    sfp::status status() const noexcept { return has_value() ? SFP_STATUS_OK : error_->status(); }
    bool timed_out() const noexcept { return status() == SFP_STATUS_TIMED_OUT; }

private:
    std::optional<sfp::error> error_;
};

/** What came of waiting. */
template <class T>
using waited = result<T>;

#else

/** What a call returns that throws its errors: the value. */
template <class T>
using result = T;

/** What came of waiting: a value; or none, and the status that says why. */
template <class T>
class [[nodiscard]] waited {
public:
    waited(T value) : value_(std::move(value)), status_(SFP_STATUS_OK) {}
    waited(sfp::status why_not) : status_(why_not) {}

    bool has_value() const noexcept { return value_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }

    /** The value; std::bad_optional_access without one. */
    T &value() & { return value_.value(); }
    const T &value() const & { return value_.value(); }
    T &&value() && { return std::move(value_).value(); }
    T &operator*() & { return value(); }
    const T &operator*() const & { return value(); }
    T &&operator*() && { return std::move(*this).value(); }
    T *operator->() { return &value(); }
    const T *operator->() const { return &value(); }

    sfp::status status() const noexcept { return status_; }
    bool timed_out() const noexcept { return status_ == SFP_STATUS_TIMED_OUT; }

private:
    std::optional<T> value_;
    sfp::status status_;
};

/** Whether what was waited for came; if not, why. */
template <>
class [[nodiscard]] waited<void> {
public:
    explicit waited(sfp::status came_or_why_not) : status_(came_or_why_not) {}

    explicit operator bool() const noexcept { return status_ == SFP_STATUS_OK; }
    sfp::status status() const noexcept { return status_; }
    bool timed_out() const noexcept { return status_ == SFP_STATUS_TIMED_OUT; }

private:
    sfp::status status_;
};

#endif

namespace detail {

#ifdef SFP_NO_EXCEPTIONS
#define SFP_FAIL(error) return (error)
#else
#define SFP_FAIL(error) throw(error)
#endif

/** What `make` makes if the call succeeded. */
template <class Make>
auto give(sfp_status code, Make &&make) -> result<decltype(make())>
{
    if (code != SFP_STATUS_OK)
        SFP_FAIL(error(code, sfp_last_error_message()));
    return make();
}

/** Success, after `then` is done, if the call succeeded. */
template <class Then>
result<void> done(sfp_status code, Then &&then)
{
    if (code != SFP_STATUS_OK)
        SFP_FAIL(error(code, sfp_last_error_message()));
    then();
    return result<void>();
}

inline result<void> done(sfp_status code)
{
    return done(code, [] {});
}

/** What `make` makes; nothing if the time was over or this end came. */
template <class Make>
auto wait(sfp_status code, sfp_status end, Make &&make) -> waited<decltype(make())>
{
#ifdef SFP_NO_EXCEPTIONS
    (void)end;
#else
    if (code == SFP_STATUS_TIMED_OUT || code == end)
        return waited<decltype(make())>(code);
#endif
    if (code != SFP_STATUS_OK)
        SFP_FAIL(error(code, sfp_last_error_message()));
    return make();
}

/** A list of texts as C has it. */
inline std::vector<const char *> c_strings(const std::vector<std::string> &texts)
{
    std::vector<const char *> pointers;
    pointers.reserve(texts.size() + 1);
    for (const std::string &text : texts)
        pointers.push_back(text.c_str());
    pointers.push_back(nullptr);
    return pointers;
}

/** One reference to a handle; it can be moved. */
template <class Noun, class Handle, Handle *(*Retain)(Handle *), void (*Release)(Handle *)>
class owned {
public:
    /** Empty. */
    owned() noexcept = default;
    owned(owned &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    owned &operator=(owned &&other) noexcept
    {
        if (this != &other) {
            reset();
            handle_ = std::exchange(other.handle_, nullptr);
        }
        return *this;
    }
    ~owned() { Release(handle_); }

    /** An object for a reference that was yours; it is the object's now. */
    static Noun adopt(Handle *handle) noexcept
    {
        Noun noun;
        noun.handle_ = handle;
        return noun;
    }

    /** An object for a handle that stays yours: it has a reference of its own. */
    static Noun retain(Handle *handle) noexcept { return adopt(Retain(handle)); }

    /** One more reference to the same, for another thread. */
    Noun share() const noexcept { return retain(handle_); }

    /** The handle, for calls in C. It stays the object's. */
    Handle *get() const noexcept { return handle_; }

    /** The handle, which is yours to release; the object is empty then. */
    [[nodiscard]] Handle *release() noexcept { return std::exchange(handle_, nullptr); }

    /** Gives the reference back. */
    void reset() noexcept { Release(std::exchange(handle_, nullptr)); }

    /** Whether it is not empty. */
    explicit operator bool() const noexcept { return handle_ != nullptr; }

private:
    Handle *handle_ = nullptr;
};

/** One reference to a handle; a copy is one more. */
template <class Noun, class Handle, Handle *(*Retain)(Handle *), void (*Release)(Handle *)>
class shared : public owned<Noun, Handle, Retain, Release> {
    using base = owned<Noun, Handle, Retain, Release>;

public:
    shared() noexcept = default;
    shared(shared &&) noexcept = default;
    shared &operator=(shared &&) noexcept = default;
    shared(const shared &other) noexcept : base(other.share()) {}
    shared &operator=(const shared &other) noexcept
    {
        if (this != &other)
            base::operator=(other.share());
        return *this;
    }
    ~shared() = default;
};

} // namespace detail

/* ------------------------------------------------------------------------------------------------
 * Time
 * ------------------------------------------------------------------------------------------------ */

/** The clock of sfp_time_now(), the same in all processes of this system. */
struct clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<clock>;
    static constexpr bool is_steady = true;

    static time_point now() noexcept { return at(sfp_time_now()); }

    /** The time that is so many nanoseconds. */
    static constexpr time_point at(std::int64_t nanoseconds) noexcept
    {
        return time_point(duration(nanoseconds));
    }
};

/** How long to wait. A duration is rounded up to nanoseconds; a negative one is over already. */
class timeout {
    template <class Rep, class Period>
    static constexpr std::int64_t from(std::chrono::duration<Rep, Period> duration) noexcept
    {
        const double seconds = std::chrono::duration<double>(duration).count();
        if (!(seconds > 0))
            return SFP_POLL;
        if (seconds > 9e9) /* more than 64 bits have room for: 285 years */
            return SFP_FOREVER;
        return static_cast<std::int64_t>(std::chrono::ceil<std::chrono::nanoseconds>(duration).count());
    }

public:
    template <class Rep, class Period>
    constexpr timeout(std::chrono::duration<Rep, Period> duration) noexcept : nanoseconds_(from(duration))
    {
    }

    /** Until this time. */
    template <class Duration>
    timeout(std::chrono::time_point<std::chrono::steady_clock, Duration> deadline) noexcept
        : timeout(deadline - std::chrono::steady_clock::now())
    {
    }

    /** For as long as it takes. */
    static constexpr timeout forever() noexcept
    {
        timeout none{ std::chrono::nanoseconds(0) };
        none.nanoseconds_ = SFP_FOREVER;
        return none;
    }

    /** As C has it: nanoseconds, SFP_FOREVER or 0. */
    constexpr std::int64_t count() const noexcept { return nanoseconds_; }

private:
    std::int64_t nanoseconds_;
};

inline constexpr timeout poll{ std::chrono::nanoseconds(0) };
inline constexpr timeout forever = timeout::forever();

/* ------------------------------------------------------------------------------------------------
 * Spans, descriptors and structs
 * ------------------------------------------------------------------------------------------------ */

/** Elements that lie one behind the other and are another's: what std::span is from C++20 on. */
template <class T>
class span {
public:
    using element_type = T;
    using value_type = std::remove_cv_t<T>;
    using iterator = T *;

    constexpr span() noexcept = default;
    constexpr span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}

    /** Anything with data() and size(): std::vector, std::array, std::span, a span of what is not const. */
    template <class Container,
              class = std::enable_if_t<std::is_convertible_v<
                  std::remove_pointer_t<decltype(std::declval<Container &>().data())> (*)[], T (*)[]>>>
    constexpr span(Container &&container) noexcept : data_(container.data()), size_(container.size())
    {
    }

    constexpr T *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr std::size_t size_bytes() const noexcept { return size_ * sizeof(T); }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr T *begin() const noexcept { return data_; }
    constexpr T *end() const noexcept { return data_ + size_; }
    constexpr T &operator[](std::size_t index) const noexcept { return data_[index]; }

private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};

/** A file descriptor that is closed when this ends. */
class file_descriptor {
public:
    file_descriptor() noexcept = default;
    explicit file_descriptor(int fd) noexcept : fd_(fd) {}
    file_descriptor(file_descriptor &&other) noexcept : fd_(other.release()) {}
    file_descriptor &operator=(file_descriptor &&other) noexcept
    {
        if (this != &other)
            reset(other.release());
        return *this;
    }
    ~file_descriptor() { reset(); }

    int get() const noexcept { return fd_; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    void reset(int fd = -1) noexcept
    {
        if (fd_ >= 0)
            ::close(fd_);
        fd_ = fd;
    }
    explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

/** What a surface is made with. */
struct surface_descriptor : sfp_surface_descriptor {
    surface_descriptor() noexcept : sfp_surface_descriptor(SFP_SURFACE_DESCRIPTOR_INIT) {}
    surface_descriptor(std::uint32_t wide, std::uint32_t high,
                       sfp_pixel_format pixels = SFP_PIXEL_FORMAT_BGRA8) noexcept
        : surface_descriptor()
    {
        width = wide;
        height = high;
        format = pixels;
    }
};

/** What a swapchain is made with. */
struct swapchain_options : sfp_swapchain_options {
    swapchain_options() noexcept : sfp_swapchain_options(SFP_SWAPCHAIN_OPTIONS_INIT) {}
    swapchain_options(std::uint32_t wide, std::uint32_t high,
                      sfp_present_mode how = SFP_PRESENT_MODE_DEFAULT) noexcept
        : swapchain_options()
    {
        width = wide;
        height = high;
        mode = how;
    }
};

/** What a consumer is made with. */
struct consumer_options : sfp_consumer_options {
    consumer_options() noexcept : sfp_consumer_options(SFP_CONSUMER_OPTIONS_INIT) {}
};

/** What a producer says of a frame. */
struct present_info : sfp_present_info {
    present_info() noexcept : sfp_present_info(SFP_PRESENT_INFO_INIT) {}

    void display_at(clock::time_point time) noexcept
    {
        display_ns = static_cast<std::int64_t>(time.time_since_epoch().count());
    }

    /** Puts a value at the beginning of `user`. */
    template <class T>
    void set_user(const T &value) noexcept
    {
        static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= SFP_FRAME_USER_BYTES);
        std::memcpy(user, &value, sizeof value);
    }
};

/** What the producer said of a frame: its word, not a fact. */
struct frame_info : sfp_frame_info {
    clock::time_point presented() const noexcept { return clock::at(presented_ns); }
    clock::time_point display() const noexcept { return clock::at(display_ns); }

    /** The value at the beginning of `user`. */
    template <class T>
    T user_as() const noexcept
    {
        static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= SFP_FRAME_USER_BYTES);
        T value;
        std::memcpy(&value, user, sizeof value);
        return value;
    }
};

/** A plane of a surface. */
struct plane : sfp_plane {
    /** The elements of a row, from 0; `T` is an element, or a part of one. */
    template <class T>
    span<T> row(std::uint32_t y) const noexcept
    {
        void *first = static_cast<std::byte *>(base) + bytes_per_row * y;
        return { static_cast<T *>(first), bytes_per_element * width / sizeof(T) };
    }
};

class surface;
class image;

/** A lock of a surface or an image, which ends when this does. It keeps what it locks. */
template <class Noun>
class [[nodiscard]] locked {
public:
    locked(locked &&other) noexcept
        : noun_(std::move(other.noun_)), mode_(other.mode_), pixels_(other.pixels_), plane_(other.plane_)
    {
    }
    locked &operator=(locked &&other) noexcept
    {
        if (this != &other) {
            end();
            noun_ = std::move(other.noun_);
            mode_ = other.mode_;
            pixels_ = other.pixels_;
            plane_ = other.plane_;
        }
        return *this;
    }
    ~locked() { end(); }

    void *base() const noexcept { return pixels_.base; }
    std::size_t bytes_per_row() const noexcept { return pixels_.bytes_per_row; }
    std::uint32_t width() const noexcept { return pixels_.width; }
    std::uint32_t height() const noexcept { return pixels_.height; }
    sfp_pixel_format format() const noexcept { return pixels_.format; }
    std::uint32_t plane_count() const noexcept { return pixels_.plane_count; }

    /** A row of plane 0, from 0. For the other planes see surface::plane_at(). */
    template <class T>
    span<T> row(std::uint32_t y) const noexcept
    {
        return plane_.template row<T>(y);
    }

    /** Ends the lock, and tells whether it could. */
    result<void> unlock()
    {
        Noun noun = std::move(noun_);
        return detail::done(Noun::unlock(noun, mode_));
    }

private:
    friend Noun;
    locked(Noun noun, sfp_lock mode, const sfp_pixels &pixels, const sfp_plane &first) noexcept
        : noun_(std::move(noun)), mode_(mode), pixels_(pixels), plane_{ first }
    {
    }

    void end() noexcept
    {
        if (noun_)
            (void)Noun::unlock(noun_, mode_);
    }

    Noun noun_;
    sfp_lock mode_;
    sfp_pixels pixels_;
    sfp::plane plane_;
};

/* ------------------------------------------------------------------------------------------------
 * Memory regions and surfaces
 * ------------------------------------------------------------------------------------------------ */

/** Memory that several processes map. */
class memory : public detail::shared<memory, sfp_memory, sfp_memory_retain, sfp_memory_release> {
public:
    /** A region of zero bytes, as sfp_memory_create(). */
    static result<memory> create(std::size_t size, sfp_memory_access access = SFP_MEMORY_ACCESS_READ_WRITE)
    {
        sfp_memory *made = nullptr;
        return detail::give(sfp_memory_create(size, access, &made), [&] { return adopt(made); });
    }

    /** The bytes, valid as long as a reference to the region is there. Other processes may write at any time. */
    span<std::byte> bytes() const noexcept
    {
        return { static_cast<std::byte *>(sfp_memory_base(get())), size() };
    }
    std::size_t size() const noexcept { return sfp_memory_size(get()); }
    bool is_writable() const noexcept { return sfp_memory_is_writable(get()); }

    /** Has every page made and mapped now, as sfp_memory_prefault(). */
    result<void> prefault() const { return detail::done(sfp_memory_prefault(get())); }

    /** Copies into the region, as sfp_memory_write(). */
    result<void> write(std::size_t offset, span<const std::byte> from) const
    {
        return detail::done(sfp_memory_write(get(), offset, from.data(), from.size()));
    }

    /** Copies out of the region, as sfp_memory_read(). */
    result<void> read(std::size_t offset, span<std::byte> into) const
    {
        return detail::done(sfp_memory_read(get(), offset, into.data(), into.size()));
    }
};

/** Pixels that several processes map. */
class surface : public detail::shared<surface, sfp_surface, sfp_surface_retain, sfp_surface_release> {
public:
    /** A surface of zero bytes, as sfp_surface_create(). */
    static result<surface> create(const sfp_surface_descriptor &descriptor)
    {
        sfp_surface *made = nullptr;
        return detail::give(sfp_surface_create(&descriptor, &made), [&] { return adopt(made); });
    }
    static result<surface> create(std::uint32_t width, std::uint32_t height,
                                  sfp_pixel_format format = SFP_PIXEL_FORMAT_BGRA8)
    {
        return create(surface_descriptor(width, height, format));
    }

    std::uint32_t id() const noexcept { return sfp_surface_id(get()); }
    std::uint32_t width() const noexcept { return sfp_surface_width(get()); }
    std::uint32_t height() const noexcept { return sfp_surface_height(get()); }
    sfp_pixel_format pixel_format() const noexcept { return sfp_surface_pixel_format(get()); }
    sfp_backing backing() const noexcept { return sfp_surface_backing(get()); }
    std::uint32_t plane_count() const noexcept { return sfp_surface_plane_count(get()); }
    std::size_t allocation_size() const noexcept { return sfp_surface_allocation_size(get()); }
    std::uint32_t seed() const noexcept { return sfp_surface_seed(get()); }

    /** Has every page made and mapped now, as sfp_surface_prefault(). */
    result<void> prefault() const { return detail::done(sfp_surface_prefault(get())); }

    /** Where a plane lies, as sfp_surface_plane(). */
    result<plane> plane_at(std::size_t index) const
    {
        plane found{};
        return detail::give(sfp_surface_plane(get(), index, &found), [&] { return found; });
    }

    /** Locks the pixels for the CPU until what it returns ends, as sfp_surface_lock(). */
    result<locked<surface>> lock(sfp_lock mode = SFP_LOCK_WRITE) const
    {
        sfp_pixels pixels{};
        return detail::give(sfp_surface_lock(get(), mode, &pixels), [&] {
            sfp_plane first{};
            (void)sfp_surface_plane(get(), 0, &first);
            return locked<surface>(*this, mode, pixels, first);
        });
    }

    std::uint32_t use_count() const noexcept { return sfp_surface_use_count(get()); }
    bool is_in_use() const noexcept { return sfp_surface_is_in_use(get()); }
    result<void> increment_use_count() const { return detail::done(sfp_surface_increment_use_count(get())); }
    result<void> decrement_use_count() const { return detail::done(sfp_surface_decrement_use_count(get())); }

    /** Sets the purgeable state and returns the one from before, as sfp_surface_set_purgeable(). */
    result<sfp_purgeable> set_purgeable(sfp_purgeable state) const
    {
        sfp_purgeable before{};
        return detail::give(sfp_surface_set_purgeable(get(), state, &before), [&] { return before; });
    }
    result<sfp_purgeable> purgeable() const
    {
        sfp_purgeable state{};
        return detail::give(sfp_surface_purgeable(get(), &state), [&] { return state; });
    }

    /** Attaches a value that every process sees, as sfp_surface_set_value(). */
    result<void> set_value(const std::string &name, span<const std::byte> bytes) const
    {
        return detail::done(sfp_surface_set_value(get(), name.c_str(), bytes.data(), bytes.size()));
    }
    result<void> set_value(const std::string &name, std::string_view text) const
    {
        return detail::done(sfp_surface_set_value(get(), name.c_str(), text.data(), text.size()));
    }

    /** A value, as sfp_surface_value(); a text is one byte for each character. */
    result<std::string> value(const std::string &name) const
    {
        return whole([&](char *buffer, std::size_t capacity, std::size_t *size) {
            return sfp_surface_value(get(), name.c_str(), buffer, capacity, size);
        }, [](std::string bytes) { return bytes; });
    }
    result<void> remove_value(const std::string &name) const
    {
        return detail::done(sfp_surface_remove_value(get(), name.c_str()));
    }

    /** The names of all values, as sfp_surface_value_names(). */
    result<std::vector<std::string>> value_names() const
    {
        return whole([&](char *buffer, std::size_t capacity, std::size_t *size) {
            return sfp_surface_value_names(get(), buffer, capacity, size);
        }, [](const std::string &bytes) {
            std::vector<std::string> names;
            for (std::size_t at = 0; at < bytes.size(); at += names.back().size() + 1)
                names.emplace_back(bytes.c_str() + at);
            return names;
        });
    }

    result<void> set_color_space(sfp_color_space space) const
    {
        return detail::done(sfp_surface_set_color_space(get(), space));
    }
    result<sfp_color_space> color_space() const
    {
        sfp_color_space space{};
        return detail::give(sfp_surface_color_space(get(), &space), [&] { return space; });
    }

#ifdef __linux__
    /** A descriptor of the pixels' memory, as sfp_surface_export_fd(). */
    result<file_descriptor> export_fd() const
    {
        int fd = -1;
        return detail::give(sfp_surface_export_fd(get(), &fd), [&] { return file_descriptor(fd); });
    }

    /** A dma-buf of the pixels, as sfp_surface_export_dma_buf(). */
    result<file_descriptor> export_dma_buf() const
    {
        int fd = -1;
        return detail::give(sfp_surface_export_dma_buf(get(), &fd), [&] { return file_descriptor(fd); });
    }
#endif

#ifdef __APPLE__
    /** The IOSurfaceRef, which is the surface's; NULL for SFP_BACKING_MEMORY. */
    struct __IOSurface *iosurface() const noexcept { return sfp_surface_iosurface(get()); }

    /** A surface of an IOSurfaceRef, which stays yours. */
    static result<surface> from_iosurface(struct __IOSurface *iosurface)
    {
        sfp_surface *made = nullptr;
        return detail::give(sfp_surface_from_iosurface(iosurface, &made), [&] { return adopt(made); });
    }

    /** A surface of a CVPixelBufferRef, which stays yours. */
    static result<surface> from_pixel_buffer(struct __CVBuffer *buffer)
    {
        sfp_surface *made = nullptr;
        return detail::give(sfp_surface_from_pixel_buffer(buffer, &made), [&] { return adopt(made); });
    }

    /** A CVPixelBufferRef over the memory: CVPixelBufferRelease() it. */
    result<struct __CVBuffer *> create_pixel_buffer() const
    {
        struct __CVBuffer *buffer = nullptr;
        return detail::give(sfp_surface_create_pixel_buffer(get(), &buffer), [&] { return buffer; });
    }

    /** An xpc_object_t that stands for the surface: xpc_release() it. */
    result<void *> create_xpc_object() const
    {
        void *object = nullptr;
        return detail::give(sfp_surface_create_xpc_object(get(), &object), [&] { return object; });
    }

    /** A surface of an xpc_object_t, which stays yours. */
    static result<surface> from_xpc_object(void *object)
    {
        sfp_surface *made = nullptr;
        return detail::give(sfp_surface_from_xpc_object(object, &made), [&] { return adopt(made); });
    }

    /** A port that stands for the surface: mach_port_deallocate() it. */
    result<mach_port_t> create_mach_port() const
    {
        mach_port_t port = 0;
        return detail::give(sfp_surface_create_mach_port(get(), &port), [&] { return port; });
    }

    /** A surface of a port, whose right stays yours. */
    static result<surface> from_mach_port(mach_port_t port)
    {
        sfp_surface *made = nullptr;
        return detail::give(sfp_surface_from_mach_port(port, &made), [&] { return adopt(made); });
    }
#endif

private:
    friend class locked<surface>;

    static sfp_status unlock(const surface &held, sfp_lock mode) noexcept
    {
        return sfp_surface_unlock(held.get(), mode);
    }

    /** All bytes of what tells its size only when it is read, and which others change at any time. */
    template <class Read, class Make>
    static auto whole(Read &&read, Make &&make) -> result<decltype(make(std::string()))>
    {
        std::string bytes(256, '\0');
        for (;;) {
            std::size_t size = 0;
            const sfp_status code = read(bytes.data(), bytes.size(), &size);
            const bool is_cut = code == SFP_STATUS_OK && size > bytes.size();
            bytes.resize(std::max<std::size_t>(size, 1));
            if (!is_cut) {
                return detail::give(code, [&] {
                    bytes.resize(size);
                    return make(std::move(bytes));
                });
            }
        }
    }
};

/** The surfaces of this process. */
struct live_surfaces_found {
    /** Their ids, ascending. */
    std::vector<std::uint32_t> ids;
    sfp_surface_totals totals;
};

/** Tells of all surfaces that live in this process, as sfp_live_surfaces(). */
inline result<live_surfaces_found> live_surfaces()
{
    live_surfaces_found found{};
    sfp_status code = sfp_live_surfaces(nullptr, 0, &found.totals);
    while (code == SFP_STATUS_OK && found.totals.count > found.ids.size()) {
        found.ids.resize(found.totals.count);
        code = sfp_live_surfaces(found.ids.data(), found.ids.size(), &found.totals);
    }
    return detail::give(code, [&] {
        found.ids.resize(found.totals.count);
        return std::move(found);
    });
}

/* ------------------------------------------------------------------------------------------------
 * Ports and messages
 * ------------------------------------------------------------------------------------------------ */

class message;
class channel;
class channel_end;
class consumer_right;

/** Lets its holder send to a port, any number of times. */
class send_right
    : public detail::shared<send_right, sfp_send_right, sfp_send_right_retain, sfp_send_right_release> {
public:
    /** Whether the port is dead, as sfp_send_right_is_dead(). */
    result<bool> is_dead() const
    {
        bool dead = false;
        return detail::give(sfp_send_right_is_dead(get(), &dead), [&] { return dead; });
    }

    /** Sends, as sfp_send(). Waits while the queue is full; that it stayed so is an error. */
    result<void> send(message &&what, timeout limit) const;

    /** Sends and waits for the answer, as sfp_request(). A failure leaves the message empty if it was sent. */
    result<message> request(message &&what, timeout limit) const;

#ifdef __linux__
    /** The raw form, as sfp_send_right_into_fd(). */
    result<file_descriptor> into_fd() &&
    {
        int fd = -1;
        return detail::give(sfp_send_right_into_fd(get(), &fd), [&] { return reset(), file_descriptor(fd); });
    }

    /** A right of its raw form, which stays yours. */
    static result<send_right> from_fd(int fd)
    {
        sfp_send_right *made = nullptr;
        return detail::give(sfp_send_right_from_fd(fd, &made), [&] { return adopt(made); });
    }
#endif

#ifdef __APPLE__
    /** The port behind the right, with a reference that is yours. */
    result<mach_port_t> copy_mach_port() const
    {
        mach_port_t port = 0;
        return detail::give(sfp_send_right_copy_mach_port(get(), &port), [&] { return port; });
    }

    /** A right of a port, whose reference stays yours. */
    static result<send_right> from_mach_port(mach_port_t port)
    {
        sfp_send_right *made = nullptr;
        return detail::give(sfp_send_right_from_mach_port(port, &made), [&] { return adopt(made); });
    }
#endif
};

/** Lets its holder send to a port once. If it ends unused, the receiver learns that no answer will come. */
class send_once_right : public detail::owned<send_once_right, sfp_send_once_right, sfp_send_once_right_retain,
                                             sfp_send_once_right_release> {
public:
    /** Whether nobody waits any more, as sfp_send_once_right_is_dead(). */
    result<bool> is_dead() const
    {
        bool dead = false;
        return detail::give(sfp_send_once_right_is_dead(get(), &dead), [&] { return dead; });
    }

    /** Sends the one message, as sfp_send_once(). Success leaves both empty. */
    result<void> send(message &&what, timeout limit) &&;

#ifdef __APPLE__
    /** The name of the send-once right, which is yours. */
    result<mach_port_t> into_mach_port() &&
    {
        mach_port_t port = 0;
        return detail::give(sfp_send_once_right_into_mach_port(get(), &port), [&] { return reset(), port; });
    }

    /** A right of the name of one, which success makes the object's. */
    static result<send_once_right> from_mach_port(mach_port_t port)
    {
        sfp_send_once_right *made = nullptr;
        return detail::give(sfp_send_once_right_from_mach_port(port, &made), [&] { return adopt(made); });
    }
#endif
};

/** The one right to receive from a port. */
class receive_right : public detail::owned<receive_right, sfp_receive_right, sfp_receive_right_retain,
                                           sfp_receive_right_release> {
public:
    /** Makes a port, as sfp_receive_right_create(). */
    static result<receive_right> create()
    {
        sfp_receive_right *made = nullptr;
        return detail::give(sfp_receive_right_create(&made), [&] { return adopt(made); });
    }

    result<send_right> make_send() const
    {
        sfp_send_right *made = nullptr;
        return detail::give(sfp_receive_right_make_send(get(), &made), [&] { return send_right::adopt(made); });
    }
    result<send_once_right> make_send_once() const
    {
        sfp_send_once_right *made = nullptr;
        return detail::give(sfp_receive_right_make_send_once(get(), &made),
                            [&] { return send_once_right::adopt(made); });
    }

    /** The next message, as sfp_receive(). Empty: SFP_STATUS_TIMED_OUT, or SFP_STATUS_NO_SENDERS. */
    waited<message> receive(timeout limit) const;

    /** Readable when receive() would not wait; it is the library's. -1 if there is none. */
    int fd() const noexcept { return sfp_receive_right_fd(get()); }

#ifdef __linux__
    /** The raw form, as sfp_receive_right_into_fd(). */
    result<file_descriptor> into_fd() &&
    {
        int fd = -1;
        return detail::give(sfp_receive_right_into_fd(get(), &fd), [&] { return reset(), file_descriptor(fd); });
    }

    /** A right of its raw form, which stays yours: close it. */
    static result<receive_right> from_fd(int fd)
    {
        sfp_receive_right *made = nullptr;
        return detail::give(sfp_receive_right_from_fd(fd, &made), [&] { return adopt(made); });
    }
#endif

#ifdef __APPLE__
    /** The name of the receive right, which is yours. */
    result<mach_port_t> into_mach_port() &&
    {
        mach_port_t port = 0;
        return detail::give(sfp_receive_right_into_mach_port(get(), &port), [&] { return reset(), port; });
    }

    /** A right of the name of one, which success makes the object's. */
    static result<receive_right> from_mach_port(mach_port_t port)
    {
        sfp_receive_right *made = nullptr;
        return detail::give(sfp_receive_right_from_mach_port(port, &made), [&] { return adopt(made); });
    }
#endif
};

/** Many receive rights, and watches for dead ports, behind one descriptor. It borrows its members. */
class port_set : public detail::shared<port_set, sfp_port_set, sfp_port_set_retain, sfp_port_set_release> {
public:
    static result<port_set> create()
    {
        sfp_port_set *made = nullptr;
        return detail::give(sfp_port_set_create(&made), [&] { return adopt(made); });
    }

    result<void> add(const receive_right &right, std::uint64_t key) const
    {
        return detail::done(sfp_port_set_add(get(), right.get(), key));
    }
    result<void> remove(std::uint64_t key) const { return detail::done(sfp_port_set_remove(get(), key)); }
    result<void> watch(const send_right &right, std::uint64_t key) const
    {
        return detail::done(sfp_port_set_watch(get(), right.get(), key));
    }
    result<void> unwatch(std::uint64_t key) const { return detail::done(sfp_port_set_unwatch(get(), key)); }

    /** A member that is ready, as sfp_port_set_wait(). Empty: SFP_STATUS_TIMED_OUT. */
    waited<sfp_port_set_event> wait(timeout limit) const
    {
        sfp_port_set_event event{};
        return detail::wait(sfp_port_set_wait(get(), limit.count(), &event), SFP_STATUS_TIMED_OUT,
                            [&] { return event; });
    }

    /** Readable when wait() would not wait; it is the library's. */
    int fd() const noexcept { return sfp_port_set_fd(get()); }
};

/** A number, bytes and attachments. It is for one thread at a time. */
class message : public detail::owned<message, sfp_message, sfp_message_retain, sfp_message_release> {
public:
    /** Empty: nothing can be sent by it. */
    message() noexcept = default;

    /** A message with this number, and with this text as its payload. */
    explicit message(std::uint32_t id) { *this = adopt(sfp_message_create(id)); }
    message(std::uint32_t id, std::string_view text) : message(id) { (void)append(text); }

    /** Adds bytes at the end of the payload, as sfp_message_append(). */
    result<void> append(const void *bytes, std::size_t size)
    {
        return detail::done(sfp_message_append(get(), bytes, size));
    }
    result<void> append(std::string_view text) { return append(text.data(), text.size()); }
    result<void> append(span<const std::byte> bytes) { return append(bytes.data(), bytes.size()); }

    std::uint32_t id() const noexcept { return sfp_message_id(get()); }

    /** Whether it was sent, or has no handle. */
    bool is_empty() const noexcept { return get() == nullptr || sfp_message_is_empty(get()); }

    /** The bytes, valid until the message is changed, sent or released. */
    span<const std::byte> payload() const noexcept
    {
        return { static_cast<const std::byte *>(sfp_message_payload(get())), sfp_message_payload_size(get()) };
    }

    /** The bytes as a text; as payload(). */
    std::string_view text() const noexcept
    {
        return { static_cast<const char *>(sfp_message_payload(get())), sfp_message_payload_size(get()) };
    }

    /** Adds an attachment, as sfp_message_attach_send_right() and its like. It stays yours. */
    result<void> attach(const send_right &right)
    {
        return detail::done(sfp_message_attach_send_right(get(), right.get()));
    }
    result<void> attach(const memory &region)
    {
        return detail::done(sfp_message_attach_memory(get(), region.get()));
    }
    result<void> attach(const surface &pixels)
    {
        return detail::done(sfp_message_attach_surface(get(), pixels.get()));
    }
    result<void> attach(const consumer_right &right);
    result<void> attach_fd(int fd) { return detail::done(sfp_message_attach_fd(get(), fd)); }

    /** Moves a right or the end of a channel into the message; success leaves it empty. */
    result<void> attach(receive_right &&right)
    {
        return detail::done(sfp_message_attach_receive_right(get(), right.get()), [&] { right.reset(); });
    }
    result<void> attach(channel_end &&end);

    std::size_t attachment_count() const noexcept { return sfp_message_attachment_count(get()); }
    sfp_attachment attachment_kind(std::size_t index) const noexcept
    {
        return sfp_message_attachment_kind(get(), index);
    }

    /** Takes an attachment out, as sfp_message_take_send_right() and its like. The others keep their places. */
    result<send_right> take_send_right(std::size_t index)
    {
        sfp_send_right *taken = nullptr;
        return detail::give(sfp_message_take_send_right(get(), index, &taken),
                            [&] { return send_right::adopt(taken); });
    }
    result<receive_right> take_receive_right(std::size_t index)
    {
        sfp_receive_right *taken = nullptr;
        return detail::give(sfp_message_take_receive_right(get(), index, &taken),
                            [&] { return receive_right::adopt(taken); });
    }
    result<memory> take_memory(std::size_t index)
    {
        sfp_memory *taken = nullptr;
        return detail::give(sfp_message_take_memory(get(), index, &taken), [&] { return memory::adopt(taken); });
    }
    result<surface> take_surface(std::size_t index)
    {
        sfp_surface *taken = nullptr;
        return detail::give(sfp_message_take_surface(get(), index, &taken),
                            [&] { return surface::adopt(taken); });
    }
    result<file_descriptor> take_fd(std::size_t index)
    {
        int fd = -1;
        return detail::give(sfp_message_take_fd(get(), index, &fd), [&] { return file_descriptor(fd); });
    }
    result<channel_end> take_channel_end(std::size_t index);
    result<consumer_right> take_consumer_right(std::size_t index);

    /** Who sent it, as sfp_message_sender(). */
    result<sfp_sender> sender() const
    {
        sfp_sender from{};
        return detail::give(sfp_message_sender(get(), &from), [&] { return from; });
    }

    bool has_reply_right() const noexcept { return sfp_message_has_reply_right(get()); }

    /** Answers this request, as sfp_message_reply(). */
    result<void> reply(message &&answer, timeout limit)
    {
        return detail::done(sfp_message_reply(get(), answer.get(), limit.count()), [&] { (void)answer.release(); });
    }
    result<send_once_right> take_reply_right()
    {
        sfp_send_once_right *taken = nullptr;
        return detail::give(sfp_message_take_reply_right(get(), &taken),
                            [&] { return send_once_right::adopt(taken); });
    }
    result<void> set_reply_right(send_once_right &&right)
    {
        return detail::done(sfp_message_set_reply_right(get(), right.get()), [&] { right.reset(); });
    }
};

inline result<void> send_right::send(message &&what, timeout limit) const
{
    return detail::done(sfp_send(get(), what.get(), limit.count()), [&] { (void)what.release(); });
}

inline result<message> send_right::request(message &&what, timeout limit) const
{
    sfp_message *answer = nullptr;
    return detail::give(sfp_request(get(), what.get(), limit.count(), &answer), [&] {
        (void)what.release();
        return message::adopt(answer);
    });
}

inline result<void> send_once_right::send(message &&what, timeout limit) &&
{
    return detail::done(sfp_send_once(get(), what.get(), limit.count()), [&] {
        (void)what.release();
        reset();
    });
}

inline waited<message> receive_right::receive(timeout limit) const
{
    sfp_message *received = nullptr;
    return detail::wait(sfp_receive(get(), limit.count(), &received), SFP_STATUS_NO_SENDERS,
                        [&] { return message::adopt(received); });
}

/** Takes a name, as sfp_bootstrap_check_in(). */
inline result<receive_right> bootstrap_check_in(const std::string &name)
{
    sfp_receive_right *made = nullptr;
    return detail::give(sfp_bootstrap_check_in(name.c_str(), &made), [&] { return receive_right::adopt(made); });
}

/** Finds the port behind a name, as sfp_bootstrap_look_up(). */
inline result<send_right> bootstrap_look_up(const std::string &name, timeout limit)
{
    sfp_send_right *found = nullptr;
    return detail::give(sfp_bootstrap_look_up(name.c_str(), limit.count(), &found),
                        [&] { return send_right::adopt(found); });
}

/* ------------------------------------------------------------------------------------------------
 * Channels
 * ------------------------------------------------------------------------------------------------ */

/** A two-way connection to one other process. */
class channel : public detail::shared<channel, sfp_channel, sfp_channel_retain, sfp_channel_release> {
public:
    /** Sends, as sfp_channel_send(). Waits while the queue is full; that it stayed so is an error. */
    result<void> send(message &&what, timeout limit) const
    {
        return detail::done(sfp_channel_send(get(), what.get(), limit.count()), [&] { (void)what.release(); });
    }

    /** Sends if there is room, and drops the message otherwise, as sfp_channel_send_or_drop(): whether it was sent. */
    result<bool> send_or_drop(message &&what) const
    {
        bool sent = false;
        return detail::give(sfp_channel_send_or_drop(get(), what.get(), &sent), [&] {
            (void)what.release();
            return sent;
        });
    }

    /** Sends and waits for the answer, as sfp_channel_request(). A failure leaves the message empty if it was sent. */
    result<message> request(message &&what, timeout limit) const
    {
        sfp_message *answer = nullptr;
        return detail::give(sfp_channel_request(get(), what.get(), limit.count(), &answer), [&] {
            (void)what.release();
            return message::adopt(answer);
        });
    }

    /** The next message, as sfp_channel_receive(). Empty: SFP_STATUS_TIMED_OUT, or SFP_STATUS_PEER_DEAD, which is
     *  how every channel ends. */
    waited<message> receive(timeout limit) const
    {
        sfp_message *received = nullptr;
        return detail::wait(sfp_channel_receive(get(), limit.count(), &received), SFP_STATUS_PEER_DEAD,
                            [&] { return message::adopt(received); });
    }

    /** Whose messages are received here, as sfp_channel_peer(). */
    result<sfp_sender> peer() const
    {
        sfp_sender who{};
        return detail::give(sfp_channel_peer(get(), &who), [&] { return who; });
    }
    result<bool> is_peer_dead() const
    {
        bool dead = false;
        return detail::give(sfp_channel_is_peer_dead(get(), &dead), [&] { return dead; });
    }
    std::uint64_t refused() const noexcept { return sfp_channel_refused(get()); }
    std::uint64_t dropped() const noexcept { return sfp_channel_dropped(get()); }

    /** How long a wait watches the shared memory before it sleeps, as sfp_channel_set_spin_time(). */
    result<void> set_spin_time(timeout longest) const
    {
        return detail::done(sfp_channel_set_spin_time(get(), static_cast<std::uint64_t>(longest.count())));
    }

    /** Readable when receive() would not wait; it is the library's. */
    int fd() const noexcept { return sfp_channel_fd(get()); }

    /** Readable while a send would probably find room, as sfp_channel_writable_fd(); it is the library's. Wait for it when
     *  a send has said SFP_STATUS_TIMED_OUT. */
    result<int> writable_fd() const
    {
        const int found = sfp_channel_writable_fd(get());
        return detail::give(found < 0 ? sfp_last_error_status() : SFP_STATUS_OK, [&] { return found; });
    }
};

/** One end of a channel that is not in use yet. */
class channel_end : public detail::owned<channel_end, sfp_channel_end, sfp_channel_end_retain, sfp_channel_end_release> {
public:
    /** A channel's both ends, as sfp_channel_end_create_pair(). */
    static result<std::pair<channel_end, channel_end>> create_pair()
    {
        sfp_channel_end *one = nullptr, *other = nullptr;
        return detail::give(sfp_channel_end_create_pair(&one, &other),
                            [&] { return std::pair(adopt(one), adopt(other)); });
    }

    /** Begins to use it, as sfp_channel_end_open(). */
    result<channel> open() &&
    {
        sfp_channel *opened = nullptr;
        return detail::give(sfp_channel_end_open(get(), &opened), [&] { return reset(), channel::adopt(opened); });
    }

#ifdef __linux__
    /** The raw form: by which messages come, and by which they go; as sfp_channel_end_into_fds(). */
    result<std::pair<file_descriptor, file_descriptor>> into_fds() &&
    {
        int receive = -1, send = -1;
        return detail::give(sfp_channel_end_into_fds(get(), &receive, &send), [&] {
            reset();
            return std::pair(file_descriptor(receive), file_descriptor(send));
        });
    }

    /** An end of its raw form, which stays yours: close it. */
    static result<channel_end> from_fds(int receive, int send)
    {
        sfp_channel_end *made = nullptr;
        return detail::give(sfp_channel_end_from_fds(receive, send, &made), [&] { return adopt(made); });
    }
#endif

#ifdef __APPLE__
    /** The names of the receive right and of the send right, both yours. */
    result<std::pair<mach_port_t, mach_port_t>> into_mach_ports() &&
    {
        mach_port_t receive = 0, send = 0;
        return detail::give(sfp_channel_end_into_mach_ports(get(), &receive, &send),
                            [&] { return reset(), std::pair(receive, send); });
    }

    /** An end of a receive right, which success makes the object's, and a send right, which stays yours. */
    static result<channel_end> from_mach_ports(mach_port_t receive, mach_port_t send)
    {
        sfp_channel_end *made = nullptr;
        return detail::give(sfp_channel_end_from_mach_ports(receive, send, &made), [&] { return adopt(made); });
    }
#endif
};

inline result<void> message::attach(channel_end &&end)
{
    return detail::done(sfp_message_attach_channel_end(get(), end.get()), [&] { end.reset(); });
}

inline result<channel_end> message::take_channel_end(std::size_t index)
{
    sfp_channel_end *taken = nullptr;
    return detail::give(sfp_message_take_channel_end(get(), index, &taken),
                        [&] { return channel_end::adopt(taken); });
}

/* ------------------------------------------------------------------------------------------------
 * Swapchains
 * ------------------------------------------------------------------------------------------------ */

/** A frame that is held: nobody draws into it until its last copy ends. */
class frame : public detail::shared<frame, sfp_frame, sfp_frame_retain, sfp_frame_release> {
public:
    /** The pixels. The surface can be kept longer than the frame, the picture in it not. */
    sfp::surface surface() const noexcept { return sfp::surface::retain(sfp_frame_surface(get())); }
    std::uint64_t number() const noexcept { return sfp_frame_number(get()); }

    /** What the producer says of it, as sfp_frame_get_info(). */
    result<frame_info> info() const
    {
        frame_info said{};
        return detail::give(sfp_frame_get_info(get(), &said), [&] { return said; });
    }
};

/** Takes the frames of a swapchain. */
class consumer : public detail::shared<consumer, sfp_consumer, sfp_consumer_retain, sfp_consumer_release> {
public:
    /** The next frame, as sfp_consumer_acquire(). Empty: SFP_STATUS_TIMED_OUT, or SFP_STATUS_CLOSED. That the producer
     *  died, SFP_STATUS_PEER_DEAD, is an error. */
    waited<frame> acquire(timeout limit) const
    {
        sfp_frame *taken = nullptr;
        return detail::wait(sfp_consumer_acquire(get(), limit.count(), &taken), SFP_STATUS_CLOSED,
                            [&] { return frame::adopt(taken); });
    }

    result<sfp_consumer_statistics> statistics() const
    {
        sfp_consumer_statistics counted{};
        return detail::give(sfp_consumer_get_statistics(get(), &counted), [&] { return counted; });
    }

    /** How long acquire() watches the shared memory before it sleeps, as sfp_consumer_set_spin_time(). */
    result<void> set_spin_time(timeout longest) const
    {
        return detail::done(sfp_consumer_set_spin_time(get(), static_cast<std::uint64_t>(longest.count())));
    }

    /** Readable when acquire(sfp::poll) has something to do; it is the library's. Acquire until nothing comes first. */
    int fd() const noexcept { return sfp_consumer_fd(get()); }
};

/** Lets its holder become a consumer. As long as one is left anywhere, the producer waits for consumers to come. */
class consumer_right : public detail::shared<consumer_right, sfp_consumer_right, sfp_consumer_right_retain,
                                             sfp_consumer_right_release> {
public:
    /** Becomes a consumer, as sfp_consumer_attach(). */
    result<consumer> attach(const sfp_consumer_options &options = consumer_options()) const
    {
        sfp_consumer *made = nullptr;
        return detail::give(sfp_consumer_attach(get(), &options, &made), [&] { return consumer::adopt(made); });
    }
};

inline result<void> message::attach(const consumer_right &right)
{
    return detail::done(sfp_message_attach_consumer_right(get(), right.get()));
}

inline result<consumer_right> message::take_consumer_right(std::size_t index)
{
    sfp_consumer_right *taken = nullptr;
    return detail::give(sfp_message_take_consumer_right(get(), index, &taken),
                        [&] { return consumer_right::adopt(taken); });
}

/** An image that is the producer's alone, to draw into; given back undrawn if it is not presented. */
class image : public detail::owned<image, sfp_image, sfp_image_retain, sfp_image_release> {
public:
    sfp::surface surface() const noexcept { return sfp::surface::retain(sfp_image_surface(get())); }
    std::size_t index() const noexcept { return sfp_image_index(get()); }

    /** Locks the pixels for the CPU until what it returns ends, as sfp_image_lock(). End it before you present. */
    result<locked<image>> lock(sfp_lock mode = SFP_LOCK_WRITE) const
    {
        sfp_pixels pixels{};
        return detail::give(sfp_image_lock(get(), mode, &pixels), [&] {
            sfp_plane first{};
            (void)sfp_surface_plane(sfp_image_surface(get()), 0, &first);
            return locked<image>(share(), mode, pixels, first);
        });
    }

private:
    friend class locked<image>;

    static sfp_status unlock(const image &held, sfp_lock) noexcept { return sfp_image_unlock(held.get()); }
};

/** Draws into the images of a swapchain and presents them. */
class producer : public detail::shared<producer, sfp_producer, sfp_producer_retain, sfp_producer_release> {
public:
    /** Makes a swapchain, as sfp_producer_create(). A child uses child::create_producer(). */
    static result<producer> create(const sfp_swapchain_options &options)
    {
        sfp_producer *made = nullptr;
        return detail::give(sfp_producer_create(&options, &made), [&] { return adopt(made); });
    }

    /** An image to draw into, as sfp_producer_acquire(). Empty: SFP_STATUS_TIMED_OUT; or SFP_STATUS_PEER_DEAD, when
     *  nobody looks any more and nobody can come. */
    waited<image> acquire(timeout limit) const
    {
        sfp_image *taken = nullptr;
        return detail::wait(sfp_producer_acquire(get(), limit.count(), &taken), SFP_STATUS_PEER_DEAD,
                            [&] { return image::adopt(taken); });
    }

    /** Makes an image the newest frame, as sfp_producer_present(). */
    result<void> present(image &&drawn, const sfp_present_info &info = present_info()) const
    {
        return detail::done(sfp_producer_present(get(), drawn.get(), &info), [&] { (void)drawn.release(); });
    }

    /** Gives the swapchain images of another size, or of another format too. */
    result<void> resize(std::uint32_t width, std::uint32_t height) const
    {
        return detail::done(sfp_producer_resize(get(), width, height));
    }
    result<void> reconfigure(const sfp_surface_descriptor &descriptor) const
    {
        return detail::done(sfp_producer_reconfigure(get(), &descriptor));
    }

    /** Looks after consumers that come and go, as sfp_producer_service(). */
    result<void> service() const { return detail::done(sfp_producer_service(get())); }

    /** Waits until every consumer has what it is to have, as sfp_producer_drain(). */
    result<void> drain(timeout limit = forever) const
    {
        return detail::done(sfp_producer_drain(get(), limit.count()));
    }

    result<sfp_producer_statistics> statistics() const
    {
        sfp_producer_statistics counted{};
        return detail::give(sfp_producer_get_statistics(get(), &counted), [&] { return counted; });
    }
    result<consumer_right> create_consumer_right() const
    {
        sfp_consumer_right *made = nullptr;
        return detail::give(sfp_producer_create_consumer_right(get(), &made),
                            [&] { return consumer_right::adopt(made); });
    }

    /** How long acquire() watches the shared memory before it sleeps, as sfp_producer_set_spin_time(). */
    result<void> set_spin_time(timeout longest) const
    {
        return detail::done(sfp_producer_set_spin_time(get(), static_cast<std::uint64_t>(longest.count())));
    }

    /** Readable when acquire(sfp::poll) or service() has something to do; it is the library's. */
    int fd() const noexcept { return sfp_producer_fd(get()); }
};

/* ------------------------------------------------------------------------------------------------
 * Sessions
 * ------------------------------------------------------------------------------------------------ */

/** What to start, and how; see sfp_spawn_options. */
struct spawn_options {
    /** The program and its arguments. */
    std::vector<std::string> argv;
    /** Entries "NAME=value" over those of this process, or in their place. */
    std::vector<std::string> environment;
    bool clear_environment = false;
    /** The working folder; empty is this process's. */
    std::string directory;
    /** How long the child has to say hello; without one, 10 seconds. */
    std::optional<timeout> hello_timeout;
    /** How long the child has to end by itself when the host ends; without one, 1 second. */
    std::optional<timeout> grace;
    sfp_end_of_life end_of_life = SFP_END_OF_LIFE_KILL;
    bool allow_descendants = false;
};

namespace detail {

/** A time where 0 is the default: no time at all is one nanosecond. */
inline std::int64_t or_default(const std::optional<timeout> &limit) noexcept
{
    if (!limit)
        return 0;
    return limit->count() == 0 ? 1 : limit->count();
}

} // namespace detail

/** The host's side of a session. Its end ends the session, and waits for a child that it spawned. */
class host : public detail::owned<host, sfp_host, sfp_host_retain, sfp_host_release> {
public:
    /** Starts a child, as sfp_host_spawn(). */
    static result<host> spawn(const spawn_options &options)
    {
        const auto argv = detail::c_strings(options.argv), environment = detail::c_strings(options.environment);
        sfp_spawn_options all = SFP_SPAWN_OPTIONS_INIT;
        all.argv = argv.data();
        all.environment = environment.data();
        all.directory = options.directory.empty() ? nullptr : options.directory.c_str();
        all.hello_timeout_ns = detail::or_default(options.hello_timeout);
        all.grace_ns = detail::or_default(options.grace);
        all.end_of_life = options.end_of_life;
        all.clear_environment = options.clear_environment;
        all.allow_descendants = options.allow_descendants;
        sfp_host *made = nullptr;
        return detail::give(sfp_host_spawn(&all, &made), [&] { return adopt(made); });
    }
    static result<host> spawn(std::vector<std::string> argv)
    {
        spawn_options options;
        options.argv = std::move(argv);
        return spawn(options);
    }

    /** Waits for the child's hello, as sfp_host_wait_connected(). */
    result<void> wait_connected(timeout limit) const
    {
        return detail::done(sfp_host_wait_connected(get(), limit.count()));
    }

    /** Attaches to the next swapchain that the child offers, as sfp_host_accept_consumer(). */
    result<consumer> accept_consumer(timeout limit) const
    {
        sfp_consumer *made = nullptr;
        return detail::give(sfp_host_accept_consumer(get(), limit.count(), &made),
                            [&] { return consumer::adopt(made); });
    }
    result<consumer_right> accept_consumer_right(timeout limit) const
    {
        sfp_consumer_right *taken = nullptr;
        return detail::give(sfp_host_accept_consumer_right(get(), limit.count(), &taken),
                            [&] { return consumer_right::adopt(taken); });
    }
    result<void> offer_consumer_right(const consumer_right &right) const
    {
        return detail::done(sfp_host_offer_consumer_right(get(), right.get()));
    }

    /** The channel for messages, once the child has said hello; as sfp_host_channel(). */
    result<sfp::channel> channel(timeout limit) const
    {
        sfp_channel *found = nullptr;
        return detail::give(sfp_host_channel(get(), limit.count(), &found),
                            [&] { return sfp::channel::adopt(found); });
    }

    /** The end of the child's process, as sfp_host_wait_exit(). Empty: SFP_STATUS_TIMED_OUT. */
    waited<sfp_exit> wait_exit(timeout limit) const
    {
        sfp_exit end{};
        return detail::wait(sfp_host_wait_exit(get(), limit.count(), &end), SFP_STATUS_TIMED_OUT,
                            [&] { return end; });
    }
    result<void> kill() const { return detail::done(sfp_host_kill(get())); }

    std::uint32_t process_id() const noexcept { return sfp_host_process_id(get()); }
    bool is_connected() const noexcept { return sfp_host_is_connected(get()); }
    std::uint64_t features() const noexcept { return sfp_host_features(get()); }
    std::uint64_t refused() const noexcept { return sfp_host_refused(get()); }

    /** Readable when there is something to do, as sfp_host_fd(); it is the library's. */
    int fd() const noexcept { return sfp_host_fd(get()); }
};

/** The child's side of the session with the host that started this process. Its end ends the session. */
class child : public detail::owned<child, sfp_child, sfp_child_retain, sfp_child_release> {
public:
    /** Connects to the host, once in the life of a process; as sfp_child_connect(). */
    static result<child> connect(timeout limit)
    {
        sfp_child *made = nullptr;
        return detail::give(sfp_child_connect(limit.count(), &made), [&] { return adopt(made); });
    }

    /** Makes a swapchain and offers it to the host, as sfp_child_create_producer(). */
    result<producer> create_producer(const sfp_swapchain_options &options) const
    {
        sfp_producer *made = nullptr;
        return detail::give(sfp_child_create_producer(get(), &options, &made),
                            [&] { return producer::adopt(made); });
    }
    result<void> offer_consumer_right(const consumer_right &right) const
    {
        return detail::done(sfp_child_offer_consumer_right(get(), right.get()));
    }

    /** Attaches to the next swapchain that the host offers, as sfp_child_accept_consumer(). */
    result<consumer> accept_consumer(timeout limit) const
    {
        sfp_consumer *made = nullptr;
        return detail::give(sfp_child_accept_consumer(get(), limit.count(), &made),
                            [&] { return consumer::adopt(made); });
    }
    result<consumer_right> accept_consumer_right(timeout limit) const
    {
        sfp_consumer_right *taken = nullptr;
        return detail::give(sfp_child_accept_consumer_right(get(), limit.count(), &taken),
                            [&] { return consumer_right::adopt(taken); });
    }

    /** The channel for messages, as sfp_child_channel(). */
    result<sfp::channel> channel() const
    {
        sfp_channel *found = nullptr;
        return detail::give(sfp_child_channel(get(), &found), [&] { return sfp::channel::adopt(found); });
    }

    /** Waits for the end of the session, as sfp_child_wait_closed(). False: SFP_STATUS_TIMED_OUT, it goes on. */
    waited<void> wait_closed(timeout limit) const
    {
        const sfp_status code = sfp_child_wait_closed(get(), limit.count());
#ifndef SFP_NO_EXCEPTIONS
        if (code == SFP_STATUS_OK || code == SFP_STATUS_TIMED_OUT)
            return waited<void>(code);
#else
        if (code == SFP_STATUS_OK)
            return waited<void>();
#endif
        SFP_FAIL(error(code, sfp_last_error_message()));
    }

    /** Who the host is, as sfp_child_host(). */
    result<sfp_sender> host() const
    {
        sfp_sender who{};
        return detail::give(sfp_child_host(get(), &who), [&] { return who; });
    }
    std::uint64_t features() const noexcept { return sfp_child_features(get()); }
    std::uint64_t refused() const noexcept { return sfp_child_refused(get()); }

    /** Readable when there is something to do, as sfp_child_fd(); it is the library's. */
    int fd() const noexcept { return sfp_child_fd(get()); }
};

/** What a child has to inherit, for hosts that start their children by their own means. */
class invitation : public detail::owned<invitation, sfp_invitation, sfp_invitation_retain, sfp_invitation_release> {
public:
    static result<invitation> create()
    {
        sfp_invitation *made = nullptr;
        return detail::give(sfp_invitation_create(&made), [&] { return adopt(made); });
    }

    /** The entries that the child's environment must have, "NAME=value". */
    std::vector<std::string> environment() const
    {
        std::vector<std::string> entries;
        const char *const *entry = sfp_invitation_environment(get());
        for (; entry != nullptr && *entry != nullptr; entry++)
            entries.emplace_back(*entry);
        return entries;
    }

    /** The descriptors that the child must have, under the same numbers. They are the library's. */
    std::vector<int> fds() const
    {
        std::vector<int> numbers;
        const int *fd = sfp_invitation_fds(get());
        for (; fd != nullptr && *fd >= 0; fd++)
            numbers.push_back(*fd);
        return numbers;
    }

    /** How long the child has to say hello, as sfp_invitation_set_hello_timeout(). */
    result<void> set_hello_timeout(timeout limit) const
    {
        return detail::done(sfp_invitation_set_hello_timeout(get(), detail::or_default(limit)));
    }
    result<void> set_allow_descendants(bool allow) const
    {
        return detail::done(sfp_invitation_set_allow_descendants(get(), allow));
    }

    /** The host's side, once the child is started; 0 if its process is not known. As sfp_invitation_into_host(). */
    result<host> into_host(std::uint32_t process_id) &&
    {
        sfp_host *made = nullptr;
        return detail::give(sfp_invitation_into_host(get(), process_id, &made),
                            [&] { return reset(), host::adopt(made); });
    }
};

#ifdef __APPLE__
/* ------------------------------------------------------------------------------------------------
 * Sources for run loops and dispatch queues
 * ------------------------------------------------------------------------------------------------ */

namespace detail {

/* A function as the context of a source. What it throws ends the program: there is nobody to catch it. */
inline void call_function(void *context) noexcept { (*static_cast<std::function<void()> *>(context))(); }
inline void free_function(void *context) noexcept { delete static_cast<std::function<void()> *>(context); }

/** A source that calls `ready`, which lives as long as the source does. */
template <class Create>
auto source(std::function<void()> ready, Create &&create) -> result<decltype(create(nullptr))>
{
    auto context = std::make_unique<std::function<void()>>(std::move(ready));
    auto made = create(context.get());
    if (made == nullptr)
        SFP_FAIL(error::last());
    (void)context.release();
    return made;
}

} // namespace detail

/* A run loop source that calls `ready` while there is something to do, as sfp_runloop_source_create_for_receive_right()
 * and its like: CFRelease() it. */
#define SFP_RUNLOOP_SOURCE(noun, create)                                                                               \
    inline result<CFRunLoopSourceRef> create_runloop_source(const noun &object, std::function<void()> ready)           \
    {                                                                                                                  \
        return detail::source(std::move(ready), [&](void *context) {                                                   \
            return create(object.get(), detail::call_function, context, detail::free_function);                        \
        });                                                                                                            \
    }

/* A dispatch source that calls `ready` on a queue, as sfp_dispatch_source_create_for_receive_right() and its like:
 * dispatch_activate() it, and dispatch_release() it. */
#define SFP_DISPATCH_SOURCE(noun, create)                                                                              \
    inline result<dispatch_source_t> create_dispatch_source(const noun &object, dispatch_queue_t queue,                \
                                                            std::function<void()> ready)                               \
    {                                                                                                                  \
        return detail::source(std::move(ready), [&](void *context) {                                                   \
            return create(object.get(), queue, detail::call_function, context, detail::free_function);                 \
        });                                                                                                            \
    }

SFP_RUNLOOP_SOURCE(receive_right, sfp_runloop_source_create_for_receive_right)
SFP_RUNLOOP_SOURCE(port_set, sfp_runloop_source_create_for_port_set)
SFP_RUNLOOP_SOURCE(channel, sfp_runloop_source_create_for_channel)
SFP_RUNLOOP_SOURCE(producer, sfp_runloop_source_create_for_producer)
SFP_RUNLOOP_SOURCE(consumer, sfp_runloop_source_create_for_consumer)
SFP_RUNLOOP_SOURCE(host, sfp_runloop_source_create_for_host)
SFP_RUNLOOP_SOURCE(child, sfp_runloop_source_create_for_child)
SFP_DISPATCH_SOURCE(receive_right, sfp_dispatch_source_create_for_receive_right)
SFP_DISPATCH_SOURCE(port_set, sfp_dispatch_source_create_for_port_set)
SFP_DISPATCH_SOURCE(channel, sfp_dispatch_source_create_for_channel)
SFP_DISPATCH_SOURCE(producer, sfp_dispatch_source_create_for_producer)
SFP_DISPATCH_SOURCE(consumer, sfp_dispatch_source_create_for_consumer)
SFP_DISPATCH_SOURCE(host, sfp_dispatch_source_create_for_host)
SFP_DISPATCH_SOURCE(child, sfp_dispatch_source_create_for_child)

#undef SFP_RUNLOOP_SOURCE
#undef SFP_DISPATCH_SOURCE
#endif

#undef SFP_FAIL

} /* with_results or with_exceptions */

} // namespace sfp

#endif /* SURFACEPORT_HPP */
