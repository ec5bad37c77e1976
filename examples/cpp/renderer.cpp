/*
 * A child that renders from several threads, and takes input from its host; engine.cpp starts it. A key changes the
 * colours, a cross follows the mouse.
 */
#include <surfaceport.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <thread>

#include "input.hpp"

using namespace std::chrono_literals;

struct scene {
    std::uint32_t n = 0, colours = 0;
    std::int32_t x = -100, y = -100;
    bool quit = false;
};

static void take(scene &scene, const sfp::producer &frames, const sfp::message &message)
{
    input input{};
    std::memcpy(&input, message.payload().data(), std::min(sizeof input, message.payload().size()));
    switch (message.id()) {
    case INPUT_MOUSE: scene.x = input.x, scene.y = input.y; break;
    case INPUT_KEY: scene.colours += 40; break;
    case INPUT_RESIZE:
        if (input.x > 0 && input.y > 0)
            frames.resize(static_cast<std::uint32_t>(input.x), static_cast<std::uint32_t>(input.y));
        break;
    case INPUT_QUIT: scene.quit = true; break;
    default: break;
    }
}

/* Rows from `first` on, every `step`th: the part of one thread. */
static void draw_rows(const sfp::locked<sfp::image> &pixels, const scene &scene, std::uint32_t first, std::uint32_t step)
{
    for (std::uint32_t y = first; y < pixels.height(); y += step) {
        std::int32_t x = 0;
        const auto row = static_cast<std::int32_t>(y);
        for (auto &pixel : pixels.row<std::uint32_t>(y)) {
            const bool cross = (x == scene.x && std::abs(row - scene.y) < 12) ||
                               (row == scene.y && std::abs(x - scene.x) < 12);
            const auto across = static_cast<std::uint32_t>(x);
            const std::uint32_t red = (across + scene.n) & 127, green = (y + scene.n) & 127, blue = scene.colours & 127;
            pixel = cross ? CROSS : 0xff000000 | red << 16 | green << 8 | blue;
            x++;
        }
    }
}

static void draw(const sfp::image &image, const scene &scene)
{
    const auto pixels = image.lock();
    const std::uint32_t threads = std::clamp(std::thread::hardware_concurrency(), 2u, 8u);
    std::vector<std::future<void>> parts;
    for (std::uint32_t part = 0; part < threads; part++)
        parts.push_back(std::async(std::launch::async, draw_rows, std::cref(pixels), std::cref(scene), part, threads));
    for (auto &part : parts)
        part.get();
}

int main()
{
    try {
        auto host = sfp::child::connect(5s);
        auto frames = host.create_producer(sfp::swapchain_options(560, 400));
        auto events = host.channel();
        scene scene;
        auto next = std::chrono::steady_clock::now();
        while (!scene.quit) {
            /* Input until it is time for the next frame. */
            next = std::max(next + 16ms, std::chrono::steady_clock::now());
            auto event = events.receive(next);
            for (; event && !scene.quit; event = events.receive(next))
                take(scene, frames, *event);
            if (!event && !event.timed_out())
                return 0; /* the engine is gone */
            if (auto image = frames.acquire(sfp::poll)) {
                scene.n++;
                draw(*image, scene);
                frames.present(*std::move(image));
            }
        }
    } catch (const std::exception &error) {
        std::fprintf(stderr, "renderer: %s\n", error.what());
        return 1;
    }
}
