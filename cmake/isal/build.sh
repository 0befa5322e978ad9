#!/usr/bin/env bash
# build.sh linux|windows: builds ISA-L (CRC-32 and deflate, by far the fastest there are) as an archive, from the source package of
# this very Debian or Ubuntu release, whose own package has the shared library only. Prints the folder it is in; does nothing when
# that is there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
system=${1:?linux or windows}
recipe=$(cat "$here/build.sh" "$here/../source_packages.sh" | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/vmtriage
prefix=$cache/isal-$system-$recipe
[ -e "$prefix" ] && { echo "$prefix"; exit; }
. "$here/../source_packages.sh"

# A folder of its own for each run, which gets its name when it is whole: two runs at once do not meet.
mkdir -p "$cache"
work=$(mktemp -d "$cache/isal-$system-$recipe.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "ISA-L for $system: fetching the source package" >&2
fetch_source_packages "$work" libisal
cd "$work"
dpkg-source --no-check -x libisal_*.dsc source >/dev/null 2>&1
tools=(AS=nasm)
[ "$system" = windows ] && tools+=(host_cpu=x86_64 arch=mingw CC=x86_64-w64-mingw32-gcc-posix AR=x86_64-w64-mingw32-ar)
if ! make -C source -s -f Makefile.unx lib units="igzip crc mem" "${tools[@]}" -j "${VMTRIAGE_JOBS:-$(nproc)}" >build.log 2>&1; then
  tail -n 40 build.log >&2
  exit 1
fi
mkdir -p made/lib made/include/isa-l
cp source/bin/isa-l.a made/lib/libisal.a
cp source/include/{crc,igzip_lib,types}.h made/include/isa-l/
cp source/debian/copyright made/copyright
# Refused where another run was faster: its folder holds the same.
mv -T made "$prefix" 2>/dev/null || [ -e "$prefix" ]
echo "$prefix"
