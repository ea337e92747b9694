# shellcheck shell=bash
# A Debian of this release that boots with systemd and the distribution's Unbound, in a network of its own, with somebody who
# asks it all the time. Sourced by tests that set `dir`, where everything goes, and `keep`, not empty if it is to stay there.

# shellcheck source-path=SCRIPTDIR source=../../contrib/source.sh
. "${BASH_SOURCE[0]%/*}/../../contrib/source.sh"

here=$(realpath "${BASH_SOURCE[0]%/*}")
server=$dir/server net=mxw-server-$$
pids=() failures=0
exec 3>&1 # what programs print, where their status is what is wanted

skip() { echo "skipped: $*"; exit 77; }
# need PROGRAM…: skips without them, or without root.
need() {
  local program
  ((EUID == 0)) || skip "not root"
  for program; do command -v "$program" >/dev/null || skip "no $program"; done
}

# shellcheck disable=SC2317 # called by the trap
cleanup() {
  local status=$?
  [[ -z ${leader-} ]] || kill -TERM "$nspawn" 2>/dev/null || true
  kill "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  ip netns delete "$net" 2>/dev/null || true
  [[ -n ${keep-} ]] || rm -rf "$server" "$dir/builder"
  exit "$status"
}
trap cleanup EXIT

# version_of PACKAGE: in the server.
version_of() { chroot "$server" dpkg-query -W -f "\${Version}" "$1" 2>/dev/null || true; }
step() { printf '\n== %s\n' "$*"; }
ok() { printf '  ok    %s\n' "$*"; }
wrong() {
  printf '  WRONG %s\n' "$*"
  failures=$((failures + 1))
}
# expect WHAT WANTED GOT
expect() { if [[ $3 == "$2" ]]; then ok "$1: $3"; else wrong "$1: $3, not $2"; fi; }
# Prints how many were wrong; false if any was.
sum_up() {
  echo
  if ((failures)); then echo "$failures wrong"; else echo "all as expected"; fi
  ((failures == 0))
}

