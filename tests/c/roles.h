/*
 * Tests with other processes: the program starts itself once more in a role, a function that it runs instead of the
 * tests.
 */
#ifndef ROLES_H
#define ROLES_H

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "check.h"

/* Far beyond what anything here takes; it only keeps a failing test from hanging. */
#define SOON SFP_SECONDS(60)

struct role {
    const char *name;
    void (*body)(sfp_child *host);
};

static const char *program;

/* Runs the role that the arguments name, if they do; a role ends with 0 if all that it checked was true. */
static inline void run_role(int argc, char **argv, const struct role *roles, size_t count)
{
    program = argv[0];
    for (size_t n = 0; argc > 1 && n < count; n++) {
        if (strcmp(argv[1], roles[n].name) != 0)
            continue;
        sfp_child *host = NULL;
        OK(sfp_child_connect(SOON, &host));
        roles[n].body(host);
        sfp_child_release(host);
        exit(this_failed ? 1 : 0);
    }
}

/*
 * The valgrind of Debian 12 knows no pidfd_open(), which sessions need, so that it can see the other tests only. The
 * sanitizers see all of them.
 */
static inline bool children_are_possible(void)
{
#ifdef __linux__
    static int possible = -1;
    if (possible < 0) {
        long fd = syscall(SYS_pidfd_open, getpid(), 0);
        possible = fd >= 0 || errno != ENOSYS;
        if (fd >= 0)
            close((int)fd);
    }
    return possible;
#else
    return true;
#endif
}

#define RUN_WITH_CHILDREN(test)                                                                    \
    do {                                                                                           \
        if (children_are_possible())                                                               \
            run(test, #test);                                                                      \
        else                                                                                       \
            printf("%s: left out, there is no pidfd_open() here\n", #test);                        \
    } while (0)

static inline sfp_host *start(const char *role)
{
    const char *argv[] = { program, role, NULL };
    sfp_spawn_options options = SFP_SPAWN_OPTIONS_INIT;
    options.argv = argv;
    options.grace_ns = SOON;
    options.hello_timeout_ns = SOON;
    sfp_host *host = NULL;
    fflush(stdout);
    OK(sfp_host_spawn(&options, &host));
    return host;
}

/* Waits for a good end. */
static inline void end_well(sfp_host *host)
{
    sfp_exit end;
    OK(sfp_host_wait_exit(host, SOON, &end));
    CHECK(end.kind == SFP_EXIT_KIND_EXITED && end.code == 0);
    sfp_host_release(host);
}

static inline bool is_readable(int fd, int milliseconds)
{
    struct pollfd waiting = { .fd = fd, .events = POLLIN, .revents = 0 };
    return poll(&waiting, 1, milliseconds) == 1;
}

static inline int open_descriptors(void)
{
    DIR *folder = opendir("/dev/fd");
    int count = 0;
    while (folder != NULL && readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* The last test of all. */
static int descriptors_before;

static inline void nothing_is_left(void)
{
    sfp_surface_totals totals;
    OK(sfp_live_surfaces(NULL, 0, &totals));
    CHECK(totals.count == 0);
    CHECK(open_descriptors() == descriptors_before);
}

#endif
