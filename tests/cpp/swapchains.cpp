/* Swapchains, as a program in C++ uses them: frames of this process and of others. */
#include <csignal>
#include <ctime>
#include <poll.h>
#include <thread>

#include "check.hpp"

constexpr std::uint32_t FRAMES = 60;

static void draw(const sfp::image &image, std::uint32_t n)
{
    const auto pixels = image.lock();
    for (std::uint32_t y = 0; y < pixels.height(); y++)
        for (auto &pixel : pixels.row<std::uint32_t>(y))
            pixel = n + y;
}

static bool is_frame(const sfp::surface &surface, std::uint32_t n)
{
    const auto pixels = surface.lock(SFP_LOCK_READ);
    bool equal = true;
    for (std::uint32_t y = 0; y < pixels.height(); y++)
        for (const auto pixel : pixels.row<const std::uint32_t>(y))
            equal = equal && pixel == n + y;
    return equal;
}

static void draw_and_present(const sfp::producer &producer, std::uint32_t n)
{
    auto image = *producer.acquire(SOON);
    draw(image, n);
    producer.present(std::move(image));
}

static void draw_in_order(const sfp::child &host)
{
    const auto frames = host.create_producer(sfp::swapchain_options(96, 64, SFP_PRESENT_MODE_FIFO));
    for (std::uint32_t n = 1; n <= FRAMES; n++) {
        auto image = *frames.acquire(SOON);
        CHECK(image.index() < 3 && image.surface().width() == 96);
        draw(image, n);
        sfp::present_info info;
        info.display_at(sfp::clock::now() + 1s);
        info.damage = { n, 0, 1, 2 };
        info.color_space = SFP_COLOR_SPACE_DISPLAY_P3;
        info.set_user(n);
        frames.present(std::move(image), info);
        CHECK(!image);
    }
    CHECK(frames.statistics().presented == FRAMES);
}

static void every_frame_comes_in_order()
{
    const auto host = sfp::host::spawn(in_role("draw in order"));
    const auto frames = host.accept_consumer(SOON);
    std::uint32_t n = 0;
    auto frame = frames.acquire(SOON);
    for (; frame; frame = frames.acquire(SOON)) {
        n++;
        CHECK(frame->number() == n && is_frame(frame->surface(), n));
        const auto info = frame->info();
        CHECK(info.number == n && info.user_as<std::uint32_t>() == n && info.damage.x == n);
        CHECK(info.presented() <= sfp::clock::now() && info.display() > info.presented());
        CHECK(info.color_space == SFP_COLOR_SPACE_DISPLAY_P3);
    }
    CHECK(n == FRAMES && frame.status() == SFP_STATUS_CLOSED && !frame.timed_out());
    CHECK(frames.statistics().shown == FRAMES);
    const auto end = host.wait_exit(SOON);
    CHECK(end && end->kind == SFP_EXIT_KIND_EXITED && end->code == 0);
}

static void draw_until_killed(const sfp::child &host)
{
    const auto frames = host.create_producer(sfp::swapchain_options(96, 64, SFP_PRESENT_MODE_FIFO));
    for (std::uint32_t n = 1;; n++)
        draw_and_present(frames, n);
}

static void a_dead_producer_is_an_error_and_its_frame_stays()
{
    const auto host = sfp::host::spawn(in_role("draw until killed"));
    const auto frames = host.accept_consumer(SOON);
    const sfp::frame held = *frames.acquire(SOON), copy = held;
    host.kill();
    CHECK(host.wait_exit(SOON)->code == SIGKILL);
    THROWS(SFP_STATUS_PEER_DEAD, [&] {
        while (frames.acquire(SOON)) {
        }
    }());
    CHECK(is_frame(held.surface(), 1) && is_frame(copy.surface(), 1));
}

/* Both sides of a swapchain in this process. */
struct pair {
    sfp::producer producer;
    sfp::consumer consumer;

    explicit pair(sfp_present_mode mode)
        : producer(sfp::producer::create(sfp::swapchain_options(8, 8, mode))),
          consumer(producer.create_consumer_right().attach())
    {
    }
};

static void the_newest_frame_wins()
{
    const pair both(SFP_PRESENT_MODE_MAILBOX);
    for (std::uint32_t n = 1; n <= 6; n++)
        draw_and_present(both.producer, n);
    CHECK(both.consumer.acquire(SOON)->number() == 6);
    CHECK(both.consumer.acquire(sfp::poll).timed_out());
}

static void an_image_comes_back_until_it_is_presented()
{
    const pair both(SFP_PRESENT_MODE_FIFO);
    for (int n = 0; n < 10; n++) /* more often than there are images */
        (void)both.producer.acquire(SOON).value().lock();
    auto image = *both.producer.acquire(SOON);
    {
        auto pixels = image.lock();
        THROWS(SFP_STATUS_WRONG_STATE, both.producer.present(std::move(image)));
        CHECK(static_cast<bool>(image));
        pixels.unlock();
    }
    auto second = image.share();
    both.producer.present(std::move(image));
    THROWS(SFP_STATUS_WRONG_STATE, both.producer.present(std::move(second)));
    THROWS(SFP_STATUS_WRONG_STATE, second.lock());
    CHECK(!second.surface());
    CHECK(both.consumer.acquire(SOON).has_value());
}

