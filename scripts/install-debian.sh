#!/usr/bin/env bash
# Installs from Debian what the tests use besides npm packages. Skips what is there; quiet unless it fails. Nothing that
# is installed here is started.
#
#   install-debian.sh cluster   also what `npm run test:cluster` uses
#   install-debian.sh attack    also what `npm run test:attack` uses
set -euo pipefail

packages=(
  fonts-dejavu-core                 # the pages, in a browser
  gnupg                             # reads what Kith seals
  postgresql                        # a server besides the embedded one
  tor torsocks exim4-daemon-light   # onion MX
  dnsmasq-base knot unbound tinycdb # DNS and maps for it
)
# Several machines with PostgreSQL, of which one is the primary, and what finds it.
[ "${1:-}" = cluster ] && packages+=(patroni python3-etcd etcd-server haproxy)
# What others attack with.
[ "${1:-}" = attack ] && packages+=(sqlmap wapiti)

# Postfix conflicts with Exim as a package, not as files: its own are unpacked into a tree of their own.
postfix_root=/opt/kith-test-postfix
unpack_postfix() {
  [ -x "$postfix_root/usr/sbin/postfix" ] && return
  local work
  work=$(mktemp -d)
  chmod 755 "$work"
  (cd "$work" && apt-get download -q postfix && dpkg -x postfix_*.deb "$postfix_root")
  rm -rf "$work"
  getent group postdrop >/dev/null || groupadd --system postdrop
  id postfix >/dev/null 2>&1 ||
    useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin postfix
  # Where its programs look for their libraries.
  [ -e /usr/lib/postfix ] || ln -s "$postfix_root/usr/lib/postfix" /usr/lib/postfix
}

is_installed() {
  dpkg-query --show --showformat='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}
# The browser without its windows needs half of the time; a whole one that is there will do.
is_installed chromium || packages+=(chromium-headless-shell)

missing=()
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done
{ [ -e /usr/sbin/postfix ] || [ -x "$postfix_root/usr/sbin/postfix" ]; } || missing_postfix=true
[ ${#missing[@]} -eq 0 ] && [ -z "${missing_postfix:-}" ] && exit 0

log=$(mktemp)
policy=/usr/sbin/policy-rc.d
own_policy=false
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  own_policy=true
fi
cleanup() {
  rm -f "$log"
  if $own_policy; then rm -f "$policy"; fi
}
trap cleanup EXIT

install() {
  apt-get update -q || return
  [ ${#missing[@]} -eq 0 ] || apt-get install -q -y --no-install-recommends "${missing[@]}" || return
  [ -z "${missing_postfix:-}" ] || unpack_postfix
}

echo "Installing ${missing[*]} ${missing_postfix:+postfix} …"
export DEBIAN_FRONTEND=noninteractive
if ! install </dev/null >"$log" 2>&1; then
  sleep 5
  if ! install </dev/null >>"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "The tests need these Debian packages: ${missing[*]}" >&2
    exit 1
  fi
fi
