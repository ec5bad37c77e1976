/* What the host and the child of the interoperation tests agree on; see tests/interop/README.md. */
#ifndef INTEROP_HPP
#define INTEROP_HPP

#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>

#include <surfaceport.hpp>

using namespace std::chrono_literals;

constexpr std::uint32_t FRAMES = 100, WIDTH = 64, HEIGHT = 48, SIDE = 8;
constexpr std::size_t MEMORY_SIZE = 4096;
constexpr auto SOON = 30s;

inline std::uint32_t pixel(std::uint32_t n, std::uint32_t x, std::uint32_t y)
{
    return n * 0x010203u + y * WIDTH + x;
}

/* What must be true; else the program ends and says so. */
inline void check(bool holds, const std::string &what)
{
    if (!holds)
        throw std::runtime_error("not true: " + what);
}

/* What came of waiting; that nothing came is a failure. */
template <class T>
T came(sfp::waited<T> &&what)
{
    if (!what)
        throw std::runtime_error(std::string("it did not come: ") + sfp::status_name(what.status()));
    return *std::move(what);
}

inline sfp::message receive(const sfp::channel &channel, std::uint32_t id, std::string_view text)
{
    auto message = came(channel.receive(SOON));
    check(message.id() == id && message.text() == text, "message " + std::to_string(id));
    return message;
}

/* Runs the program, and says what went wrong if something does. */
template <class Program>
int run(Program &&program)
{
    try {
        program();
        return 0;
    } catch (const std::exception &failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return 1;
    }
}

#endif
