# shellcheck shell=bash
# What the scripts that load a resolver share: NSD as the outside world, and Unbound. Sourced, never run. The
# caller sets `host`, the built tree of Unbound, and `module`. All files and logs are in `dir`, which goes at the end as
# the servers do.

# shellcheck source=../contrib/lib.sh
. "${BASH_SOURCE[0]%/*}/../contrib/lib.sh"

dir=$(mktemp -d)
address=127.53.$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1)) # ours alone, so that the ports are free
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$dir"' EXIT

# zone_head ORIGIN TTL: how a zone begins.
zone_head() {
  # shellcheck disable=SC2016 # the zone's own words
  printf '$ORIGIN %s.\n$TTL %s\n@ SOA ns hostmaster 1 3600 900 604800 %s\n@ NS ns\n' "$1" "$2" "$2"
}

# start_nsd ZONE…: each from the file ZONE.zone.
start_nsd() {
  local zone
  {
    cat <<END
server:
  ip-address: $address@5300
  username: ""
  zonesdir: "$dir"
  database: ""
  pidfile: ""
  xfrdfile: "$dir/xfrd"
  zonelistfile: "$dir/zones"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
END
    for zone; do printf 'zone:\n  name: %s.\n  zonefile: %s.zone\n' "$zone" "$zone"; done
  } >"$dir/nsd.conf"
  /usr/sbin/nsd -d -c "$dir/nsd.conf" >"$dir/nsd.log" 2>&1 &
  pids+=($!)
}

# write_unbound_conf MODULES THREADS SUFFIX…: NSD answers for the suffixes; more options of the server from standard input.
write_unbound_conf() {
  {
    cat <<END
server:
  interface: $address
  port: 5301
  username: ""
  chroot: ""
  directory: "$dir"
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  access-control: 127.0.0.0/8 allow
  module-config: "$1"
  num-threads: $2
  do-ip6: no
END
    cat
    printf 'stub-zone:\n  name: "%s."\n  stub-addr: '"$address"'@5300\n' "${@:3}"
    [[ $1 != *dynlib* ]] || printf 'dynlib:\n  dynlib-file: "%s"\n' "$module"
  } >"$dir/unbound.conf"
}

# start_unbound [COMMAND…]: starts it, under COMMAND, with the rules of mxwarden.toml, and returns once it answers.
# Its process is `unbound_pid`.
start_unbound() {
  local try
  MXWARDEN_CONFIG=$dir/mxwarden.toml MXWARDEN_STATE=$dir/state "$@" "$host/unbound" -d -c "$dir/unbound.conf" >"$dir/unbound.log" 2>&1 &
  unbound_pid=$!
  pids+=("$unbound_pid")
  for ((try = 0; try < 300; try++)); do
    [[ $(drill -t -p 5301 "@$address" ns.com. A 2>/dev/null) != *NOERROR* ]] || return 0 # over TCP a closed port is known at once
    kill -0 "$unbound_pid" 2>/dev/null || break
    sleep 0.1
  done
  cat "$dir/unbound.log" >&2
  die "unbound does not answer"
}
