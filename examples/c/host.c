/*
 * A host: starts a child, and shows what it draws.
 *
 *     ./host [CHILD [PICTURE.ppm]]
 *
 * CHILD is the program of child.c, "./child" if none is named. The last frame becomes the picture.
 */
#include <surfaceport.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(call)                                                                                \
    do {                                                                                           \
        if ((call) != SFP_STATUS_OK) {                                                             \
            fprintf(stderr, "host: %s: %s\n", #call, sfp_last_error_message());                    \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

/* To show a frame is your part. Here it is to look at the number that the child drew, and to keep a picture. */
static uint32_t show(sfp_surface *surface, const char *picture)
{
    sfp_pixels pixels;
    if (sfp_surface_lock(surface, SFP_LOCK_READ, &pixels) != SFP_STATUS_OK)
        return 0;
    uint32_t number = *(const uint32_t *)pixels.base;
    FILE *file = picture ? fopen(picture, "wb") : NULL;
    if (file) {
        fprintf(file, "P6 %u %u 255\n", (unsigned)pixels.width, (unsigned)pixels.height);
        for (uint32_t y = 0; y < pixels.height; y++) {
            const unsigned char *bgra = (const unsigned char *)pixels.base + y * pixels.bytes_per_row;
            for (uint32_t x = 0; x < pixels.width; x++, bgra += 4)
                fwrite((unsigned char[]){ bgra[2], bgra[1], bgra[0] }, 1, 3, file);
        }
        fclose(file);
    }
    sfp_surface_unlock(surface, SFP_LOCK_READ);
    return number;
}

int main(int argc, char **argv)
{
    sfp_host *host = NULL;
    sfp_consumer *frames = NULL;
    const char *child[] = { argc > 1 ? argv[1] : "./child", NULL };
    const char *picture = argc > 2 ? argv[2] : NULL;

    sfp_spawn_options options = SFP_SPAWN_OPTIONS_INIT;
    options.argv = child;
    CHECK(sfp_host_spawn(&options, &host));
    CHECK(sfp_host_accept_consumer(host, SFP_SECONDS(5), &frames));

    sfp_frame *frame = NULL, *last = NULL;
    uint64_t shown = 0, wrong = 0;
    while (sfp_consumer_acquire(frames, SFP_FOREVER, &frame) == SFP_STATUS_OK) {
        uint32_t number = show(sfp_frame_surface(frame), NULL); /* IOSurfaceRef, pixels, fd: as you like */
        wrong += number != sfp_frame_number(frame);
        shown++;
        sfp_frame_release(last); /* a frame is valid until here, whatever the child does */
        last = frame;
    }
    bool in_order = sfp_last_error_status() == SFP_STATUS_CLOSED; /* a crash is SFP_STATUS_PEER_DEAD */
    printf("%s\n", sfp_last_error_message());

    if (last && picture)
        show(sfp_frame_surface(last), picture);
    sfp_frame_release(last);
    sfp_consumer_release(frames);

    sfp_exit end;
    CHECK(sfp_host_wait_exit(host, SFP_SECONDS(5), &end));
    sfp_host_release(host); /* reaps the child; nothing is left */
    printf("%llu frames, %llu of them wrong\n", (unsigned long long)shown, (unsigned long long)wrong);
    printf("the child ended by %s %d\n", end.kind == SFP_EXIT_KIND_SIGNALLED ? "signal" : "exit status",
           (int)end.code);
    return in_order && shown > 0 && wrong == 0 && end.code == 0 ? 0 : 1;
}