# debian NAME PACKAGE…: a clean Debian of this release with these packages, from where this machine has its own.
debian() {
  local name=$1 codename
  shift
  # shellcheck source=/dev/null
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  write_source_lists deb "$dir/sources"
  rm -rf "${dir:?}/$name"
  local -a lists=("$dir/sources"/*)
  mmdebstrap --quiet --variant=minbase --include="$(IFS=,; echo "$*")" "$codename" "$dir/$name" "${lists[@]}" \
    >>"$dir/$name.log" 2>&1 || { tail -5 "$dir/$name.log"; die "no chroot; see $dir/$name.log"; }
}

# in_chroot NAME COMMAND…: with this machine's network.
in_chroot() {
  local name=$1
  shift
  systemd-nspawn --quiet --register=no --keep-unit --pipe -D "$dir/$name" --bind-ro=/etc/resolv.conf:/etc/resolv.conf "$@"
}

# In the running server; what it prints goes to server.log too.
inside() { nsenter --target "$leader" --mount --uts --ipc --net --pid --root --wd=/ env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@" 2>&1 | tee -a "$dir/server.log"; }
status_of() { inside "$@" >&3 && echo 0 || echo $?; }
# apt WORDS, of which the server expands patterns.
apt() { inside sh -c "apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 $*" >/dev/null; }

answer() { ip netns exec "$net" drill -p 53 "$1" @127.0.0.1 "${2-MX}" 2>/dev/null |
  awk '/rcode:/ { sub(/,/, "", $6); rcode = $6 } /^;; AUTHORITY/ { exit } /^[a-z].*IN/ { $1 = $2 = $3 = $4 = ""; sub(/^ +/, ""); found = found (found == "" ? "" : "; ") $0 }
    END { print found == "" ? rcode : found }'; }

# snapshot FILE: all files of the server, with what is in them. Left out is what every boot, every apt and every Python writes, and what
# adduser(8) keeps of the files that it changes.
snapshot() {
  local -a left_out=(-name __pycache__ -o -path './etc/*-' -o)
  local where
  for where in dev packages proc run sys tmp var/cache var/lib/apt var/lib/dpkg var/lib/systemd var/log var/tmp; do
    left_out+=(-path "./$where" -o)
  done
  (cd "$server" && {
    find . -xdev \( "${left_out[@]}" -false \) -prune -o -printf '%p %M %u %g %l\n'
    find . -xdev \( "${left_out[@]}" -false \) -prune -o -type f -print0 | xargs -0 sha256sum
  }) | sort >"$1"
}

# boot: the server, in a network that has ml, mil and org beside it. What runs there may have networks of its own, as on any server.
boot() {
  local zone try
  cat >"$server/etc/unbound/unbound.conf.d/local.conf" <<'END_OF_CONF'
server:
    do-not-query-localhost: no
    domain-insecure: "ml"
    domain-insecure: "mil"
    domain-insecure: "org"
stub-zone:
    name: "ml"
    stub-addr: 127.0.0.1@5300
stub-zone:
    name: "mil"
    stub-addr: 127.0.0.1@5300
stub-zone:
    name: "org"
    stub-addr: 127.0.0.1@5300
END_OF_CONF
  ip netns add "$net"
  ip -n "$net" link set lo up
  mkdir -p "$dir/world"
  for zone in ml mil org; do
    {
      # shellcheck disable=SC2016 # the zone's own words
      printf '$ORIGIN %s.\n$TTL 1\n@ SOA ns hostmaster 1 3600 900 604800 1\n@ NS ns\nns A 127.0.0.1\n' $zone
      printf 'army MX 10 mx.trap\nexample MX 10 mail.example\nexample A 192.0.2.80\nmx.trap A 192.0.2.66\n'
    } >"$dir/world/$zone.zone"
  done
  {
    printf 'server:\n  ip-address: 127.0.0.1@5300\n  username: ""\n  zonesdir: "%s"\n  database: ""\n  pidfile: ""\n' "$dir/world"
    printf '  xfrdfile: "%s/xfrd"\n  zonelistfile: "%s/zones"\n  rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n' "$dir/world" "$dir/world"
    printf 'zone:\n  name: %s.\n  zonefile: %s.zone\n' ml ml mil mil org org
  } >"$dir/world/nsd.conf"
  ip netns exec "$net" nsd -d -c "$dir/world/nsd.conf" >"$dir/nsd.log" 2>&1 &
  pids+=($!)

  systemd-nspawn --quiet --register=no --keep-unit --boot --network-namespace-path="/run/netns/$net" --console=read-only \
    --capability=CAP_NET_ADMIN --resolv-conf=off -D "$server" </dev/null >"$dir/boot.log" 2>&1 &
  nspawn=$!
  for ((try = 0; try < 300; try++)); do
    leader=$(pgrep -P "$nspawn" | head -1 || true)
    [[ -n $leader ]] && inside systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded' && break
    kill -0 "$nspawn" 2>/dev/null || { tail -3 "$dir/boot.log"; skip "no namespaces for a booted Debian"; }
    sleep 0.2
  done
}

# ask_all_the_time: until the end.
ask_all_the_time() {
  ip netns exec "$net" "$here/ask" "$dir/lost" >"$dir/ask.log" 2>&1 &
  pids+=($!)
  sleep 1
}

# lost_since WHAT ALLOWED: how many questions had no answer since the last call.
lost_since() {
  local lost
  sleep 1
  lost=$(wc -l <"$dir/lost")
  : >"$dir/lost"
  if ((lost == 0)); then ok "$1: each question was answered"
  elif [[ $2 == restart ]]; then ok "$1: $lost questions without an answer while the host was restarted"
  else wrong "$1: $lost questions without an answer"; fi
}
