/* Surfaces, as a program in C uses them: drawn here, seen in another process. */
#define _POSIX_C_SOURCE 200809L

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "check.h"

static sfp_surface *make_surface(uint32_t width, uint32_t height, sfp_pixel_format format)
{
    sfp_surface_descriptor descriptor = SFP_SURFACE_DESCRIPTOR_INIT;
    descriptor.width = width;
    descriptor.height = height;
    descriptor.format = format;
    sfp_surface *surface = NULL;
    OK(sfp_surface_create(&descriptor, &surface));
    return surface;
}

/* Every byte of every row of every plane has a value of its own. */
static uint8_t value_at(size_t plane, size_t x, size_t y)
{
    return (uint8_t)(plane * 89 + x * 7 + y * 13 + 1);
}

static void draw(sfp_surface *surface)
{
    sfp_pixels pixels;
    OK(sfp_surface_lock(surface, SFP_LOCK_WRITE, &pixels));
    for (uint32_t p = 0; p < pixels.plane_count; p++) {
        sfp_plane plane;
        OK(sfp_surface_plane(surface, p, &plane));
        for (size_t y = 0; y < plane.height; y++) {
            uint8_t *row = (uint8_t *)plane.base + y * plane.bytes_per_row;
            for (size_t x = 0; x < plane.width * plane.bytes_per_element; x++)
                row[x] = value_at(p, x, y);
        }
    }
    OK(sfp_surface_unlock(surface, SFP_LOCK_WRITE));
}

static bool is_drawn(sfp_surface *surface)
{
    bool equal = true;
    sfp_pixels pixels;
    OK(sfp_surface_lock(surface, SFP_LOCK_READ, &pixels));
    for (uint32_t p = 0; p < pixels.plane_count; p++) {
        sfp_plane plane;
        OK(sfp_surface_plane(surface, p, &plane));
        for (size_t y = 0; y < plane.height; y++) {
            const uint8_t *row = (const uint8_t *)plane.base + y * plane.bytes_per_row;
            for (size_t x = 0; x < plane.width * plane.bytes_per_element; x++)
                equal = equal && row[x] == value_at(p, x, y);
        }
    }
    OK(sfp_surface_unlock(surface, SFP_LOCK_READ));
    return equal;
}

static void send_surface(sfp_send_right *right, sfp_surface *surface)
{
    sfp_message *message = sfp_message_create(1);
    OK(sfp_message_attach_surface(message, surface));
    OK(sfp_send(right, message, SFP_SECONDS(20)));
}

static sfp_surface *receive_surface(sfp_receive_right *right)
{
    sfp_message *message = NULL;
    sfp_surface *surface = NULL;
    OK(sfp_receive(right, SFP_SECONDS(20), &message));
    OK(sfp_message_take_surface(message, 0, &surface));
    sfp_message_release(message);
    return surface;
}

static const sfp_pixel_format FORMATS[] = {
    SFP_PIXEL_FORMAT_BGRA8, SFP_PIXEL_FORMAT_RGBA8, SFP_PIXEL_FORMAT_RGB10A2, SFP_PIXEL_FORMAT_RGBA16F,
    SFP_PIXEL_FORMAT_R8, SFP_PIXEL_FORMAT_RG8, SFP_PIXEL_FORMAT_NV12, SFP_PIXEL_FORMAT_NV12_FULL,
    SFP_PIXEL_FORMAT_P010, SFP_PIXEL_FORMAT_I420, SFP_PIXEL_FORMAT_NV16, SFP_PIXEL_FORMAT_NV16_FULL,
    SFP_PIXEL_FORMAT_NV24, SFP_PIXEL_FORMAT_NV24_FULL,
};
enum { FORMAT_COUNT = sizeof FORMATS / sizeof FORMATS[0] };

/* The name of another process, which it checks in. */
static char name[64];

static void look_at_all_formats(void *nothing)
{
    (void)nothing;
    sfp_receive_right *right = NULL;
    OK(sfp_bootstrap_check_in(name, &right));
    for (int n = 0; n < FORMAT_COUNT; n++) {
        sfp_surface *surface = receive_surface(right);
        CHECK(sfp_surface_pixel_format(surface) == FORMATS[n]);
        CHECK(sfp_surface_width(surface) == 101 && sfp_surface_height(surface) == 67);
        CHECK(is_drawn(surface));
        sfp_surface_release(surface);
    }
    sfp_receive_right_release(right);
}

