/* The host of the interoperation tests, in C: host CHILD [ARGS...] */
#include "interop.h"

static void send_hello(sfp_channel *channel)
{
    sfp_surface_descriptor descriptor = SFP_SURFACE_DESCRIPTOR_INIT;
    descriptor.width = SIDE;
    descriptor.height = SIDE;
    sfp_surface *surface = NULL;
    sfp_pixels pixels;
    OK(sfp_surface_create(&descriptor, &surface));
    OK(sfp_surface_lock(surface, SFP_LOCK_WRITE, &pixels));
    for (uint32_t y = 0; y < SIDE; y++)
        memset(row_of(&pixels, y), 0x11, SIDE * 4);
#ifdef ONE_PIXEL_WRONG /* to see that each child notices it */
    row_of(&pixels, SIDE - 1)[SIDE - 1] ^= 1;
#endif
    OK(sfp_surface_unlock(surface, SFP_LOCK_WRITE));
    sfp_message *message = text_message(1, "hello from the host");
    OK(sfp_message_attach_surface(message, surface));
    OK(sfp_channel_send(channel, message, SOON));
    sfp_surface_release(surface);
}

static void check_frame(sfp_frame *frame, uint32_t n)
{
    sfp_frame_info info;
    OK(sfp_frame_get_info(frame, &info));
    CHECK(info.number == n + 1);
    CHECK(info.user[0] == n && info.user[1] == 0 && info.user[7] == 0);
    sfp_surface *surface = sfp_frame_surface(frame);
    sfp_pixels pixels;
    OK(sfp_surface_lock(surface, SFP_LOCK_READ, &pixels));
    CHECK(pixels.width == WIDTH && pixels.height == HEIGHT && pixels.format == SFP_PIXEL_FORMAT_BGRA8);
    for (uint32_t y = 0; y < HEIGHT; y++)
        for (uint32_t x = 0; x < WIDTH; x++)
            CHECK(row_of(&pixels, y)[x] == pixel(n, x, y));
    OK(sfp_surface_unlock(surface, SFP_LOCK_READ));
}

int main(int argc, char **argv)
{
    CHECK(argc > 1);
    sfp_spawn_options options = SFP_SPAWN_OPTIONS_INIT;
    options.argv = (const char *const *)(argv + 1);
    options.hello_timeout_ns = SOON;
    sfp_host *host = NULL;
    sfp_consumer *frames = NULL;
    sfp_channel *channel = NULL;
    OK(sfp_host_spawn(&options, &host));
    OK(sfp_host_accept_consumer(host, SOON, &frames));
    OK(sfp_host_channel(host, SOON, &channel));
    send_hello(channel);

    for (uint32_t n = 0; n < FRAMES; n++) {
        sfp_frame *frame = NULL;
        OK(sfp_consumer_acquire(frames, SOON, &frame));
        check_frame(frame, n);
        sfp_frame_release(frame);
    }

    sfp_message *message = receive(channel, 2, "hello from the child");
    sfp_memory *memory = NULL;
    OK(sfp_message_take_memory(message, 0, &memory));
    CHECK(sfp_memory_size(memory) == MEMORY_SIZE);
    CHECK(memcmp(sfp_memory_base(memory), "from the child", strlen("from the child")) == 0);
    sfp_memory_release(memory);
    sfp_message_release(message);
    OK(sfp_channel_send(channel, text_message(3, "bye"), SOON));

    sfp_frame *none = NULL;
    CHECK(sfp_consumer_acquire(frames, SOON, &none) == SFP_STATUS_CLOSED);
    sfp_exit end;
    OK(sfp_host_wait_exit(host, SOON, &end));
    CHECK(end.kind == SFP_EXIT_KIND_EXITED && end.code == 0);
    sfp_channel_release(channel);
    sfp_consumer_release(frames);
    sfp_host_release(host);
    puts("ok");
    return 0;
}
