/*
 * A small test runner: each test is a function, CHECK() says what must be true in it, and the program's
 * last line says how many tests passed.
 */
#ifndef CHECK_H
#define CHECK_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <surfaceport.h>

static int passed, failed;
static bool this_failed;

/* What must be true. The test goes on if it is not. */
#define CHECK(condition) check((condition), #condition, __FILE__, __LINE__)

/* What must succeed. The program cannot go on if it does not. */
#define OK(call) must((call), #call, __FILE__, __LINE__)

/* What must fail in this way. */
#define FAILS(expected, call) CHECK((call) == (expected))

static inline void check(bool holds, const char *text, const char *file, int line)
{
    if (!holds) {
        this_failed = true;
        printf("%s:%d: not true: %s (last error: %s)\n", file, line, text, sfp_last_error_message());
    }
}

static inline void must(sfp_status status, const char *text, const char *file, int line)
{
    if (status != SFP_STATUS_OK) {
        printf("%s:%d: %s: %s: %s\n", file, line, text, sfp_status_name(status), sfp_last_error_message());
        exit(1);
    }
}

#define RUN(test) run(test, #test)

static inline void run(void (*test)(void), const char *name)
{
    this_failed = false;
    test();
    printf("%s: %s\n", name, this_failed ? "FAILED" : "passed");
    if (this_failed)
        failed++;
    else
        passed++;
}

static inline int finish(void)
{
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}

/*
 * Runs a function in another process, which ends with 0 if all that it checked was true. With what this process holds, the
 * other one can do nothing but release it.
 */
static inline pid_t in_child(void (*body)(void *), void *argument)
{
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        exit(1);
    }
    if (child == 0) {
        this_failed = false;
        body(argument);
        fflush(stdout);
        _exit(this_failed ? 1 : 0);
    }
    return child;
}

/*
 * Whether files can travel in messages. Where macOS's programs run on another system there may be no fileports, and
 * who asks for one is ended: a process that does nothing else asks.
 */
static inline bool files_can_travel(void)
{
#ifdef __APPLE__
    extern int fileport_makeport(int fd, unsigned int *port); /* sys/fileport.h */
    unsigned int port;
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(fileport_makeport(STDERR_FILENO, &port));
    if (child < 0 || waitpid(child, &status, 0) != child)
        return false;
    if (!WIFEXITED(status))
        printf("left out: files in messages, for which this system has no fileports\n");
    return WIFEXITED(status);
#else
    return true;
#endif
}

static inline void check_child(pid_t child)
{
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#endif
