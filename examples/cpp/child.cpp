/*
 * A child: draws 120 frames of a moving gradient, and ends. Its host starts it, see host.cpp.
 */
#include <surfaceport.hpp>
#include <cstdio>

using namespace std::chrono_literals;

constexpr std::uint32_t FRAMES = 120;

/* The number of the frame in the first pixel, so that the host can check what it shows. */
static void draw(const sfp::image &image, std::uint32_t n)
{
    const auto pixels = image.lock();
    for (std::uint32_t y = 0; y < pixels.height(); y++) {
        std::uint32_t x = 0;
        for (auto &pixel : pixels.row<std::uint32_t>(y)) {
            const std::uint32_t red = (x + 4 * n) & 255, green = (y + 2 * n) & 255, blue = (x + y) & 255;
            pixel = 0xff000000 | red << 16 | green << 8 | blue;
            x++;
        }
    }
    pixels.row<std::uint32_t>(0)[0] = n;
}

int main()
{
    try {
        auto host = sfp::child::connect(5s);
        /* In fifo mode the host sees every frame; the default is the newest. */
        auto frames = host.create_producer(sfp::swapchain_options(1280, 720, SFP_PRESENT_MODE_FIFO));
        for (std::uint32_t n = 1; n <= FRAMES; n++) {
            auto image = frames.acquire(sfp::forever);
            draw(*image, n);
            frames.present(*std::move(image)); /* the image is the host's now */
        }
    } catch (const std::exception &error) {
        std::fprintf(stderr, "child: %s\n", error.what());
        return 1;
    }
}
