#!/bin/bash
# Makes test/fixtures/demo-log with real Postfix and Dovecot. Root, on Linux, with Debian's packages.
#
# The servers run in a mount namespace whose hosts file is the only source of names (so that client and relay
# names in the log are the invented ones), and in a host-name namespace of the invented name. They listen on
# loopback only; clients' addresses come by the PROXY protocol.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
repository="$(cd "$here/../../.." && pwd)"
cd "$repository"
npx --no-install tsc -p "$here/tsconfig.json"
program="$repository/dist/make-demo-log/support/make-demo-log/main.js"
names="$(mktemp -d)"
trap 'rm -rf "$names"' EXIT
node "$program" hosts > "$names/hosts"
echo 'hosts: files' > "$names/nsswitch.conf"
grep -v '^hosts:' /etc/nsswitch.conf >> "$names/nsswitch.conf"
mkdir -p test/fixtures/demo-log
unshare --mount --uts sh -euc '
  mount --bind "$1/hosts" /etc/hosts
  mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf
  hostname mx1.example.nl
  exec node "$2" run test/fixtures/demo-log
' sh "$names" "$program"
