/* Swapchains, as a program in C uses them: frames of this process and of others. */
#define _DEFAULT_SOURCE

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "roles.h"

enum { FRAMES = 60, WIDTH = 96, HEIGHT = 64 };

static sfp_swapchain_options options_of(sfp_present_mode mode)
{
    sfp_swapchain_options options = SFP_SWAPCHAIN_OPTIONS_INIT;
    options.width = WIDTH;
    options.height = HEIGHT;
    options.mode = mode;
    return options;
}

static void make_swapchain(sfp_present_mode mode, sfp_producer **producer, sfp_consumer **consumer)
{
    sfp_swapchain_options options = options_of(mode);
    sfp_consumer_right *right = NULL;
    OK(sfp_producer_create(&options, producer));
    OK(sfp_producer_create_consumer_right(*producer, &right));
    OK(sfp_consumer_attach(right, NULL, consumer));
    sfp_consumer_right_release(right);
}

/* Each pixel of a frame has a value of its own, and another one in the next frame. */
static uint32_t value_at(uint32_t n, uint32_t x, uint32_t y)
{
    return n * 2654435761u + x * 40503u + y;
}

static void draw(sfp_image *image, uint32_t n)
{
    sfp_pixels pixels;
    OK(sfp_image_lock(image, SFP_LOCK_WRITE, &pixels));
    for (uint32_t y = 0; y < pixels.height; y++)
        for (uint32_t x = 0; x < pixels.width; x++)
            ((uint32_t *)((char *)pixels.base + y * pixels.bytes_per_row))[x] = value_at(n, x, y);
    OK(sfp_image_unlock(image));
}

static void draw_and_present(sfp_producer *producer, uint32_t n)
{
    sfp_image *image = NULL;
    OK(sfp_producer_acquire(producer, SOON, &image));
    draw(image, n);
    OK(sfp_producer_present(producer, image, NULL));
}

static bool is_frame(sfp_frame *frame, uint32_t n)
{
    sfp_surface *surface = sfp_frame_surface(frame);
    sfp_pixels pixels;
    OK(sfp_surface_lock(surface, SFP_LOCK_READ, &pixels));
    bool equal = true;
    for (uint32_t y = 0; y < pixels.height; y++)
        for (uint32_t x = 0; x < pixels.width; x++)
            equal = equal
                && ((uint32_t *)((char *)pixels.base + y * pixels.bytes_per_row))[x] == value_at(n, x, y);
    OK(sfp_surface_unlock(surface, SFP_LOCK_READ));
    return equal;
}

static sfp_frame *acquire(sfp_consumer *consumer)
{
    sfp_frame *frame = NULL;
    OK(sfp_consumer_acquire(consumer, SOON, &frame));
    return frame;
}

/* Takes a frame that has to have this number, and its pixels. */
static void expect(sfp_consumer *consumer, uint32_t n)
{
    sfp_frame *frame = acquire(consumer);
    CHECK(sfp_frame_number(frame) == n);
    CHECK(is_frame(frame, n));
    sfp_frame_release(frame);
}

static void draw_in_order(sfp_child *host)
{
    sfp_swapchain_options options = options_of(SFP_PRESENT_MODE_FIFO);
    sfp_producer *producer = NULL;
    OK(sfp_child_create_producer(host, &options, &producer));
    for (uint32_t n = 1; n <= FRAMES; n++) {
        sfp_image *image = NULL;
        OK(sfp_producer_acquire(producer, SOON, &image));
        CHECK(sfp_image_index(image) < 3);
        CHECK(sfp_surface_width(sfp_image_surface(image)) == WIDTH);
        draw(image, n);
        sfp_present_info info = SFP_PRESENT_INFO_INIT;
        info.display_ns = sfp_time_now() + SFP_SECONDS(1);
        info.damage.x = n;
        info.damage.width = 1;
        info.damage.height = 2;
        info.color_space = SFP_COLOR_SPACE_DISPLAY_P3;
        memset(info.user, (int)n, sizeof info.user);
        OK(sfp_producer_present(producer, image, &info));
    }
    sfp_producer_statistics statistics;
    OK(sfp_producer_get_statistics(producer, &statistics));
    CHECK(statistics.presented == FRAMES && statistics.refused == 0 && statistics.consumers == 1);
    sfp_producer_release(producer);
}

