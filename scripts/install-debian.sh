#!/usr/bin/env bash
# Installs from Debian what the tests use besides npm packages. Skips what is there; quiet unless it fails. Nothing that
# is installed here is started.
set -euo pipefail

packages=(
  chromium fonts-dejavu-core        # the pages, in a browser
  gnupg                             # reads what Kith seals
  postgresql                        # a server besides the embedded one
  tor torsocks exim4-daemon-light   # onion MX
  dnsmasq-base knot unbound tinycdb # DNS and maps for it
)

missing=()
for package in "${packages[@]}"; do
  dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

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
  apt-get update -q && apt-get install -q -y --no-install-recommends "${missing[@]}"
}

echo "Installing ${missing[*]} …"
export DEBIAN_FRONTEND=noninteractive
if ! install </dev/null >"$log" 2>&1; then
  sleep 5
  if ! install </dev/null >>"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "The tests need these Debian packages: ${missing[*]}" >&2
    exit 1
  fi
fi
