/*
 * A host: starts a child and shows what it draws, until the child ends.
 *
 *     ./cpp-host [CHILD]      CHILD is the program of child.cpp, "./cpp-child" if none is named
 */
#include <surfaceport.hpp>
#include <cstdio>

using namespace std::chrono_literals;

static void show(const sfp::surface &surface);

int main(int argc, char **argv)
{
    try {
        auto host = sfp::host::spawn({ argc > 1 ? argv[1] : "./cpp-child" });
        auto frames = host.accept_consumer(5s);
        while (auto frame = frames.acquire(sfp::forever))
            show(frame->surface());  /* valid as long as the frame is there, whatever the child does */
    } catch (const sfp::error &error) {
        std::fprintf(stderr, "host: %s\n", error.what()); /* SFP_STATUS_PEER_DEAD if the child crashed */
        return 1;
    }
}

/* Showing is your part. Here: which frame it is, which the child wrote into the first pixel, and a colour. */
static void show(const sfp::surface &surface)
{
    const auto pixels = surface.lock(SFP_LOCK_READ);
    const auto row = pixels.row<const std::uint32_t>(0);
    if (row[0] % 20 == 0)
        std::printf("frame %u, %u x %u, colour %06x\n", row[0], pixels.width(), pixels.height(), row[1] & 0xffffff);
}
