/*
 * What the two programs of an example say to each other, by messages on the session's channel.
 */
#pragma once

#include <surfaceport.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    MESSAGE_SIZE = 1,         /* host to child: struct size */
    MESSAGE_LAYER_SERVER = 2, /* host to child: a send right to the server of remote layers */
    MESSAGE_LAYER_CLIENT = 3, /* child to host: the client's id, a uint32_t */
};

/* In pixels, not points. */
struct size {
    uint32_t width, height;
};

/* Says why a call failed, and goes on: what cannot go on returns. */
static inline bool succeeded(sfp_status status, const char *what)
{
    if (status != SFP_STATUS_OK)
        fprintf(stderr, "%s: %s\n", what, sfp_last_error_message());
    return status == SFP_STATUS_OK;
}

#define OK(call) succeeded((call), #call)

/* Sends a few bytes. Nobody waits for a queue that is full: a later message says what is then so. */
static inline void send_bytes(sfp_channel *channel, uint32_t id, const void *bytes, size_t length)
{
    sfp_message *message = sfp_message_create(id);
    if (!OK(sfp_message_append(message, bytes, length)) || !OK(sfp_channel_send(channel, message, 0)))
        sfp_message_release(message); /* what is sent is not ours any more */
}
