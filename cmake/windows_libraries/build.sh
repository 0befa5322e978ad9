#!/usr/bin/env bash
# Builds the libraries of the Windows program, as archives, from the source packages of this very Debian or Ubuntu release: with its
# security patches, checked against its signed index. Prints the folder they are in; does nothing when that is up to date.
#
# The packages it needs are those of `./dev windows`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../source_packages.sh"
boost=boost$(dpkg-query -W -f '${Depends}' libboost-filesystem-dev | grep -oE '[0-9]+\.[0-9]+' | head -n 1)
sources=(libarchive pugixml re2 "$boost" bzip2 xz-utils libzstd lz4)
recipe=$({ cat "$here"/* "$here"/../{mingw-w64-x86_64.cmake,source_packages.sh}; echo "$boost"; } | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/vmtriage
prefix=$cache/windows-$recipe
[ -e "$prefix" ] && { echo "$prefix"; exit; }

# A folder of its own for each run, which gets its name when it is whole: two runs at once do not meet.
mkdir -p "$cache"
work=$(mktemp -d "$cache/windows-$recipe.XXXXXX")
trap 'rm -rf "$work"' EXIT
made=$work/made
mkdir -p "$work/src" "$made/include" "$made/lib"
log() { echo "windows libraries: $*" >&2; }

log "fetching the source packages ${sources[*]}"
fetch_source_packages "$work/src" "${sources[@]}"

cd "$work/src"
for package in "${sources[@]}"; do
  if [ "$package" = "$boost" ]; then  # 60 MB, of which one library is needed
    mkdir boost
    tar -xf "$boost"_*.orig.tar.* -C boost --strip-components=1 --wildcards '*/libs/filesystem/src/*'
  else
    dpkg-source --no-check -x "$package"_*.dsc "$package" >/dev/null 2>&1
  fi
done
# Debian takes the generated Unicode tables out of RE2's sources; its own package makes them anew in the same way.
(cd re2/re2
  perl make_perl_groups.pl >perl_groups.cc
  /usr/bin/python3 make_unicode_groups.py >unicode_groups.cc
  /usr/bin/python3 make_unicode_casefold.py >unicode_casefold.cc)

# Libraries that are headers only. /usr/include as a whole would bring in the headers of this machine's C library.
for headers in boost spdlog fmt CLI nlohmann; do ln -sfn "/usr/include/$headers" "$made/include/$headers"; done

log "building"
export CCACHE_BASEDIR=$work CCACHE_NOHASHDIR=1
if ! { cmake -S "$here" -B "$work/build" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$here/../mingw-w64-x86_64.cmake" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_INSTALL_PREFIX="$made" -DSOURCES="$work/src" -DVMTRIAGE_WINDOWS_LIBRARIES="$made" &&
    cmake --build "$work/build" --target install -- -j "${VMTRIAGE_JOBS:-$(nproc)}"; } >"$work/build.log" 2>&1; then
  tail -n 40 "$work/build.log" >&2
  exit 1
fi
# Refused where another run was faster: its folder holds the same.
mv -T "$made" "$prefix" 2>/dev/null || [ -e "$prefix" ]
log "$prefix, $(du -sm "$prefix" | cut -f 1) MB, $SECONDS s"
echo "$prefix"
