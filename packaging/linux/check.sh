#!/usr/bin/env bash
# Checks the packages in build/packages: against the rules of their distributions, and that each can be installed on a system with
# nothing on it, runs there, and leaves nothing behind. Run by `./dev packages`.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' build/release/CMakeCache.txt)
documents=build/release/packaging/linux
deb=build/packages/vmtriage_${version}_$(dpkg --print-architecture).deb
rpm=build/packages/vmtriage-$version-1.$(uname -m).rpm

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
fail() { echo "packages: $*" >&2; exit 1; }

# quietly COMMAND...: what it prints is a fault, for tools that warn and say that all is well.
quietly() {
  local said
  said=$("$@" 2>&1) || fail "$*: $said"
  [ -z "$said" ] || fail "$*: $said"
}

# offers SHELL-FUNCTION EXPECTED WORD...: what is offered for the last word of a command line.
offers() {
  local shell=$1 expected=$2 got
  shift 2
  got=$("$shell" "$@" | tr '\n' ' ')
  [ "${got% }" = "$expected" ] || fail "$shell, '$*': offers '$got', not '$expected'"
}
bash_offers() {
  bash -c 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _vmtriage; echo "${COMPREPLY[*]}"' \
    "$documents/vmtriage.bash" "$@"
}
fish_offers() { fish --no-config -c "source $documents/vmtriage.fish; complete -C '$*'" | cut -f 1; }

# names_licences ROOT: with the program came the licences of what is linked into it.
names_licences() {
  local text licence
  text=$(zcat "$1/usr/share/doc/vmtriage/libraries.txt.gz")
  for licence in libarchive-dev libpugixml-dev libre2-dev libspdlog-dev libfmt-dev libcli11-dev nlohmann-json3-dev nettle-dev libisal \
      "Boost Software License" "GCC RUNTIME LIBRARY EXCEPTION" "GNU LESSER GENERAL PUBLIC LICENSE"; do
    grep -qF "$licence" <<<"$text" || fail "$1: the licences of the libraries do not name '$licence'"
  done
}

warnings_of_man() { LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$1" 2>&1 >/dev/null; }

check_documents() {
  quietly bash -n "$documents/vmtriage.bash"
  quietly zsh -n "$documents/vmtriage.zsh"
  quietly fish --no-execute "$documents/vmtriage.fish"
  quietly warnings_of_man "$documents/vmtriage.1.gz"
  local shell
  for shell in bash_offers fish_offers; do
    offers $shell "collect" vmtriage colle
    offers $shell "json jsonl" vmtriage collect --format js
    offers $shell "sap-hana" vmtriage collect -q --profile sap
    offers $shell "--max-file-size" vmtriage collect --max-f
    offers $shell "profiles" vmtriage list prof
    offers $shell "ja" vmtriage explain --lang j
  done
  offers bash_offers "json jsonl" vmtriage collect --format = js
}

# What is mounted below goes with the command, however it ends: debootstrap leaves /proc mounted when it is killed. Where this is not
# allowed, neither are its mounts.
with_own_mounts() { if as_root unshare --mount true 2>/dev/null; then as_root unshare --mount "$@"; else as_root "$@"; fi; }

# A Debian or Ubuntu of this machine's release and from its mirror, with nothing on it; made once.
fresh_root() {
  local root=build/fresh-root release mirror
  [ -e $root.complete ] && return
  release=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v release="$release" '$2 == release && $3 == "main" {print $1; exit}')
  [ -n "$mirror" ] || fail "apt has no source of $release main on this machine"
  as_root rm -rf $root
  with_own_mounts timeout 400 debootstrap --variant=minbase "$release" $root "$mirror" >build/fresh-root.log 2>&1 ||
    fail "debootstrap $release $root: $(tail -n 3 build/fresh-root.log)"
  touch $root.complete
}

# runs_in ROOT: the program that was installed there does its work.
runs_in() {
  local root=$1 said
  names_licences "$root"
  said=$(as_root chroot "$root" /usr/bin/vmtriage --version)
  [ "$said" = "vmtriage $version" ] || fail "$root: --version says '$said'"
  said=$(as_root chroot "$root" /usr/bin/vmtriage explain --lang en UserErrorFsFreezeFailed)
  [[ $said == *"could not be frozen"* ]] || fail "$root: explain says '$said'"
  as_root mkdir -p "$root/tmp"
  as_root cp -r demo/vm "$root/tmp/vm"
  said=$(as_root chroot "$root" /usr/bin/vmtriage analyze /tmp/vm) && fail "$root: analyze finds nothing"
  [[ $said == *linux.freeze.fifreeze-failed* ]] || fail "$root: analyze says '$said'"
  as_root rm -r "$root/tmp/vm"
}

# What is on a system, apart from the package manager's own notes.
files_in() { as_root find "$1" -xdev -path "$1/var/lib/dpkg" -prune -o -path "$1/var/log" -prune -o -print | sort; }

check_deb() {
  local root=build/fresh-root before
  lintian --allow-root --fail-on error,warning "$deb"
  fresh_root
  as_root chroot $root dpkg --purge vmtriage >/dev/null 2>&1  # of a check that was ended in the middle
  before=$(files_in $root)
  as_root cp "$deb" $root/vmtriage.deb
  as_root chroot $root dpkg --install /vmtriage.deb >/dev/null
  as_root rm $root/vmtriage.deb
  [ -z "$(as_root chroot $root dpkg --verify vmtriage)" ] || fail "$deb: is not installed as it is packed"
  runs_in $root
  as_root chroot $root dpkg --purge vmtriage >/dev/null
  diff <(echo "$before") <(files_in $root) || fail "$deb: is removed, but not without a trace"
}

# Into a root without anything: no library, no shell.
check_rpm() {
  local root=$PWD/build/rpm-root
  as_root rm -rf "$root"
  mkdir -p "$root"
  as_root rpm --root "$root" --initdb
  as_root rpm --root "$root" --force-debian --install --nodeps "$rpm"
  as_root rpm --root "$root" --verify --nodeps vmtriage
  runs_in "$root"
  as_root rpm --root "$root" --force-debian --erase vmtriage
  [ -z "$(as_root find "$root" -name '*vmtriage*')" ] || fail "$rpm: is removed, but not without a trace"
  as_root rm -rf "$root"
}

check_documents
check_rpm
check_deb
echo "packages: $deb and $rpm install, run and go"
