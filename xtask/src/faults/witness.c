/*
 * Sees each call of a program to the library, and what it returned, and writes it where the process that watches the
 * program can read it: a file for each process, which the folder SURFACEPORT_WITNESS gets, in shared memory, so that
 * nothing here makes a system call while one of the library's is under way. It is loaded before the library
 * (LD_PRELOAD); wrappers.h, made from the header, has a function for each of the library's.
 */
#define _GNU_SOURCE
#include <surfaceport.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENTRIES = 65536 };

/* As witness.rs reads them. */
struct entry {
    uint32_t function;
    int32_t status;
    uint64_t value;
};

struct record {
    uint32_t current; /* the call of the library that this process is in; 0 is none */
    uint32_t count;
    int32_t ended;    /* 1, or the negative number of a signal that ends by a core */
    int32_t children; /* whether there was a child when it ended */
    int32_t descriptors_before, descriptors, mappings;
    uint32_t surfaces;
    char role[96];
    struct entry entries[ENTRIES];
};

static struct record *record;

static int descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    while (folder != NULL && readdir(folder) != NULL)
        count++;
    if (folder != NULL)
        closedir(folder);
    return count;
}

static int mappings(void)
{
    char line[512];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
        count += strstr(line, "memfd:") != NULL;
    if (maps != NULL)
        fclose(maps);
    return count;
}

static void note_signal(int number)
{
    if (record != NULL)
        record->ended = -number;
    signal(number, SIG_DFL);
    raise(number);
}

static void forget(void) { record = NULL; }

/* The end of the program's name, and its first argument, if it says in which role it runs. */
static void name_role(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    int length = snprintf(record->role, sizeof record->role, "%s", slash ? slash + 1 : argv[0]);
    if (argc > 1 && strchr(argv[1], '/') == NULL && strchr(argv[1], '.') == NULL)
        snprintf(record->role + length, sizeof record->role - (size_t)length, " %s", argv[1]);
    else if (argc > 1 && strchr(argv[1], '/') == NULL)
        snprintf(record->role + length, sizeof record->role - (size_t)length, " started");
}

__attribute__((constructor)) static void begin(int argc, char **argv)
{
    const char *folder = getenv("SURFACEPORT_WITNESS");
    char path[512];
    if (folder == NULL)
        return;
    snprintf(path, sizeof path, "%s/%ld.new", folder, (long)getpid());
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof *record) != 0)
        return;
    record = mmap(NULL, sizeof *record, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (record == MAP_FAILED) {
        record = NULL;
        return;
    }
    name_role(argc, argv);
    const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP, SIGPIPE, SIGXFSZ };
    for (size_t n = 0; n < sizeof fatal / sizeof *fatal; n++)
        signal(fatal[n], note_signal);
    pthread_atfork(NULL, NULL, forget);
    record->descriptors_before = descriptors();
    char *end = strrchr(path, '.');
    char final[512];
    snprintf(final, sizeof final, "%.*s", (int)(end - path), path);
    rename(path, final);
}

__attribute__((destructor)) static void end(void)
{
    if (record == NULL)
        return;
    record->descriptors = descriptors();
    record->mappings = mappings();
    record->children = waitpid(-1, NULL, WNOHANG) >= 0;
    sfp_surface_totals totals = { 0 };
    sfp_status (*live)(uint32_t *, size_t, sfp_surface_totals *) = dlsym(RTLD_NEXT, "sfp_live_surfaces");
    if (live != NULL && live(NULL, 0, &totals) == SFP_STATUS_OK)
        record->surfaces = (uint32_t)totals.count;
    record->ended = 1;
}

static void *next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (function == NULL)
        abort();
    return function;
}

static uint32_t enter(uint32_t function)
{
    if (record == NULL)
        return 0;
    uint32_t before = record->current;
    __atomic_store_n(&record->current, function, __ATOMIC_RELEASE);
    return before;
}

static void leave(uint32_t function, uint32_t before, int32_t status, uint64_t value)
{
    if (record == NULL)
        return;
    uint32_t n = __atomic_fetch_add(&record->count, 1, __ATOMIC_RELAXED);
    if (n < ENTRIES)
        record->entries[n] = (struct entry){ function, status, value };
    __atomic_store_n(&record->current, before, __ATOMIC_RELEASE);
}

static uint64_t number_of(struct sfp_frame *frame)
{
    static uint64_t (*number)(const struct sfp_frame *);
    if (number == NULL)
        *(void **)&number = next("sfp_frame_number");
    return number(frame);
}

#include "wrappers.h"