static void every_frame_comes_in_order(void)
{
    sfp_host *host = start("draw in order");
    sfp_consumer *frames = NULL;
    OK(sfp_host_accept_consumer(host, SOON, &frames));
    for (uint32_t n = 1; n <= FRAMES; n++) {
        sfp_frame *frame = acquire(frames);
        CHECK(is_frame(frame, n));
        sfp_frame_info info;
        OK(sfp_frame_get_info(frame, &info));
        CHECK(info.number == n && sfp_frame_number(frame) == n);
        CHECK(info.presented_ns > 0 && info.presented_ns <= sfp_time_now());
        CHECK(info.display_ns > info.presented_ns);
        CHECK(info.damage.x == n && info.damage.y == 0 && info.damage.width == 1 && info.damage.height == 2);
        CHECK(info.color_space == SFP_COLOR_SPACE_DISPLAY_P3);
        CHECK(info.user[0] == n && info.user[63] == n);
        sfp_frame_release(frame);
    }
    sfp_frame *none = NULL;
    FAILS(SFP_STATUS_CLOSED, sfp_consumer_acquire(frames, SOON, &none));
    FAILS(SFP_STATUS_CLOSED, sfp_consumer_acquire(frames, SFP_POLL, &none));
    CHECK(none == NULL);
    sfp_consumer_statistics statistics;
    OK(sfp_consumer_get_statistics(frames, &statistics));
    CHECK(statistics.presented == FRAMES && statistics.shown == FRAMES && statistics.dropped == 0);
    sfp_consumer_release(frames);
    end_well(host);
}

static void the_newest_frame_wins(void)
{
    sfp_producer *producer = NULL;
    sfp_consumer *consumer = NULL;
    make_swapchain(SFP_PRESENT_MODE_DEFAULT, &producer, &consumer);
    draw_and_present(producer, 1);
    expect(consumer, 1);
    for (uint32_t n = 2; n <= 6; n++)
        draw_and_present(producer, n);
    expect(consumer, 6);
    sfp_frame *frame = NULL;
    FAILS(SFP_STATUS_TIMED_OUT, sfp_consumer_acquire(consumer, SFP_POLL, &frame));
    sfp_consumer_statistics statistics;
    OK(sfp_consumer_get_statistics(consumer, &statistics));
    CHECK(statistics.presented == 6 && statistics.shown == 2 && statistics.dropped == 4);
    sfp_consumer_release(consumer);
    sfp_producer_release(producer);
}

static void a_frame_is_valid_until_it_is_released(void)
{
    sfp_producer *producer = NULL;
    sfp_consumer *consumer = NULL;
    make_swapchain(SFP_PRESENT_MODE_DEFAULT, &producer, &consumer);
    draw_and_present(producer, 1);
    sfp_frame *held = acquire(consumer), *again = sfp_frame_retain(held);
    for (uint32_t n = 2; n <= 20; n++)
        draw_and_present(producer, n);
    CHECK(again == held && is_frame(held, 1));
    sfp_frame_release(again);
    CHECK(is_frame(held, 1));
    sfp_surface *surface = sfp_frame_surface(held);
    CHECK(sfp_frame_surface(held) == surface);
    sfp_producer_release(producer);
    sfp_consumer_release(consumer);
    CHECK(is_frame(held, 1));
    sfp_surface_retain(surface);
    uint32_t id = sfp_surface_id(surface);
    sfp_frame_release(held);
    CHECK(sfp_surface_id(surface) == id && id != 0);
    sfp_surface_release(surface);
}

