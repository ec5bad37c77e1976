#!/bin/sh
# Runs a command in a folder that has a system of its own, as this user. The named folders are there under the same
# paths; the first one is the working folder. What is mounted for it is gone with it. As root:
#
#     in-root.sh UID:GID ROOT [FOLDER...] -- COMMAND [ARGUMENT...]
set -eu
if [ "${SURFACEPORT_MOUNTS:-}" != private ]; then
    SURFACEPORT_MOUNTS=private exec unshare --mount --propagation private "$0" "$@"
fi
user=$1
root=$2
shift 2
mount --rbind /dev "$root/dev"
# Without it Swift's tools do not find their libraries.
mount --rbind /proc "$root/proc"
folder=/
while [ "$1" != -- ]; do
    [ "$folder" != / ] || folder=$1
    mkdir -p "$root$1"
    mount --bind "$1" "$root$1"
    shift
done
shift
unset SURFACEPORT_MOUNTS
# shellcheck disable=SC2016
exec chroot --userspec="$user" "$root" env HOME=/tmp PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LC_ALL=C.UTF-8 \
    sh -c 'cd "$0" && exec "$@"' "$folder" "$@"
