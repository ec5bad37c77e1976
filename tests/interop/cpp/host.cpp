/* The host of the interoperation tests, in C++: host CHILD [ARGS...] */
#include "interop.hpp"

static sfp::message hello()
{
    auto surface = sfp::surface::create(SIDE, SIDE);
    auto pixels = surface.lock();
    for (std::uint32_t y = 0; y < SIDE; y++)
        for (auto &byte : pixels.row<unsigned char>(y))
            byte = 0x11;
    pixels.unlock();
    sfp::message message(1, "hello from the host");
    message.attach(surface);
    return message;
}

static void check_frame(const sfp::frame &frame, std::uint32_t n)
{
    const auto info = frame.info();
    check(info.number == n + 1 && info.user_as<std::uint64_t>() == n, "number and user data");
    const auto pixels = frame.surface().lock(SFP_LOCK_READ);
    check(pixels.width() == WIDTH && pixels.height() == HEIGHT && pixels.format() == SFP_PIXEL_FORMAT_BGRA8,
          "size and format");
    for (std::uint32_t y = 0; y < HEIGHT; y++) {
        const auto row = pixels.row<const std::uint32_t>(y);
        for (std::uint32_t x = 0; x < WIDTH; x++)
            check(row[x] == pixel(n, x, y), "a pixel of frame " + std::to_string(n));
    }
}

int main(int argc, char **argv)
{
    return run([&] {
        sfp::spawn_options options;
        options.argv.assign(argv + 1, argv + argc);
        options.hello_timeout = SOON;
        const auto host = sfp::host::spawn(options);
        const auto frames = host.accept_consumer(SOON);
        const auto channel = host.channel(SOON);
        channel.send(hello(), SOON);
        for (std::uint32_t n = 0; n < FRAMES; n++)
            check_frame(came(frames.acquire(SOON)), n);

        auto message = receive(channel, 2, "hello from the child");
        const auto memory = message.take_memory(0);
        const std::string_view text = "from the child";
        check(memory.size() == MEMORY_SIZE && std::memcmp(memory.bytes().data(), text.data(), text.size()) == 0,
              "the memory");
        channel.send(sfp::message(3, "bye"), SOON);
        check(frames.acquire(SOON).status() == SFP_STATUS_CLOSED, "the end of the frames");
        const auto end = came(host.wait_exit(SOON));
        check(end.kind == SFP_EXIT_KIND_EXITED && end.code == 0, "the end of the child");
        std::puts("ok");
    });
}
