#!/usr/bin/env bash
# licences.sh linux|windows: prints the licences of all that is linked into the program of `./dev build` or `./dev windows`, as
# Debian's packages state them, and behind them the common licences that these refer to.
set -euo pipefail
cd "$(dirname "$0")/.."
system=${1:?linux or windows}

fail() { echo "licences: $*" >&2; exit 1; }
depends_of() { dpkg-query -W -f '${Depends}' "$1" | grep -oE "$2" | head -n 1; }

boost=$(depends_of libboost-filesystem-dev 'libboost-filesystem[0-9.]+-dev')
packages=(libarchive-dev libpugixml-dev libre2-dev libspdlog-dev libfmt-dev libcli11-dev nlohmann-json3-dev libbz2-dev liblzma-dev
  libzstd-dev liblz4-dev)
case $system in
  linux) packages+=(zlib1g-dev nettle-dev libacl1-dev libattr1-dev libc6-dev "$(depends_of g++ 'g\+\+-[0-9]+')") ;;
  windows) packages+=(libz-mingw-w64-dev mingw-w64-x86-64-dev g++-mingw-w64-x86-64-posix) ;;
  *) fail "'$system' is neither linux nor windows" ;;
esac

# Debian's file names the author of each file of all Boost libraries, on 47,000 lines. Here: those of what Boost.Filesystem consists
# of and includes, all under one licence.
boost_copyright() {
  local used='libs/(filesystem|system|config|core|smart_ptr|iterator|type_traits|assert|io|container_hash|throw_exception|utility|mpl|detail|move|predef|preprocessor|static_assert|align|atomic|winapi)/'
  echo "Boost.Filesystem and the Boost libraries that it includes"
  echo "Copyright:"
  awk -v RS= -v used="$used" '$0 ~ used && /\nLicense: BSL-1.0/' ORS='\n\n' "$1" |
    awk '/^Copyright:/ {inside = 1; next} /^[^ ]/ {inside = 0} inside' | sort -u
  echo
  awk -v RS= '/^License: BSL-1.0\n /' "$1"
}

# Its licence was laid beside the library when that was built: the package is not installed.
isal_copyright() { cat "build/isal-$system/copyright"; }

section() { printf '\n%s\n%s\n%s\n\n' "$(printf '=%.0s' {1..100})" "$1" "$(printf '=%.0s' {1..100})"; }

libraries() {
  local package file
  for package in "${packages[@]}"; do
    file=/usr/share/doc/$package/copyright
    [ -s "$file" ] || fail "$file: is missing"
    section "Debian package $package $(dpkg-query -W -f '${Version}' "$package")"
    cat "$file"
  done
  section "Debian package $boost $(dpkg-query -W -f '${Version}' "$boost")"
  boost_copyright "/usr/share/doc/$boost/copyright"
  section "Debian source package libisal"
  isal_copyright
}

text=$(libraries)
echo "vmtriage is linked with the libraries below. Of each this is what its Debian package says about its authors and its licence;"
echo "tools and tests of their projects that are named there are not in vmtriage. The common licences stand at the end."
echo "$text"
for licence in $(grep -oE '/usr/share/common-licenses/[A-Za-z0-9-]+(\.[0-9]+)?' <<<"$text" | xargs -n 1 readlink -f | sort -u); do
  section "$(basename "$licence")"
  cat "$licence"
done