static void another_process_sees_every_format(void)
{
    sfp_send_right *send = NULL;
    pid_t child = in_child(look_at_all_formats, NULL);
    OK(sfp_bootstrap_look_up(name, SFP_SECONDS(20), &send));
    for (int n = 0; n < FORMAT_COUNT; n++) {
        sfp_surface *surface = make_surface(101, 67, FORMATS[n]);
        draw(surface);
        send_surface(send, surface);
        sfp_surface_release(surface); /* it lives in the message */
    }
    check_child(child);
    sfp_send_right_release(send);
}

static void say(sfp_send_right *right, uint32_t id)
{
    OK(sfp_send(right, sfp_message_create(id), SFP_SECONDS(20)));
}

static uint32_t hear(sfp_receive_right *right)
{
    sfp_message *message = NULL;
    OK(sfp_receive(right, SFP_SECONDS(20), &message));
    uint32_t id = sfp_message_id(message);
    sfp_message_release(message);
    return id;
}

/* Draws, attaches a value, uses the surface, and waits until it is killed. */
static void draw_and_use(void *nothing)
{
    (void)nothing;
    sfp_receive_right *receive = NULL;
    sfp_send_right *parent = NULL;
    OK(sfp_bootstrap_check_in(name, &receive));
    sfp_message *message = NULL;
    OK(sfp_receive(receive, SFP_SECONDS(20), &message));
    OK(sfp_message_take_send_right(message, 0, &parent));
    sfp_message_release(message);
    sfp_surface *surface = receive_surface(receive);
    draw(surface);
    OK(sfp_surface_set_value(surface, "title", "from the child", 14));
    OK(sfp_surface_set_color_space(surface, SFP_COLOR_SPACE_DISPLAY_P3));
    OK(sfp_surface_increment_use_count(surface));
    say(parent, 1);
    hear(receive); /* never comes */
}

static void what_one_process_does_the_other_sees(void)
{
    sfp_receive_right *receive = NULL;
    sfp_send_right *answer = NULL, *child_port = NULL;
    OK(sfp_receive_right_create(&receive));
    OK(sfp_receive_right_make_send(receive, &answer));
    sfp_surface *surface = make_surface(64, 64, SFP_PIXEL_FORMAT_BGRA8);
    uint32_t seed = sfp_surface_seed(surface);
    CHECK(!sfp_surface_is_in_use(surface));
    pid_t child = in_child(draw_and_use, NULL);
    OK(sfp_bootstrap_look_up(name, SFP_SECONDS(20), &child_port));
    sfp_message *greeting = sfp_message_create(0);
    OK(sfp_message_attach_send_right(greeting, answer));
    OK(sfp_send(child_port, greeting, SFP_SECONDS(20)));
    send_surface(child_port, surface);
    CHECK(hear(receive) == 1);

    CHECK(is_drawn(surface));
    CHECK(sfp_surface_seed(surface) == seed + 1);
    CHECK(sfp_surface_is_in_use(surface));
    CHECK(sfp_surface_use_count(surface) == 0);
    char title[32] = "";
    size_t size = 0;
    OK(sfp_surface_value(surface, "title", title, sizeof title, &size));
    CHECK(size == 14 && strcmp(title, "from the child") == 0);
    FAILS(SFP_STATUS_NOT_FOUND, sfp_surface_value(surface, "subtitle", title, sizeof title, &size));
    sfp_color_space space = SFP_COLOR_SPACE_UNKNOWN;
    OK(sfp_surface_color_space(surface, &space));
    CHECK(space == SFP_COLOR_SPACE_DISPLAY_P3);
    char names[64];
    OK(sfp_surface_value_names(surface, names, sizeof names, &size));
    CHECK(size <= sizeof names);
    int count = 0;
    for (char *name = names; name < names + size; name += strlen(name) + 1)
        count++;
    CHECK(count == 2);

    CHECK(kill(child, SIGKILL) == 0);
    CHECK(waitpid(child, NULL, 0) == child);
    CHECK(!sfp_surface_is_in_use(surface)); /* the dead use nothing */

    sfp_surface_release(surface);
    sfp_receive_right_release(receive);
    sfp_send_right_release(answer);
    sfp_send_right_release(child_port);
}