static void resize_at_each_frame(sfp_child *host)
{
    sfp_swapchain_options options = options_of(SFP_PRESENT_MODE_FIFO);
    sfp_producer *producer = NULL;
    OK(sfp_child_create_producer(host, &options, &producer));
    for (uint32_t n = 1; n <= 20; n++) {
        draw_and_present(producer, n);
        if (n % 2 == 0) {
            OK(sfp_producer_resize(producer, WIDTH + n, HEIGHT + n));
        } else {
            sfp_surface_descriptor other = SFP_SURFACE_DESCRIPTOR_INIT;
            other.width = WIDTH + n;
            other.height = HEIGHT + n;
            other.format = SFP_PIXEL_FORMAT_RGBA8;
            OK(sfp_producer_reconfigure(producer, &other));
        }
    }
    FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_producer_resize(producer, 0, 1));
    FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_producer_resize(producer, 1, 1u << 31));
    sfp_producer_release(producer);
}

static void a_resize_loses_no_frame(void)
{
    sfp_host *host = start("resize at each frame");
    sfp_consumer *frames = NULL;
    OK(sfp_host_accept_consumer(host, SOON, &frames));
    for (uint32_t n = 1; n <= 20; n++) {
        sfp_frame *frame = acquire(frames);
        sfp_surface *surface = sfp_frame_surface(frame);
        CHECK(is_frame(frame, n));
        CHECK(sfp_surface_width(surface) == WIDTH + n - 1 && sfp_surface_height(surface) == HEIGHT + n - 1);
        CHECK(sfp_surface_pixel_format(surface)
              == (n == 1 ? SFP_PIXEL_FORMAT_BGRA8 : SFP_PIXEL_FORMAT_RGBA8));
        sfp_frame_release(frame);
    }
    sfp_frame *none = NULL;
    FAILS(SFP_STATUS_CLOSED, sfp_consumer_acquire(frames, SOON, &none));
    sfp_consumer_release(frames);
    end_well(host);
}

static void draw_in_the_hosts_memory(sfp_child *host)
{
    sfp_swapchain_options options = options_of(SFP_PRESENT_MODE_FIFO);
    options.allocator = SFP_ALLOCATOR_CONSUMER;
    options.images = 2;
    sfp_producer *producer = NULL;
    OK(sfp_child_create_producer(host, &options, &producer));
    for (uint32_t n = 1; n <= 10; n++)
        draw_and_present(producer, n);
    sfp_producer_release(producer);
}

static void the_consumer_can_make_the_images(void)
{
    sfp_host *host = start("draw in the host's memory");
    sfp_consumer *frames = NULL;
    OK(sfp_host_accept_consumer(host, SOON, &frames));
    for (uint32_t n = 1; n <= 10; n++)
        expect(frames, n);
    sfp_consumer_release(frames);
    end_well(host);
}

static void draw_until_killed(sfp_child *host)
{
    sfp_swapchain_options options = options_of(SFP_PRESENT_MODE_FIFO);
    sfp_producer *producer = NULL;
    OK(sfp_child_create_producer(host, &options, &producer));
    for (uint32_t n = 1;; n++)
        draw_and_present(producer, n);
}

static void a_killed_producer_leaves_its_frames(void)
{
    sfp_host *host = start("draw until killed");
    sfp_consumer *frames = NULL;
    OK(sfp_host_accept_consumer(host, SOON, &frames));
    expect(frames, 1);
    sfp_frame *held = acquire(frames);
    OK(sfp_host_kill(host));
    sfp_exit end;
    OK(sfp_host_wait_exit(host, SOON, &end));
    CHECK(end.kind == SFP_EXIT_KIND_SIGNALLED && end.code == SIGKILL);
    sfp_status status;
    sfp_frame *frame = NULL;
    uint32_t n = 3;
    while ((status = sfp_consumer_acquire(frames, SOON, &frame)) == SFP_STATUS_OK) {
        CHECK(is_frame(frame, n++));
        sfp_frame_release(frame);
    }
    CHECK(status == SFP_STATUS_PEER_DEAD);
    CHECK(is_frame(held, 2));
    sfp_frame_release(held);
    sfp_consumer_release(frames);
    sfp_host_release(host);
}

