/* The child of the interoperation tests, in C++. */
#include "interop.hpp"

static void check_hello(const sfp::surface &surface)
{
    const auto pixels = surface.lock(SFP_LOCK_READ);
    check(pixels.width() == SIDE && pixels.height() == SIDE, "the surface's size");
    for (std::uint32_t y = 0; y < SIDE; y++)
        for (auto byte : pixels.row<const unsigned char>(y))
            check(byte == 0x11, "the surface's bytes");
}

static void draw(const sfp::image &image, std::uint32_t n)
{
    const auto pixels = image.lock();
    for (std::uint32_t y = 0; y < HEIGHT; y++) {
        const auto row = pixels.row<std::uint32_t>(y);
        for (std::uint32_t x = 0; x < WIDTH; x++)
            row[x] = pixel(n, x, y);
    }
}

int main()
{
    return run([] {
        const auto host = sfp::child::connect(SOON);
        sfp::swapchain_options options(WIDTH, HEIGHT, SFP_PRESENT_MODE_FIFO);
        options.images = 3;
        const auto frames = host.create_producer(options);
        const auto channel = host.channel();
        check_hello(receive(channel, 1, "hello from the host").take_surface(0));

        const auto memory = sfp::memory::create(MEMORY_SIZE);
        const std::string_view text = "from the child";
        std::memcpy(memory.bytes().data(), text.data(), text.size());
        sfp::message hello(2, "hello from the child");
        hello.attach(memory);
        channel.send(std::move(hello), SOON);

        for (std::uint32_t n = 0; n < FRAMES; n++) {
            auto image = came(frames.acquire(SOON));
            draw(image, n);
            sfp::present_info info;
            info.set_user(std::uint64_t{ n });
            frames.present(std::move(image), info);
        }
        receive(channel, 3, "bye");
    });
}
