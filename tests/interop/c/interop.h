/* What the host and the child of the interoperation tests agree on; see tests/interop/README.md. */
#ifndef INTEROP_H
#define INTEROP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <surfaceport.h>

enum { FRAMES = 100, WIDTH = 64, HEIGHT = 48, SIDE = 8, MEMORY_SIZE = 4096 };

#define SOON SFP_SECONDS(30)

/* What must succeed, and what must be true; else the program ends and says what was not. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        sfp_status status = (call);                                                                \
        if (status != SFP_STATUS_OK)                                                               \
            fail(#call, status);                                                                   \
    } while (0)
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);              \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static inline void fail(const char *call, sfp_status status)
{
    fprintf(stderr, "%s: %s: %s\n", call, sfp_status_name(status), sfp_last_error_message());
    exit(1);
}

static inline uint32_t pixel(uint32_t n, uint32_t x, uint32_t y)
{
    return n * 0x010203u + y * WIDTH + x;
}

static inline uint32_t *row_of(const sfp_pixels *pixels, uint32_t y)
{
    return (uint32_t *)(void *)((char *)pixels->base + pixels->bytes_per_row * y);
}

static inline sfp_message *text_message(uint32_t id, const char *text)
{
    sfp_message *message = sfp_message_create(id);
    OK(sfp_message_append(message, text, strlen(text)));
    return message;
}

static inline sfp_message *receive(sfp_channel *channel, uint32_t id, const char *text)
{
    sfp_message *message = NULL;
    OK(sfp_channel_receive(channel, SOON, &message));
    CHECK(sfp_message_id(message) == id);
    CHECK(sfp_message_payload_size(message) == strlen(text));
    CHECK(memcmp(sfp_message_payload(message), text, strlen(text)) == 0);
    return message;
}

#endif