static void consumers_do_not_disturb_each_other(void)
{
    sfp_producer *producer = NULL;
    sfp_consumer *consumers[3], *looking = NULL;
    make_swapchain(SFP_PRESENT_MODE_FIFO, &producer, &consumers[0]);
    sfp_consumer_right *right = NULL;
    OK(sfp_producer_create_consumer_right(producer, &right));
    OK(sfp_consumer_attach(right, NULL, &consumers[1]));
    OK(sfp_consumer_attach(right, NULL, &consumers[2]));
    sfp_consumer_options options = SFP_CONSUMER_OPTIONS_INIT;
    options.mode = SFP_PRESENT_MODE_MAILBOX;
    OK(sfp_consumer_attach(right, &options, &looking));
    for (uint32_t n = 1; n <= 10; n++) {
        draw_and_present(producer, n);
        for (int c = 0; c < 3; c++)
            expect(consumers[c], n);
    }
    expect(looking, 10);
    sfp_producer_statistics statistics;
    OK(sfp_producer_get_statistics(producer, &statistics));
    CHECK(statistics.consumers == 4 && statistics.presented == 10);
    for (int c = 0; c < 3; c++)
        sfp_consumer_release(consumers[c]);
    sfp_consumer_release(looking);
    sfp_image *image = NULL;
    sfp_consumer_right_release(right);
    /* Nobody is left, and nobody can come. */
    sfp_status status = SFP_STATUS_OK;
    for (int n = 0; n < 1000 && status == SFP_STATUS_OK; n++) {
        OK(sfp_producer_service(producer));
        if ((status = sfp_producer_acquire(producer, SFP_MILLISECONDS(10), &image)) == SFP_STATUS_OK)
            sfp_image_release(image);
    }
    CHECK(status == SFP_STATUS_PEER_DEAD);
    sfp_producer_release(producer);
}

static void tearing_is_allowed_in_immediate_mode(void)
{
    sfp_producer *producer = NULL;
    sfp_consumer *consumer = NULL;
    make_swapchain(SFP_PRESENT_MODE_IMMEDIATE, &producer, &consumer);
    draw_and_present(producer, 1);
    sfp_frame *frame = acquire(consumer);
    CHECK(is_frame(frame, 1));
    draw_and_present(producer, 2);
    CHECK(is_frame(frame, 2));
    CHECK(sfp_frame_number(frame) == 1);
    sfp_frame_release(frame);
    expect(consumer, 2);
    sfp_consumer_release(consumer);
    sfp_producer_release(producer);
}

static void descriptors_tell_what_is_ready(void)
{
    sfp_producer *producer = NULL;
    sfp_consumer *consumer = NULL;
    make_swapchain(SFP_PRESENT_MODE_FIFO, &producer, &consumer);
    int drawn = sfp_producer_fd(producer), shown = sfp_consumer_fd(consumer);
    CHECK(drawn >= 0 && shown >= 0);
    sfp_frame *frame = NULL;
    FAILS(SFP_STATUS_TIMED_OUT, sfp_consumer_acquire(consumer, SFP_POLL, &frame));

    /* One loop for both sides, which never waits but by poll(). */
    uint32_t presented = 0, taken = 0;
    struct pollfd waiting[2] = { { drawn, POLLIN, 0 }, { shown, POLLIN, 0 } };
    while (taken < FRAMES) {
        sfp_image *image = NULL;
        sfp_status status;
        while (presented < FRAMES
               && (status = sfp_producer_acquire(producer, SFP_POLL, &image)) == SFP_STATUS_OK) {
            draw(image, ++presented);
            OK(sfp_producer_present(producer, image, NULL));
        }
        if (presented < FRAMES)
            CHECK(status == SFP_STATUS_TIMED_OUT);
        while ((status = sfp_consumer_acquire(consumer, SFP_POLL, &frame)) == SFP_STATUS_OK) {
            CHECK(is_frame(frame, ++taken));
            sfp_frame_release(frame);
        }
        CHECK(status == SFP_STATUS_TIMED_OUT);
        if (taken < FRAMES)
            CHECK(poll(waiting, 2, 60000) > 0);
    }
    sfp_producer_release(producer);
    CHECK(is_readable(shown, 60000));
    FAILS(SFP_STATUS_CLOSED, sfp_consumer_acquire(consumer, SFP_POLL, &frame));
    sfp_consumer_release(consumer);
}

