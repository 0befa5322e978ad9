#!/usr/bin/env bash
# make.sh WINE: the zip and the MSI of build/windows-release/vmtriage.exe, in build/packages. Run by `./dev packages-windows`.
set -euo pipefail
cd "$(dirname "$0")/../.."
wine=$1
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' build/windows-release/CMakeCache.txt)
out=build/packages
name=vmtriage-$version-windows-x64
rm -rf "$out"/vmtriage-*-x64* "$out/windows"
mkdir -p "$out/windows/$name"
files=$out/windows/$name

cp build/windows-release/vmtriage.exe "$files"
"$wine" "$files/vmtriage.exe" completion powershell | sed 's/$/\r/' >"$files/vmtriage.ps1"
sed 's/$/\r/' LICENSE >"$files/LICENSE.txt"
sed "s/VERSION/$version/; s/\$/\r/" packaging/windows/README.txt >"$files/README.txt"
(cd "$out/windows" && zip -qrX "../$name.zip" "$name")
wixl -a x64 -D Version="$version" -D Files="$files" -o "$out/vmtriage-$version-x64.msi" packaging/windows/vmtriage.wxs

# What check.sh upgrades from: an older version of the package, told apart by its README.
cp -r "$files" "$out/windows/older"
echo "An older version." >"$out/windows/older/README.txt"
wixl -a x64 -D Version=0.0.1 -D Files="$out/windows/older" -o "$out/windows/older.msi" packaging/windows/vmtriage.wxs