static void sizes_change()
{
    const pair both(SFP_PRESENT_MODE_FIFO);
    both.producer.resize(20, 10);
    draw_and_present(both.producer, 1);
    CHECK(both.consumer.acquire(SOON)->surface().width() == 20);
    both.producer.reconfigure(sfp::surface_descriptor(30, 10, SFP_PIXEL_FORMAT_RGBA8));
    draw_and_present(both.producer, 2);
    CHECK(both.consumer.acquire(SOON)->surface().pixel_format() == SFP_PIXEL_FORMAT_RGBA8);
    THROWS(SFP_STATUS_INVALID_ARGUMENT, both.producer.resize(0, 1));
}

static void a_right_travels_and_has_options()
{
    const auto receive = sfp::receive_right::create();
    const auto producer = sfp::producer::create(sfp::swapchain_options(8, 8, SFP_PRESENT_MODE_FIFO));
    sfp::message message(1);
    message.attach(producer.create_consumer_right());
    receive.make_send().send(std::move(message), SOON);
    sfp::consumer_options options;
    options.mode = SFP_PRESENT_MODE_MAILBOX;
    auto received = *receive.receive(SOON);
    const auto consumer = received.take_consumer_right(0).attach(options);
    for (std::uint32_t n = 1; n <= 5; n++)
        draw_and_present(producer, n);
    CHECK(consumer.acquire(SOON)->number() == 5);
}

static void nobody_looks_any_more()
{
    pair both(SFP_PRESENT_MODE_FIFO);
    draw_and_present(both.producer, 1);
    CHECK(both.consumer.acquire(SOON).has_value());
    both.consumer.reset();
    auto image = both.producer.acquire(SOON);
    while (image) /* until the end is noticed */
        image = both.producer.acquire(SOON);
    CHECK(image.status() == SFP_STATUS_PEER_DEAD);
}

static void threads_draw_and_show()
{
    pair both(SFP_PRESENT_MODE_FIFO);
    std::thread drawing([producer = std::move(both.producer)] {
        for (std::uint32_t n = 1; n <= FRAMES; n++)
            draw_and_present(producer, n);
    });
    /* The loop of a program that waits by poll() only. */
    std::uint32_t taken = 0;
    pollfd waiting{ both.consumer.fd(), POLLIN, 0 };
    auto frame = both.consumer.acquire(sfp::poll);
    while (frame || frame.timed_out()) {
        if (frame)
            CHECK(is_frame(frame->surface(), ++taken));
        else
            CHECK(poll(&waiting, 1, 60000) == 1);
        frame = both.consumer.acquire(sfp::poll);
    }
    drawing.join();
    CHECK(taken == FRAMES && frame.status() == SFP_STATUS_CLOSED);
}

/* What a wait in vain takes of the processor. */
template <class Waiting>
static std::clock_t work_of_a_wait(const Waiting &waiting)
{
    const auto before = std::clock();
    CHECK(waiting.acquire(200ms).timed_out());
    return std::clock() - before;
}

static void spin_times_are_how_long_waits_watch()
{
    const pair both(SFP_PRESENT_MODE_FIFO);
    both.consumer.set_spin_time(0s);
    both.producer.set_spin_time(0s);
    draw_and_present(both.producer, 1);
    CHECK(both.consumer.acquire(SOON).has_value());
    (void)work_of_a_wait(both.consumer); /* the first one pays for more than itself */
    auto asleep = work_of_a_wait(both.consumer);
    both.consumer.set_spin_time(sfp::timeout::forever());
    CHECK(work_of_a_wait(both.consumer) > 4 * asleep);
    for (std::uint32_t n = 2; n <= 4; n++)
        draw_and_present(both.producer, n);
    (void)work_of_a_wait(both.producer);
    asleep = work_of_a_wait(both.producer);
    both.producer.set_spin_time(sfp::timeout::forever());
    CHECK(work_of_a_wait(both.producer) > 4 * asleep);
}

int main(int argc, char **argv)
{
    program = argv[0];
    const std::string_view role = argc > 1 ? argv[1] : "";
    if (!role.empty()) {
        try {
            const auto host = sfp::child::connect(SOON);
            role == "draw in order" ? draw_in_order(host) : draw_until_killed(host);
        } catch (const std::exception &error) {
            std::printf("%s\n", error.what());
            return 1;
        }
        return this_failed ? 1 : 0;
    }
    descriptors_before = open_descriptors();
    RUN(every_frame_comes_in_order);
    RUN(a_dead_producer_is_an_error_and_its_frame_stays);
    RUN(the_newest_frame_wins);
    RUN(an_image_comes_back_until_it_is_presented);
    RUN(sizes_change);
    RUN(a_right_travels_and_has_options);
    RUN(nobody_looks_any_more);
    RUN(spin_times_are_how_long_waits_watch);
    RUN(threads_draw_and_show);
    RUN(nothing_is_left);
    return finish();
}
