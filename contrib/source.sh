# shellcheck shell=bash
# The distribution's own source package of Unbound, got without touching apt's configuration. Sourced, never
# run.

# shellcheck source=lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

apt=$root/build/apt # lists and archives of ours

# own_indexes FIELD: that field of each index that apt uses and that comes from the distribution itself.
own_indexes() {
  local id
  # shellcheck source=/dev/null
  id=$(. /etc/os-release && echo "$ID")
  apt-get indextargets --format "\$(ORIGIN)|\$($1)" 'Created-By: Packages' |
    awk -v id="$id" '{ n = index($0, "|") } tolower(substr($0, 1, n - 1)) == id { print substr($0, n + 1) }' |
    sort -u
}

# Container images come without indexes.
need_indexes() { [[ -n $(own_indexes URI) ]] || apt-get -q update >&2; }

# write_source_lists TYPE DIRECTORY: the sources entries behind those indexes with their type turned into TYPE (deb-src):
# options such as signed-by stay as they are. An entry is FILE:N, where N is the line of a .list and the stanza of a .sources.
write_source_lists() {
  local entry file
  rm -rf "$2"
  mkdir -p "$2"
  own_indexes SOURCESENTRY | while read -r entry; do
    file=${entry%:*}
    if [[ $file == *.sources ]]; then
      awk -v want="${entry##*:}" -v type="$1" '
        /^$/ { inside = 0; next }
        /^#/ { next }
        !inside { inside = 1; if (++stanza == want) print "\nTypes: " type }
        /^[^ \t]/ { types = tolower($0) ~ /^types:/ }
        stanza == want && !types
      ' "$file" >>"$2/own.sources"
    else
      sed -n "${entry##*:}s/^[[:space:]]*deb[[:space:]]/$1 /p" "$file" >>"$2/own.list"
    fi
  done
}

# apt with lists and caches of its own; as root throughout, because apt's own user may not reach build/.
private_apt() {
  apt-get -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$apt/sources" \
    -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache" \
    -o APT::Sandbox::User=root -o Acquire::http::Timeout=20 -o Acquire::Retries=1 "$@"
}

# Prints the name of the newest .dsc; fails when the archive cannot be reached, and $apt/log says why.
find_source() {
  mkdir -p "$apt"
  {
    need_indexes
    write_source_lists deb-src "$apt/sources"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    private_apt -o APT::Update::Error-Mode=any update >&2 &&
      private_apt source --only-source --print-uris unbound | awk '$2 ~ /\.dsc$/ { print $2 }' | grep .
  } 2>"$apt/log"
}

# unpack_source DIRECTORY TREE: downloads the source package that find_source found into DIRECTORY, and unpacks it as TREE.
unpack_source() {
  (cd "$1" && private_apt source --only-source --download-only unbound)
  dpkg-source --no-check -x "$1"/unbound_*.dsc "$2" # apt has checked the hashes
}
