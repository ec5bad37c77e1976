/* Prints the version three times: the header's text, the header's numbers, the library's own. */
#include <stdio.h>
#include <surfaceport.h>

int main(void)
{
    printf("%s\n", SFP_VERSION);
    printf("%d.%d.%d\n", SFP_VERSION_MAJOR, SFP_VERSION_MINOR, SFP_VERSION_PATCH);
    printf("%s\n", sfp_version_string());
    return 0;
}
