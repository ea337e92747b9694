# shellcheck shell=bash
# What the scripts in contrib/ share. Sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export root

say() { printf '==> %s\n' "$*" >&2; }
warn() { printf '%s: warning: %s\n' "${0##*/}" "$*" >&2; }
die() {
  printf '%s: error: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# usage FILE: the comment at the head of a script is its help.
usage() { awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$1"; }

# install_packages LIST…: installs what is missing of the packages that the files name. Services that come with them
# (NSD, Redis, rsyslog) are neither started now nor at the next boot.
install_packages() {
  local package names service
  local -a missing=()
  names=$(sed 's/#.*//' "$@")
  for package in $names; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  say "installing ${missing[*]}"
  ((EUID == 0)) || die "not root; run 'apt-get install ${missing[*]}' as root first"
  (
    policy=/usr/sbin/policy-rc.d # asked by package scripts; 101 means "do not start anything"
    [[ -e $policy.mxwarden || ! -e $policy ]] || mv "$policy" "$policy.mxwarden"
    trap 'rm -f "$policy"; [[ ! -e $policy.mxwarden ]] || mv "$policy.mxwarden" "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q update &&
      apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 install "${missing[@]}" || exit
    for service in nsd redis-server rsyslog; do
      [[ " ${missing[*]} " != *" $service "* ]] || update-rc.d "$service" disable || exit
    done
  )
}

# logged LOG COMMAND…: appends the command's output to LOG; ends the script with LOG's last lines when it fails.
logged() {
  local log=$1 status
  shift
  set +e
  (set -e; "$@") >>"$log" 2>&1 # a subshell, so that set -e holds inside functions too
  status=$?
  set -e
  ((status == 0)) && return
  tail -n 30 "$log" >&2
  die "'$*' failed (status $status); the whole log is $log"
}
