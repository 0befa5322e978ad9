#!/usr/bin/env bash
# Makes the zip and the MSI of build/windows-release/vmtriage.exe, in build/packages. Run by `./dev packages-windows`.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' build/windows-release/CMakeCache.txt)
out=build/packages
name=vmtriage-$version-windows-x64
# make_msi VERSION FILES OUT
make_msi() {
  wixl -a x64 -D Version="$1" -D Files="$2" -o "$3" packaging/windows/vmtriage.wxs
  # wixl has no <Environment>. Name: set on installation (=), taken back on removal (-), the system's (*); value: at the end.
  msibuild "$3" -q 'CREATE TABLE `Environment` (`Environment` CHAR(72) NOT NULL, `Name` CHAR(255) NOT NULL LOCALIZABLE,
      `Value` CHAR(255) LOCALIZABLE, `Component_` CHAR(72) NOT NULL PRIMARY KEY `Environment`)' \
    -q "INSERT INTO \`Environment\` (\`Environment\`, \`Name\`, \`Value\`, \`Component_\`)
      VALUES ('Path', '=-*PATH', '[~];[INSTALLDIR]', 'Program')" \
    -q "INSERT INTO \`InstallExecuteSequence\` (\`Action\`, \`Sequence\`) VALUES ('RemoveEnvironmentStrings', 3300)" \
    -q "INSERT INTO \`InstallExecuteSequence\` (\`Action\`, \`Sequence\`) VALUES ('WriteEnvironmentStrings', 5200)"
}

rm -rf "$out"/vmtriage-*-x64* "$out/windows"
mkdir -p "$out/windows/$name"
files=$out/windows/$name

cp build/windows-release/vmtriage.exe "$files"
wine "$files/vmtriage.exe" completion powershell | sed 's/$/\r/' >"$files/vmtriage.ps1"
sed 's/$/\r/' LICENSE >"$files/LICENSE.txt"
packaging/licences.sh windows | sed 's/$/\r/' >"$files/LIBRARIES.txt"
sed "s/VERSION/$version/; s/\$/\r/" packaging/windows/README.txt >"$files/README.txt"
(cd "$out/windows" && zip -qrX "../$name.zip" "$name")
make_msi "$version" "$files" "$out/vmtriage-$version-x64.msi"

# What check.sh upgrades from: an older version of the package, told apart by its README.
cp -r "$files" "$out/windows/older"
echo "An older version." >"$out/windows/older/README.txt"
make_msi 0.0.1 "$out/windows/older" "$out/windows/older.msi"
