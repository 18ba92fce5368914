#!/usr/bin/env bash
# Runs commands on a machine as a newcomer has it: minimal Debian with python3-venv, make and git, and an ordinary user
# with a clone of this repository's last commit. Needs root and debootstrap.
#   tools/bare.sh [SUITE] [COMMANDS]     SUITE: bookworm (Python 3.11), trixie (3.13; unless given) or sid (the newest)
# Where pip and npm fetch from, proxies and certificates are the same there as here. The machine is deleted at the end
# unless KEEP is set; MIRROR names another mirror of Debian than its own.
set -euo pipefail
if [ "$(id -u)" != 0 ] || ! command -v debootstrap >/dev/null; then
  echo "A bare machine needs root and debootstrap (apt-get install debootstrap)."
  exit 1
fi
suite=${1:-trixie} commands=${2:-make demo && make test}
repository=$(realpath "$(dirname "$0")/..")

box=$(mktemp -d) processes=
trap 'rm -f "$box.log"; if [ "${KEEP:-}" ]; then echo "The machine is in $box."; else rm -rf --one-file-system "$box"; fi' EXIT
trap '[ -z "$processes" ] || kill -KILL "$processes"; exit 130' INT TERM
chmod 755 "$box"
echo "Making a machine with Debian $suite ..."
# This and the commands run in namespaces of their own, with which every mount and every process ends.
unshare --mount debootstrap --variant=minbase --include=python3,python3-venv,make,git,ca-certificates \
  "$suite" "$box" ${MIRROR:+"$MIRROR"} >"$box.log" || { tail -n 5 "$box.log"; exit 1; }
chroot "$box" useradd --create-home --shell /bin/bash newcomer
git clone --quiet "file://$repository" "$box/home/newcomer/deeplab"

# The way out, as it is here.
cp -L /etc/resolv.conf /etc/hosts "$box/etc/"
bundle=/etc/ssl/certs/ca-certificates.crt
if [ -e $bundle ]; then cp -L $bundle "$box$bundle"; fi
: "${PIP_INDEX_URL:=$(python3 -m pip config get global.index-url 2>/dev/null || true)}"
: "${npm_config_registry:=$(npm config get registry 2>/dev/null || true)}"
{
  printf 'export %s\n' PATH=/usr/bin:/bin LANG=C.UTF-8 HOME=/home/newcomer {SSL_CERT_FILE,PIP_CERT}=$bundle
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY \
    PIP_INDEX_URL PIP_EXTRA_INDEX_URL UV_DEFAULT_INDEX UV_INDEX npm_config_registry; do
    if [ "${!name:-}" ]; then printf 'export %s=%q\n' "$name" "${!name}"; fi
  done
  printf '%s\n' 'cd ~/deeplab' "$commands"
} >"$box/home/newcomer/commands.sh"
chroot "$box" chown -R newcomer: /home/newcomer
chroot "$box" chmod 600 /home/newcomer/commands.sh

echo "As an ordinary user there: $commands"
# shellcheck disable=SC2016
env -i PATH="$PATH" unshare --mount --pid --fork --kill-child bash -euc '
  mount -t proc proc "$1/proc"
  mount --rbind /sys "$1/sys"
  mount --rbind /dev "$1/dev"
  chroot "$1" setpriv --reuid newcomer --regid newcomer --init-groups bash /home/newcomer/commands.sh || exit
' bare "$box" </dev/null &
processes=$!
wait $processes
