#!/usr/bin/env bash
# Brings what the tests through PC/SC need: pcscd, the virtual reader, and what pyscard is built with.
# Exit status 0: all of it is there. 1: it is not, and what to install has been said.
set -euo pipefail

packages=(pcscd vsmartcard-vpcd swig libpcsclite-dev pkg-config gcc)

missing() {
    local package
    for package in "${packages[@]}"; do
        [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
    done
}

if ! command -v dpkg-query apt-get >/dev/null; then
    if command -v pcscd swig gcc >/dev/null && pkg-config --exists libpcsclite \
        && ls /usr/lib*/pcsc/drivers/serial/libifdvpcd.so >/dev/null 2>&1; then
        exit 0
    fi
    echo "To test through PC/SC install pcscd, vsmartcard's vpcd driver, swig, gcc, pkg-config and the headers of pcsclite." >&2
    exit 1
fi

wanted=$(missing)
[ -n "$wanted" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "To test through PC/SC run, as root: apt-get install" $wanted >&2
    exit 1
fi

echo "Installing" $wanted
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A packaged service must not start: the tests start pcscd themselves.
if ! { apt-get update && RUNLEVEL=1 apt-get install --yes --no-install-recommends $wanted; } >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    echo "These packages could not be installed:" $wanted >&2
    exit 1
fi