static void *present_all(void *argument)
{
    for (uint32_t n = 1; n <= FRAMES; n++)
        draw_and_present(argument, n);
    sfp_producer_release(argument);
    return NULL;
}

static void threads_draw_and_show(void)
{
    sfp_producer *producer = NULL;
    sfp_consumer *consumer = NULL;
    make_swapchain(SFP_PRESENT_MODE_FIFO, &producer, &consumer);
    pthread_t drawing;
    CHECK(pthread_create(&drawing, NULL, present_all, producer) == 0);
    for (uint32_t n = 1; n <= FRAMES; n++)
        expect(consumer, n);
    sfp_frame *none = NULL;
    FAILS(SFP_STATUS_CLOSED, sfp_consumer_acquire(consumer, SOON, &none));
    CHECK(pthread_join(drawing, NULL) == 0);
    sfp_consumer_release(consumer);
}

static void an_image_is_presented_once(void)
{
    sfp_producer *producer = NULL, *other = NULL;
    sfp_consumer *consumer = NULL, *others = NULL;
    make_swapchain(SFP_PRESENT_MODE_DEFAULT, &producer, &consumer);
    make_swapchain(SFP_PRESENT_MODE_DEFAULT, &other, &others);
    sfp_image *image = NULL;
    OK(sfp_producer_acquire(producer, SOON, &image));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_image_unlock(image));
    sfp_pixels pixels;
    OK(sfp_image_lock(image, SFP_LOCK_WRITE, &pixels));
    CHECK(pixels.width == WIDTH && pixels.height == HEIGHT && pixels.base != NULL);
    FAILS(SFP_STATUS_WRONG_STATE, sfp_image_lock(image, SFP_LOCK_WRITE, &pixels));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_producer_present(producer, image, NULL));
    CHECK(strstr(sfp_last_error_message(), "unlock") != NULL);
    OK(sfp_image_unlock(image));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_producer_present(other, image, NULL));
    FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_image_lock(image, (sfp_lock)9, &pixels));

    /* It came back whole each time. */
    draw(image, 1);
    sfp_image *second = sfp_image_retain(image);
    OK(sfp_producer_present(producer, image, NULL));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_producer_present(producer, second, NULL));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_image_lock(second, SFP_LOCK_WRITE, &pixels));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_image_unlock(second));
    CHECK(sfp_image_surface(second) == NULL);
    sfp_image_release(second);
    expect(consumer, 1);

    /* One that is given back, also locked, is free for others: more often than there are images. */
    for (int n = 0; n < 10; n++) {
        OK(sfp_producer_acquire(producer, SOON, &image));
        OK(sfp_image_lock(image, SFP_LOCK_WRITE, &pixels));
        sfp_image_release(image);
    }
    sfp_image *all[3] = { NULL, NULL, NULL };
    OK(sfp_producer_acquire(producer, SOON, &all[0]));
    OK(sfp_producer_acquire(producer, SOON, &all[1]));
    FAILS(SFP_STATUS_TIMED_OUT, sfp_producer_acquire(producer, SFP_MILLISECONDS(1), &all[2]));
    CHECK(all[2] == NULL);

    /* A frame of another size came first. */
    OK(sfp_producer_resize(producer, 10, 10));
    OK(sfp_producer_present(producer, all[0], NULL));
    draw_and_present(producer, 3);
    FAILS(SFP_STATUS_WRONG_STATE, sfp_producer_present(producer, all[1], NULL));
    sfp_image_release(all[1]);
    expect(consumer, 3);
    sfp_consumer_release(consumer);
    sfp_consumer_release(others);
    sfp_producer_release(producer);
    sfp_producer_release(other);
}

