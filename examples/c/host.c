/*
 * A host: starts a child and shows what it draws, until the child ends.
 *
 *     ./host [CHILD]          CHILD is the program of child.c, "./child" if none is named
 */
#include <surfaceport.h>
#include <stdio.h>

#define CHECK(call)                                                                                \
    do {                                                                                           \
        if ((call) != SFP_STATUS_OK) {                                                             \
            fprintf(stderr, "host: %s: %s\n", #call, sfp_last_error_message());                    \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

static void show(sfp_surface *surface);

int main(int argc, char **argv)
{
    sfp_host *host = NULL;
    sfp_consumer *frames = NULL;
    const char *child[] = { argc > 1 ? argv[1] : "./child", NULL };

    sfp_spawn_options options = SFP_SPAWN_OPTIONS_INIT;
    options.argv = child;
    CHECK(sfp_host_spawn(&options, &host));
    CHECK(sfp_host_accept_consumer(host, SFP_SECONDS(5), &frames));

    sfp_frame *frame = NULL;
    while (sfp_consumer_acquire(frames, SFP_FOREVER, &frame) == SFP_STATUS_OK) {
        show(sfp_frame_surface(frame));     /* IOSurfaceRef, pixels, fd: as you like */
        sfp_frame_release(frame);           /* valid until here, whatever the child does */
    }
    sfp_status end = sfp_last_error_status(); /* SFP_STATUS_CLOSED; _PEER_DEAD if the child crashed */
    printf("%s\n", sfp_last_error_message());

    sfp_consumer_release(frames);
    sfp_host_release(host);                 /* reaps the child; nothing is left */
    return end == SFP_STATUS_CLOSED ? 0 : 1;
}

/* Showing is your part. Here: which frame it is, which the child wrote into the first pixel, and a colour. */
static void show(sfp_surface *surface)
{
    sfp_pixels pixels;
    if (sfp_surface_lock(surface, SFP_LOCK_READ, &pixels) == SFP_STATUS_OK) {
        const uint32_t *first = pixels.base;
        if (first[0] % 20 == 0)
            printf("frame %u, %u x %u, colour %06x\n", (unsigned)first[0], (unsigned)pixels.width,
                   (unsigned)pixels.height, (unsigned)(first[1] & 0xffffff));
        sfp_surface_unlock(surface, SFP_LOCK_READ);
    }
}
