#!/usr/bin/env bash
# check.sh WINE: unpacks the zip, and installs, upgrades and removes the MSI under Wine. Run by `./dev packages-windows`.
set -euo pipefail
cd "$(dirname "$0")/../.."
wine=$1
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' build/windows-release/CMakeCache.txt)
zip=build/packages/vmtriage-$version-windows-x64.zip
msi=build/packages/vmtriage-$version-x64.msi
older=build/packages/windows/older.msi
programs="$WINEPREFIX/drive_c/Program Files"
products='HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall'
environment='HKLM\System\CurrentControlSet\Control\Session Manager\Environment'

fail() { echo "packages: $*" >&2; exit 1; }
quietly() { "$wine" msiexec "$@" /qn </dev/null >/dev/null 2>&1; }
versions_of_vmtriage() {
  "$wine" reg query "$products" /s </dev/null | tr -d '\r' |
    awk '/^HKEY/ {version = ""} $1 == "DisplayVersion" {version = $3} $1 == "DisplayName" {name = $3} name == "vmtriage" && version {print version; name = version = ""}'
}
path_of_system() { "$wine" reg query "$environment" /v PATH </dev/null | tr -d '\r' | sed -n 's/.*REG_[A-Z_]* *//p'; }
times_in_path() { path_of_system | tr ';' '\n' | grep -ciF 'C:\Program Files\vmtriage' || true; }

# is_installed VERSION: once, in the search path of the system, and it runs from there.
is_installed() {
  [ "$(versions_of_vmtriage)" = "$1" ] || fail "installed are '$(versions_of_vmtriage)', not $1"
  [ "$(times_in_path)" = 1 ] || fail "the system's PATH is '$(path_of_system)'"
  [ "$("$wine" cmd /c vmtriage --version </dev/null)" = "vmtriage $version" ] || fail "vmtriage does not run from the search path"
}

is_gone() {
  [ -z "$(versions_of_vmtriage)" ] || fail "still installed: $(versions_of_vmtriage)"
  [ ! -e "$programs/vmtriage" ] || fail "left behind: $(ls "$programs/vmtriage")"
  [ "$(path_of_system)" = "$path_before" ] || fail "the system's PATH was '$path_before' and is '$(path_of_system)'"
}

unpacked=build/packages/windows/unpacked
unzip -q "$zip" -d "$unpacked"
"$wine" "$unpacked"/*/vmtriage.exe analyze demo/vm </dev/null | grep -q linux.freeze.fifreeze-failed || fail "$zip: analyze does not work"
[ "$(ls "$unpacked"/*)" = "$(printf '%s\n' LICENSE.txt README.txt vmtriage.exe vmtriage.ps1)" ] || fail "$zip holds $(ls "$unpacked"/*)"

quietly /x "$older" || quietly /x "$msi" || true  # of a check that was ended in the middle
path_before=$(path_of_system)
quietly /i "$older" || fail "$older: is not installed: $?"
is_installed 0.0.1
quietly /i "$msi" || fail "$msi: is not installed over an older version: $?"
is_installed "$version"
cmp "$unpacked"/*/README.txt "$programs/vmtriage/README.txt" || fail "$msi: an upgrade leaves old files"
quietly /i "$older" && fail "$older: is installed over a newer version"
is_installed "$version"
quietly /x "$msi" || fail "$msi: is not removed: $?"
is_gone
echo "packages: $zip and $msi install, upgrade, run and go"