static sfp_status create(uint32_t images, sfp_present_mode mode, sfp_allocator allocator)
{
    sfp_swapchain_options options = options_of(mode);
    options.images = images;
    options.allocator = allocator;
    sfp_producer *producer = NULL;
    sfp_status status = sfp_producer_create(&options, &producer);
    CHECK((status == SFP_STATUS_OK) == (producer != NULL));
    sfp_producer_release(producer);
    return status;
}

static void absurd_options_are_refused(void)
{
    CHECK(create(0, SFP_PRESENT_MODE_IMMEDIATE, SFP_ALLOCATOR_PRODUCER) == SFP_STATUS_OK);
    CHECK(create(16, SFP_PRESENT_MODE_FIFO, SFP_ALLOCATOR_PRODUCER) == SFP_STATUS_OK);
    FAILS(SFP_STATUS_INVALID_ARGUMENT, create(17, SFP_PRESENT_MODE_FIFO, SFP_ALLOCATOR_PRODUCER));
    FAILS(SFP_STATUS_INVALID_ARGUMENT, create(1, SFP_PRESENT_MODE_MAILBOX, SFP_ALLOCATOR_PRODUCER));
    FAILS(SFP_STATUS_INVALID_ARGUMENT, create(2, SFP_PRESENT_MODE_IMMEDIATE, SFP_ALLOCATOR_PRODUCER));
    FAILS(SFP_STATUS_INVALID_ARGUMENT, create(3, (sfp_present_mode)4, SFP_ALLOCATOR_PRODUCER));
    FAILS(SFP_STATUS_INVALID_ARGUMENT, create(3, SFP_PRESENT_MODE_FIFO, (sfp_allocator)2));
    sfp_producer *producer = NULL;
    sfp_swapchain_options options = options_of(SFP_PRESENT_MODE_FIFO);
    options.struct_size = 0;
    FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_producer_create(&options, &producer));
    options = options_of(SFP_PRESENT_MODE_FIFO);
    options.width = 0;
    FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_producer_create(&options, &producer));
    options.width = 1u << 31;
    FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_producer_create(&options, &producer));
    options.width = 1;
    options.format = (sfp_pixel_format)1;
    FAILS(SFP_STATUS_UNSUPPORTED, sfp_producer_create(&options, &producer));
    CHECK(producer == NULL);

    sfp_consumer *consumer = NULL, *refused = NULL;
    make_swapchain(SFP_PRESENT_MODE_DEFAULT, &producer, &consumer);
    sfp_image *image = NULL;
    OK(sfp_producer_acquire(producer, SOON, &image));
    sfp_present_info info = SFP_PRESENT_INFO_INIT;
    info.color_space = (sfp_color_space)99;
    FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_producer_present(producer, image, &info));
    info.color_space = SFP_COLOR_SPACE_UNKNOWN;
    info.reserved = 1;
    FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_producer_present(producer, image, &info));
    info.reserved = 0;
    info.struct_size = 8;
    FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_producer_present(producer, image, &info));
    sfp_image_release(image);

    sfp_consumer_right *right = NULL;
    OK(sfp_producer_create_consumer_right(producer, &right));
    sfp_consumer_options how = SFP_CONSUMER_OPTIONS_INIT;
    how.mode = (sfp_present_mode)4;
    FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_consumer_attach(right, &how, &refused));
    how.mode = SFP_PRESENT_MODE_DEFAULT;
    how.reserved = 1;
    FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_consumer_attach(right, &how, &refused));
    CHECK(refused == NULL);
    how.reserved = 0;
    how.mode = SFP_PRESENT_MODE_FIFO; /* which a mailbox is not */
    OK(sfp_consumer_attach(right, &how, &refused));
    OK(sfp_producer_service(producer));
    sfp_frame *frame = NULL;
    FAILS(SFP_STATUS_REFUSED, sfp_consumer_acquire(refused, SOON, &frame));
    sfp_consumer_release(refused);
    sfp_producer_release(producer);
    FAILS(SFP_STATUS_CLOSED, sfp_consumer_attach(right, NULL, &refused));
    sfp_consumer_right_release(right);
    sfp_consumer_release(consumer);
}

