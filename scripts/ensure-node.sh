#!/usr/bin/env bash
# Makes sure node and npm are there, with the distribution's package manager.
# Only the tests with clients of other languages need them.
set -euo pipefail
command -v node >/dev/null && command -v npm >/dev/null && exit 0
as_root=""
[ "$(id -u)" -eq 0 ] || as_root="sudo"
echo "installing Node.js with the package manager" >&2
if command -v apt-get >/dev/null; then
  $as_root apt-get update -qq >&2
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm >&2
elif command -v dnf >/dev/null; then $as_root dnf install -y -q nodejs npm >&2
elif command -v apk >/dev/null; then $as_root apk add -q nodejs npm >&2
elif command -v pacman >/dev/null; then $as_root pacman -S --noconfirm --needed nodejs npm >&2
elif command -v zypper >/dev/null; then $as_root zypper -q install -y nodejs npm >&2
elif command -v brew >/dev/null; then brew install node >&2
else echo "install Node.js 18 or later, then try again" >&2; exit 1; fi
