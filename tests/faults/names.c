/* A name: checked in, found by another process, which sends to it, free again, and checked in once more. */
#include "exercise.h"

enum { COUNT = 10 };

static bool send_number(sfp_send_right *to, uint32_t n)
{
    sfp_message *message = sfp_message_create(n);
    sfp_status status;
    TRY(status, sfp_send(to, message, SOON));
    if (status != SFP_STATUS_OK)
        sfp_message_release(message);
    else if (n != LAST)
        printf("sent name %u\n", (unsigned)n);
    return good(status, "send");
}

static bool be_client(const char *name)
{
    sfp_send_right *to = NULL;
    sfp_status status;
    TRY(status, sfp_bootstrap_look_up(name, SOON, &to));
    bool well = good(status, "look up");
    for (uint32_t n = 1; n <= COUNT && well; n++)
        well = send_number(to, n);
    well = well && send_number(to, LAST);
    sfp_send_right_release(to);
    return well;
}

static bool receive_numbers(sfp_receive_right *right)
{
    for (uint32_t n = 0; n != LAST;) {
        sfp_message *message = NULL;
        sfp_status status;
        TRY(status, sfp_receive(right, SOON, &message));
        if (!good(status, "receive"))
            return false;
        n = sfp_message_id(message);
        sfp_message_release(message);
        if (n != LAST)
            printf("got name %u\n", (unsigned)n);
    }
    return true;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    if (argc > 2)
        return be_client(argv[2]) ? 0 : 1;

    char name[64];
    snprintf(name, sizeof name, "org.surfaceport.faults.%ld", (long)getpid());
    sfp_receive_right *right = NULL;
    sfp_send_right *nobody = NULL;
    sfp_status status;
    bool well = true;
    for (int round = 0; round < 2 && well; round++) {
        TRY(status, sfp_bootstrap_check_in(name, &right));
        well = good(status, "check in");
        puts("ready");
        if (round == 0) {
            sfp_host *client = start(argv[0], "client", name);
            well = well && client != NULL && receive_numbers(right);
            if (well)
                well = end_well(client);
            else
                sfp_host_release(client);
        }
        sfp_receive_right_release(right);
        right = NULL;
        TRY(status, sfp_bootstrap_look_up(name, 0, &nobody));
        if (status != SFP_STATUS_NOT_FOUND)
            printf("violation: a name that nobody has: %s\n", sfp_last_error_message());
        sfp_send_right_release(nobody);
    }
    return well ? 0 : 1;
}
