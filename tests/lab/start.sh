#!/bin/sh
# The first program in the guest: start.sh [TAG=DIRECTORY | open=DIRECTORY]... -- PROGRAM [ARGUMENT]...
#
# Each DIRECTORY is mounted again with a cache, from the 9p export TAG: the root that virtme gives has none, and Python
# starts three times slower from it. `open` lets ordinary users pass through a directory (of the guest: the host's own
# stays as it is). Then it becomes PROGRAM.
set -eu
while [ "$1" != -- ]; do
    name=${1%%=*} directory=${1#*=}
    if [ "$name" = open ]; then
        chmod o+x "$directory"
    else
        mount -t 9p -o ro,cache=loose,version=9p2000.L,trans=virtio,access=any,msize=512000 "$name" "$directory"
    fi
    shift
done
shift
export LANG=C.UTF-8
echo "lab: starting $1" >&2
exec "$@"
