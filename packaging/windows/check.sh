#!/usr/bin/env bash
# Unpacks the zip, and installs, upgrades and removes the MSI under Wine. Run by `./dev packages-windows`.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' build/windows-release/CMakeCache.txt)
zip=build/packages/vmtriage-$version-windows-x64.zip
msi=build/packages/vmtriage-$version-x64.msi
older=build/packages/windows/older.msi
programs="$WINEPREFIX/drive_c/Program Files"
products='HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall'
environment='HKLM\System\CurrentControlSet\Control\Session Manager\Environment'

fail() { echo "packages: $*" >&2; exit 1; }
run_msiexec() { wine msiexec "$@" /qn </dev/null >/dev/null 2>&1; }

# What Windows has noted as installed, one a line: `{PRODUCT-CODE} VERSION`.
installed() {
  wine reg query "$products" /s </dev/null | tr -d '\r' | awk -F '\\' '/^HKEY/ {code = $NF} {split($0, word, " ")}
    word[1] == "DisplayName" && word[3] == "vmtriage" {is_ours[code] = 1}
    word[1] == "DisplayVersion" {version[code] = word[3]}
    END {for (code in is_ours) print code, version[code]}'
}

# One folder a line; Wine leaves the separator behind when it takes an entry back.
path_of_system() { wine reg query "$environment" /v PATH </dev/null | tr -d '\r' | sed -n 's/.*REG_[A-Z_]* *//p' | tr ';' '\n' | grep .; }
times_in_path() { path_of_system | grep -ciF 'C:\Program Files\vmtriage' || true; }

# is_installed VERSION: once, in the search path of the system, and it runs from there.
is_installed() {
  local now
  now=$(installed)
  [[ $now =~ ^\{[-0-9A-F]+\}\ $1$ ]] || fail "installed are '$now', not $1"
  [ "$(times_in_path)" = 1 ] || fail "the system's PATH is '$(path_of_system)'"
  [ "$(cd / && wine vmtriage --version </dev/null)" = "vmtriage $version" ] || fail "vmtriage does not run from the search path"
}

is_gone() {
  [ -z "$(installed)" ] || fail "still installed: $(installed)"
  [ ! -e "$programs/vmtriage" ] || fail "left behind: $(ls "$programs/vmtriage")"
  [ "$(path_of_system)" = "$path_before" ] || fail "the system's PATH was '$path_before' and is '$(path_of_system)'"
}

unpacked=build/packages/windows/unpacked
unzip -q "$zip" -d "$unpacked"
said=$(wine "$unpacked"/*/vmtriage.exe analyze demo/vm </dev/null) && fail "$zip: analyze finds nothing"
[[ $said == *linux.freeze.fifreeze-failed* ]] || fail "$zip: analyze says '$said'"
[ "$(ls "$unpacked"/*)" = "$(printf '%s\n' LIBRARIES.txt LICENSE.txt README.txt vmtriage.exe vmtriage.ps1)" ] || fail "$zip holds $(ls "$unpacked"/*)"

for licence in libarchive-dev libpugixml-dev libre2-dev libspdlog-dev libfmt-dev libcli11-dev nlohmann-json3-dev libisal mingw-w64 \
    "Boost Software License" "GCC RUNTIME LIBRARY EXCEPTION"; do
  grep -qF "$licence" "$unpacked"/*/LIBRARIES.txt || fail "$zip: the licences of the libraries do not name '$licence'"
done

# Of a check that was ended in the middle.
for code in $(installed | cut -d ' ' -f 1); do run_msiexec /x "$code"; done
path_before=$(path_of_system)
run_msiexec /i "$older" || fail "$older: is not installed: $?"
is_installed 0.0.1
run_msiexec /i "$msi" || fail "$msi: is not installed over an older version: $?"
is_installed "$version"
cmp "$unpacked"/*/README.txt "$programs/vmtriage/README.txt" || fail "$msi: an upgrade leaves old files"
cmp "$unpacked"/*/LIBRARIES.txt "$programs/vmtriage/LIBRARIES.txt" || fail "$msi: lacks the licences of the libraries"
run_msiexec /i "$older" && fail "$older: is installed over a newer version"
is_installed "$version"
run_msiexec /x "$msi" || fail "$msi: is not removed: $?"
is_gone
echo "packages: $zip and $msi install, upgrade, run and go"
