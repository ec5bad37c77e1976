/* Children: one that never says hello, one that is not there, one that ends when its host does, one that is killed. */
#include "exercise.h"

static bool ends(sfp_host *host, sfp_exit_kind kind, int code)
{
    sfp_exit end = { 0 };
    sfp_status status;
    TRY(status, sfp_host_wait_exit(host, SOON, &end));
    if (!good(status, "wait for the end"))
        return false;
    if (end.kind != kind || end.code != code)
        printf("violation: it ended by %d %d\n", (int)end.kind, (int)end.code);
    return true;
}

static bool runs_and_ends(const char *program)
{
    sfp_host *host = start(program, "ends", NULL);
    bool well = host != NULL && ends(host, SFP_EXIT_KIND_EXITED, 3);
    sfp_host_release(host);
    return well;
}

static bool is_not_there(void)
{
    const char *argv[] = { "/there/is/no/such/program", NULL };
    sfp_spawn_options options = SFP_SPAWN_OPTIONS_INIT;
    options.argv = argv;
    sfp_host *host = NULL;
    sfp_status status;
    TRY(status, sfp_host_spawn(&options, &host));
    if (status != SFP_STATUS_NOT_FOUND)
        printf("violation: a program that is not there: %d\n", (int)status);
    sfp_host_release(host);
    return true;
}

static bool connects(const char *program, bool is_killed)
{
    sfp_host *host = start(program, "waits", NULL);
    sfp_status status;
    if (host == NULL)
        return false;
    TRY(status, sfp_host_wait_connected(host, SOON));
    bool well = good(status, "wait for the hello");
    if (well && is_killed) {
        TRY(status, sfp_host_kill(host));
        well = good(status, "kill") && ends(host, SFP_EXIT_KIND_SIGNALLED, 9);
    }
    sfp_host_release(host);
    return well;
}

/* In the role of a child: stays until its host is gone. */
static int stay(void)
{
    sfp_child *host = meet();
    sfp_status status = SFP_STATUS_INTERNAL;
    if (host != NULL)
        TRY(status, sfp_child_wait_closed(host, SFP_FOREVER));
    sfp_child_release(host);
    return status == SFP_STATUS_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    if (argc > 1)
        return strcmp(argv[1], "ends") == 0 ? 3 : stay();
    bool well = runs_and_ends(argv[0]);
    well = is_not_there() && well;
    well = connects(argv[0], false) && well;
    well = connects(argv[0], true) && well;
    return well ? 0 : 1;
}
