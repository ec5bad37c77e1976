/*
 * What the exercisers have in common. An exerciser starts itself in other roles. It makes a call again that failed for
 * a lack of something, gives back all that it has whatever happens, and tells on standard output what it sent and got,
 * for `cargo xtask faults` to compare: `sent STREAM N`, `failed STREAM N`, `got STREAM N`, `wrong STREAM N`, `gap
 * STREAM`, `expects STREAM`. `ready` says that all sides have met: from there on, no single fault may end anything.
 * `fatal WHAT` is why a process goes on no more.
 */
#ifndef EXERCISE_H
#define EXERCISE_H

#define _POSIX_C_SOURCE 200809L
#include <surfaceport.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Far beyond what anything here takes. */
#define SOON SFP_SECONDS(6)

/* Whether a call that failed like this can be made again; a single fault does not come a second time. */
static inline bool is_passing(sfp_status status)
{
    return status == SFP_STATUS_RESOURCE_EXHAUSTED || status == SFP_STATUS_SYSTEM ||
           status == SFP_STATUS_PERMISSION_DENIED || status == SFP_STATUS_UNSUPPORTED;
}

/* The status of the call, after at most three tries. */
#define TRY(status, call)                                                                          \
    do {                                                                                           \
        for (int tries_ = 0; tries_ < 3; tries_++)                                                 \
            if (status = (call), !is_passing(status))                                              \
                break;                                                                             \
    } while (0)

static inline bool good(sfp_status status, const char *what)
{
    if (status != SFP_STATUS_OK)
        printf("fatal %s: %s\n", what, sfp_last_error_message());
    return status == SFP_STATUS_OK;
}


/* Starts this program in a role. */
static inline sfp_host *start(const char *program, const char *role, const char *argument)
{
    const char *argv[] = { program, role, argument, NULL };
    sfp_spawn_options options = SFP_SPAWN_OPTIONS_INIT;
    options.argv = argv;
    options.grace_ns = SOON;
    sfp_host *host = NULL;
    sfp_status status;
    TRY(status, sfp_host_spawn(&options, &host));
    good(status, "spawn");
    return host;
}

static inline sfp_child *meet(void)
{
    sfp_child *child = NULL;
    sfp_status status;
    TRY(status, sfp_child_connect(SOON, &child));
    good(status, "connect");
    return child;
}

/* Waits for a good end of a child, and gives its host back; whether there was one. */
static inline bool end_well(sfp_host *host)
{
    sfp_exit end = { 0 };
    sfp_status status;
    if (host == NULL)
        return false;
    TRY(status, sfp_host_wait_exit(host, SOON, &end));
    bool well = good(status, "wait for the end") && end.kind == SFP_EXIT_KIND_EXITED && end.code == 0;
    if (status == SFP_STATUS_OK && !well)
        printf("fatal child: %s %d\n", end.kind == SFP_EXIT_KIND_EXITED ? "exit status" : "signal", (int)end.code);
    sfp_host_release(host);
    return well;
}

/* Messages with a number. They end with this one. */
enum { LAST = 1000000, READY };

static inline bool send_plain(sfp_channel *channel, uint32_t id)
{
    sfp_message *message = sfp_message_create(id);
    sfp_status status;
    TRY(status, sfp_channel_send(channel, message, SOON));
    if (status != SFP_STATUS_OK)
        sfp_message_release(message);
    return good(status, "send");
}

static inline bool wait_for(sfp_channel *channel, uint32_t id)
{
    sfp_message *message = NULL;
    sfp_status status;
    TRY(status, sfp_channel_receive(channel, SOON, &message));
    bool is_it = good(status, "receive") && sfp_message_id(message) == id;
    if (status == SFP_STATUS_OK && !is_it)
        printf("violation: message %u in the place of %u\n", (unsigned)sfp_message_id(message), (unsigned)id);
    sfp_message_release(message);
    return is_it;
}

#endif
