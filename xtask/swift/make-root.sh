#!/bin/sh
# Makes a folder with Debian 13 and its Swift compiler, about 3 GiB, if it is not there yet. As root:
#
#     make-root.sh ROOT
set -eu
root=$1
here=$(dirname "$0")
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

if [ -e "$root/.complete" ]; then
    exit 0
fi
# Half a root is of no use. Nothing is mounted in it: see in-root.sh.
rm -rf --one-file-system "$root"
mkdir -p "$root"
debootstrap --variant=minbase trixie "$root"
"$here/in-root.sh" 0:0 "$root" -- apt-get -o Acquire::Retries=3 install --yes --no-install-recommends \
    swiftlang libc6-dev libstdc++-14-dev pkgconf
rm -f "$root"/var/cache/apt/archives/*.deb
touch "$root/.complete"