/* What a wait in vain takes of the processor. */
static clock_t work_of_a_wait(sfp_producer *producer, sfp_consumer *consumer)
{
    sfp_image *image = NULL;
    sfp_frame *frame = NULL;
    clock_t before = clock();
    if (producer != NULL)
        FAILS(SFP_STATUS_TIMED_OUT, sfp_producer_acquire(producer, SFP_MILLISECONDS(200), &image));
    else
        FAILS(SFP_STATUS_TIMED_OUT, sfp_consumer_acquire(consumer, SFP_MILLISECONDS(200), &frame));
    return clock() - before;
}

static void spin_times_are_how_long_waits_watch(void)
{
    sfp_producer *producer = NULL;
    sfp_consumer *consumer = NULL;
    make_swapchain(SFP_PRESENT_MODE_FIFO, &producer, &consumer);
    OK(sfp_producer_set_spin_time(producer, 0));
    OK(sfp_consumer_set_spin_time(consumer, 0));
    draw_and_present(producer, 1);
    expect(consumer, 1);
    (void)work_of_a_wait(NULL, consumer); /* the first one pays for more than itself */
    clock_t asleep = work_of_a_wait(NULL, consumer);
    OK(sfp_consumer_set_spin_time(consumer, UINT64_MAX));
    CHECK(work_of_a_wait(NULL, consumer) > 4 * asleep);

    /* All images are drawn, and nobody takes one. */
    for (uint32_t n = 2; n <= 4; n++)
        draw_and_present(producer, n);
    (void)work_of_a_wait(producer, NULL);
    asleep = work_of_a_wait(producer, NULL);
    OK(sfp_producer_set_spin_time(producer, UINT64_MAX));
    CHECK(work_of_a_wait(producer, NULL) > 4 * asleep);
    for (uint32_t n = 2; n <= 4; n++)
        expect(consumer, n);
    sfp_consumer_release(consumer);
    sfp_producer_release(producer);
}

static const struct role ROLES[] = {
    { "draw in order", draw_in_order },
    { "resize at each frame", resize_at_each_frame },
    { "draw in the host's memory", draw_in_the_hosts_memory },
    { "draw until killed", draw_until_killed },
};

int main(int argc, char **argv)
{
    run_role(argc, argv, ROLES, sizeof ROLES / sizeof ROLES[0]);
    descriptors_before = open_descriptors();
    RUN_WITH_CHILDREN(every_frame_comes_in_order);
    RUN(the_newest_frame_wins);
    RUN(a_frame_is_valid_until_it_is_released);
    RUN_WITH_CHILDREN(a_resize_loses_no_frame);
    RUN_WITH_CHILDREN(the_consumer_can_make_the_images);
    RUN_WITH_CHILDREN(a_killed_producer_leaves_its_frames);
    RUN(consumers_do_not_disturb_each_other);
    RUN(tearing_is_allowed_in_immediate_mode);
    RUN(descriptors_tell_what_is_ready);
    RUN(threads_draw_and_show);
    RUN(an_image_is_presented_once);
    RUN(spin_times_are_how_long_waits_watch);
    RUN(absurd_options_are_refused);
    RUN(nothing_is_left);
    return finish();
}
