#!/usr/bin/env bash
# Makes sure a Chromium is there, with the distribution's package manager, and tells
# where. Only the tests in a browser need it.
set -euo pipefail
find_one() {
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" && return
  done
  return 1
}
find_one && exit 0
as_root=""
[ "$(id -u)" -eq 0 ] || as_root="sudo"
echo "installing Chromium with the package manager" >&2
if command -v apt-get >/dev/null; then
  $as_root apt-get update -qq >&2
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >&2
elif command -v dnf >/dev/null; then $as_root dnf install -y -q chromium >&2
elif command -v apk >/dev/null; then $as_root apk add -q chromium >&2
elif command -v pacman >/dev/null; then $as_root pacman -S --noconfirm --needed chromium >&2
elif command -v zypper >/dev/null; then $as_root zypper -q install -y chromium >&2
else echo "install Chromium, then try again" >&2; exit 1; fi
find_one
