#!/bin/sh
# Runs the tests in this folder and says what came of them.
#
#   ./run-tests.sh                   all groups
#   ./run-tests.sh ports sessions    these groups
#   ./run-tests.sh --list            the names of the groups
#
# Exit status: 0 if all is good, 1 if something failed, 2 if the arguments make no sense.
#
# Environment:
#   RUNNER    a program that runs Mach-O programs; "arch -x86_64" runs the Intel half on Apple silicon
#   LIMIT     the seconds that one test program may take (900)
#   RESULTS   the folder for the output of each program (results, in this folder)

set -u
here=$(cd "$(dirname "$0")" && pwd -P) || exit 2
runner=${RUNNER:-}
limit=${LIMIT:-900}
results=${RESULTS:-$here/results}
groups=$(cut -d ' ' -f 1 "$here/suite.txt" | uniq)

case ${1:-} in
--list)
    echo "$groups"
    exit 0
    ;;
-*)
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
for group in "$@"; do
    if ! echo "$groups" | grep -qx -e "$group"; then
        echo "there is no group $group; there are:" $groups >&2
        exit 2
    fi
done
[ $# -gt 0 ] || set -- $groups

mkdir -p "$results" || exit 2
results=$(cd "$results" && pwd -P) || exit 2
# What the tests ask for: where a test says that it cannot run here, and the program that those of the program start.
SURFACEPORT_SKIP_LOG=$results/skipped.txt
SURFACEPORT_TEST_PROGRAM=$here/bin/surfaceport
export SURFACEPORT_SKIP_LOG SURFACEPORT_TEST_PROGRAM
: > "$SURFACEPORT_SKIP_LOG"

program= watch=
# Nothing that was started stays.
trap 'kill -KILL $program $watch 2> /dev/null; exit 130' INT TERM HUP

good=0 bad=0 passed=0 failed=0 ignored=0
bad_names=

# Runs the program $1 in its own folder with a time limit; its output goes into the file $2.
run() {
    (
        cd "$(dirname "$1")" || exit 127
        # The runner may be several words.
        exec $runner "$1"
    ) < /dev/null > "$2" 2>&1 &
    program=$!
    (
        left=$limit
        while [ "$left" -gt 0 ]; do
            sleep 1
            left=$((left - 1))
        done
        echo "killed after $limit seconds" >> "$2"
        kill -KILL "$program"
    ) > /dev/null 2>&1 &
    watch=$!
    wait "$program" 2> /dev/null
    status=$?
    # A signal that can be caught could come before the new shell has its own ways with signals.
    kill -KILL "$watch" 2> /dev/null
    wait "$watch" 2> /dev/null
    return $status
}

# The number before the word $2 in the summary line $1.
number() {
    found=$(echo "$1" | sed -n "s/.* \([0-9][0-9]*\) $2.*/\1/p; s/^\([0-9][0-9]*\) $2.*/\1/p")
    echo "${found:-0}"
}

for group in "$@"; do
    echo "== $group"
    while read -r its_group kind path; do
        [ "$its_group" = "$group" ] || continue
        name=$(basename "$path")
        log=$results/$group-$kind-$name.txt
        run "$here/$path" "$log"
        status=$?
        # The program's own words about what it did.
        case $kind in
        rust) summary=$(grep '^test result: ' "$log" | tail -n 1) ;;
        c) summary=$(grep '^[0-9]* passed, [0-9]* failed' "$log" | tail -n 1) ;;
        *) summary="ended with $status" ;;
        esac
        passes=$(number "$summary" passed)
        fault=
        if [ $status -ne 0 ]; then
            fault="exit status $status"
        elif [ "$kind" != example ] && [ "$passes" -eq 0 ]; then
            fault="no test ran"
        fi
        passed=$((passed + passes))
        failed=$((failed + $(number "$summary" failed)))
        ignored=$((ignored + $(number "$summary" ignored)))
        echo "$group/$name: ${summary:-no summary}"
        if [ -z "$fault" ]; then
            good=$((good + 1))
        else
            bad=$((bad + 1))
            bad_names="$bad_names $group/$name"
            echo "FAILED: $group/$name ($fault); the end of $log:"
            tail -n 40 "$log" | sed 's/^/    /'
        fi
    done < "$here/suite.txt"
done

if [ -s "$SURFACEPORT_SKIP_LOG" ]; then
    echo
    echo "tests that could not run here:"
    sed 's/^/    /' "$SURFACEPORT_SKIP_LOG"
fi
echo
[ $bad -eq 0 ] || echo "failed:$bad_names"
echo "$good programs good, $bad failed; $passed tests passed, $failed failed, $ignored ignored"
[ $bad -eq 0 ]
