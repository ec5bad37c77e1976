/*
 * One surface sent by hand: this program checks in a name and starts itself once more; the other process looks the
 * name up, sends a surface that it has drawn, and both see the same pixels.
 */
#define _POSIX_C_SOURCE 200809L
#include <surfaceport.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(call)                                                                                \
    do {                                                                                           \
        if ((call) != SFP_STATUS_OK) {                                                             \
            fprintf(stderr, "surface: %s: %s\n", #call, sfp_last_error_message());                 \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

enum { WIDTH = 640, HEIGHT = 480, PICTURE = 1, SEEN = 2 };

static uint32_t color_at(uint32_t x, uint32_t y)
{
    return 0xff000000 | (x & 255) << 16 | (y & 255) << 8 | ((x ^ y) & 255);
}

/* Draws, or counts the pixels that are as drawn. */
static size_t each_pixel(const sfp_pixels *pixels, bool draw)
{
    size_t right = 0;
    for (uint32_t y = 0; y < pixels->height; y++) {
        uint32_t *row = (uint32_t *)((char *)pixels->base + y * pixels->bytes_per_row);
        for (uint32_t x = 0; x < pixels->width; x++) {
            if (draw)
                row[x] = color_at(x, y);
            right += row[x] == color_at(x, y);
        }
    }
    return right;
}

static int draw_and_send(const char *name)
{
    sfp_send_right *viewer = NULL;
    CHECK(sfp_bootstrap_look_up(name, SFP_SECONDS(5), &viewer));

    sfp_surface *surface = NULL;
    sfp_surface_descriptor descriptor = SFP_SURFACE_DESCRIPTOR_INIT;
    descriptor.width = WIDTH;
    descriptor.height = HEIGHT;
    CHECK(sfp_surface_create(&descriptor, &surface));
    sfp_pixels pixels;
    CHECK(sfp_surface_lock(surface, SFP_LOCK_WRITE, &pixels));
    each_pixel(&pixels, true);
    CHECK(sfp_surface_unlock(surface, SFP_LOCK_WRITE));

    sfp_message *message = sfp_message_create(PICTURE), *answer = NULL;
    CHECK(sfp_message_attach_surface(message, surface));
    CHECK(sfp_request(viewer, message, SFP_SECONDS(5), &answer));
    printf("sent surface %u, and it was seen\n", (unsigned)sfp_surface_id(surface));

    sfp_message_release(answer);
    sfp_surface_release(surface); /* it lives as long as a process has it */
    sfp_send_right_release(viewer);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return draw_and_send(argv[1]);

    char name[64];
    snprintf(name, sizeof name, "org.surfaceport.example.surface.%ld", (long)getpid());
    sfp_receive_right *here = NULL;
    CHECK(sfp_bootstrap_check_in(name, &here));
    pid_t sender = fork();
    if (sender == 0) {
        execlp(argv[0], argv[0], name, (char *)NULL);
        _exit(127);
    }

    sfp_message *message = NULL;
    sfp_surface *surface = NULL;
    sfp_pixels pixels;
    CHECK(sfp_receive(here, SFP_SECONDS(5), &message));
    CHECK(sfp_message_take_surface(message, 0, &surface));
    CHECK(sfp_surface_lock(surface, SFP_LOCK_READ, &pixels));
    size_t right = each_pixel(&pixels, false);
    CHECK(sfp_surface_unlock(surface, SFP_LOCK_READ));
    printf("got surface %u: %u x %u, %zu pixels as drawn\n", (unsigned)sfp_surface_id(surface),
           (unsigned)pixels.width, (unsigned)pixels.height, right);
    CHECK(sfp_message_reply(message, sfp_message_create(SEEN), SFP_SECONDS(5)));

    int status = 1;
    waitpid(sender, &status, 0);
    sfp_message_release(message);
    sfp_surface_release(surface);
    sfp_receive_right_release(here);
    return right == (size_t)WIDTH * HEIGHT && status == 0 ? 0 : 1;
}