static void absurd_sizes_are_refused(void)
{
    const uint32_t sides[] = { 0, SFP_SURFACE_MAX_DIMENSION + 1, UINT32_C(1) << 31, UINT32_MAX };
    for (size_t n = 0; n < sizeof sides / sizeof sides[0]; n++) {
        sfp_surface_descriptor descriptor = SFP_SURFACE_DESCRIPTOR_INIT;
        sfp_surface *surface = NULL;
        descriptor.width = sides[n];
        descriptor.height = 10;
        FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_surface_create(&descriptor, &surface));
        descriptor.width = 10;
        descriptor.height = sides[n];
        FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_surface_create(&descriptor, &surface));
        CHECK(strstr(sfp_last_error_message(), "height") != NULL);
        descriptor.height = 10;
        descriptor.format = 12345;
        FAILS(SFP_STATUS_UNSUPPORTED, sfp_surface_create(&descriptor, &surface));
        CHECK(surface == NULL);
    }
    sfp_surface_descriptor forgotten;
    memset(&forgotten, 0, sizeof forgotten);
    sfp_surface *surface = NULL;
    FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_surface_create(&forgotten, &surface));
}

static void leaks_are_seen(void)
{
    sfp_surface_totals totals;
    OK(sfp_live_surfaces(NULL, 0, &totals));
    CHECK(totals.count == 0 && totals.bytes == 0);
    sfp_surface *first = make_surface(10, 10, SFP_PIXEL_FORMAT_BGRA8);
    sfp_surface *second = make_surface(20, 20, SFP_PIXEL_FORMAT_R8);
    uint32_t ids[2] = { 0, 0 };
    OK(sfp_live_surfaces(ids, 2, &totals));
    CHECK(totals.count == 2);
    CHECK(totals.bytes == sfp_surface_allocation_size(first) + sfp_surface_allocation_size(second));
    CHECK(ids[0] < ids[1]);
    CHECK(ids[0] == sfp_surface_id(first) || ids[1] == sfp_surface_id(first));
    sfp_surface_release(sfp_surface_retain(first));
    sfp_surface_release(first);
    sfp_surface_release(second);
    OK(sfp_live_surfaces(NULL, 0, &totals));
    CHECK(totals.count == 0);
}

static void contents_are_given_up(void)
{
    sfp_surface *surface = make_surface(10, 10, SFP_PIXEL_FORMAT_R8);
    draw(surface);
    sfp_purgeable before = SFP_PURGEABLE_EMPTY;
    OK(sfp_surface_set_purgeable(surface, SFP_PURGEABLE_VOLATILE, &before));
    CHECK(before == SFP_PURGEABLE_NON_VOLATILE);
    OK(sfp_surface_set_purgeable(surface, SFP_PURGEABLE_EMPTY, NULL));
    OK(sfp_surface_set_purgeable(surface, SFP_PURGEABLE_NON_VOLATILE, &before));
    CHECK(before == SFP_PURGEABLE_EMPTY);
    sfp_pixels pixels;
    OK(sfp_surface_lock(surface, SFP_LOCK_READ, &pixels));
    CHECK(*(uint8_t *)pixels.base == 0);
    OK(sfp_surface_unlock(surface, SFP_LOCK_READ));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_surface_unlock(surface, SFP_LOCK_READ));
    sfp_surface_release(surface);
}

#ifdef __linux__
static void the_memory_can_be_mapped_by_others(void)
{
    sfp_surface *surface = make_surface(10, 10, SFP_PIXEL_FORMAT_NV12);
    draw(surface);
    int fd = -1;
    OK(sfp_surface_export_fd(surface, &fd));
    sfp_plane plane;
    OK(sfp_surface_plane(surface, 1, &plane));
    size_t size = plane.offset + plane.size;
    uint8_t *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(bytes != MAP_FAILED);
    CHECK(bytes[0] == value_at(0, 0, 0) && bytes[plane.offset] == value_at(1, 0, 0));
    CHECK(munmap(bytes, size) == 0);
    CHECK(close(fd) == 0);
    fd = -1;
    sfp_status status = sfp_surface_export_dma_buf(surface, &fd);
    CHECK(status == SFP_STATUS_OK ? close(fd) == 0 : status == SFP_STATUS_UNSUPPORTED && fd == -1);
    sfp_surface_release(surface);
}
#endif

int main(void)
{
    snprintf(name, sizeof name, "org.surfaceport.test.surfaces.%ld", (long)getpid());
    RUN(another_process_sees_every_format);
    RUN(what_one_process_does_the_other_sees);
    RUN(absurd_sizes_are_refused);
    RUN(leaks_are_seen);
    RUN(contents_are_given_up);
#ifdef __linux__
    RUN(the_memory_can_be_mapped_by_others);
#endif
    return finish();
}
