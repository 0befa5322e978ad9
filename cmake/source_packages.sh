# To be sourced. Source packages of this very Debian or Ubuntu release: with its security patches, checked against its signed index.
# The machine's own package sources are asked for source code; its own state of apt is not touched.

# fetch_source_packages FOLDER PACKAGE...: leaves each package's files in FOLDER. Of a package whose newest version a mirror names but
# does not have, an older one, and says so: mirrors of the security archive lag.
fetch_source_packages() {
  local folder=$1 apt=$1/apt file
  shift
  mkdir -p "$apt"/{parts,lists/partial,cache/archives/partial}
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -e "$file" ] && sed 's/^Types:.*/Types: deb-src/' "$file" >"$apt/parts/$(basename "$file")"
  done
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -e "$file" ] && sed -n 's/^deb /deb-src /p' "$file" >"$apt/parts/$(basename "$file" .list).list"
  done
  local own=(-qq -o "Dir::Etc::SourceParts=$apt/parts" -o Dir::Etc::SourceList=/dev/null -o "Dir::State::Lists=$apt/lists"
    -o "Dir::Cache=$apt/cache" -o "APT::Sandbox::User=$(id -un)")
  apt-get "${own[@]}" update >&2
  local package
  for package in "$@"; do
    (cd "$folder" && fetch_newest "$package" "${own[@]}")
  done
}

# fetch_newest PACKAGE APT-OPTION...
fetch_newest() {
  local package=$1 version
  shift
  apt-get "$@" source --download-only "$package" >&2 && return
  for version in $(apt-cache "$@" showsrc "$package" | sed -n 's/^Version: //p' | sort -rV | tail -n +2); do
    rm -f "${package}"_*
    apt-get "$@" source --download-only "$package=$version" >&2 || continue
    echo "source packages: $package: the mirror lacks the newest version, $version is taken" >&2
    return
  done
  return 1
}
