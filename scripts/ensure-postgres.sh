#!/bin/sh
# Makes sure that the PostgreSQL server binaries are on this machine, with the
# machine's own package manager. Does nothing when they are. Leaves no server
# running: reeve runs its own, on its own data.
set -eu

say() { echo "ensure-postgres: $*" >&2; }

found() {
	command -v initdb >/dev/null 2>&1 && command -v postgres >/dev/null 2>&1 && return
	for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/lib/postgresql*/bin /usr/lib64/postgresql*/bin \
		/usr/libexec/postgresql* /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
		/Applications/Postgres.app/Contents/Versions/*/bin /Library/PostgreSQL/*/bin; do
		[ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && return
	done
	return 1
}

# as_root runs a command as root, and shows it.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		say "+ $*"
		"$@" >&2
	elif command -v sudo >/dev/null 2>&1; then
		say "+ sudo $*"
		sudo "$@" >&2
	else
		say "need root for: $* (and there is no sudo)"
		exit 1
	fi
}

# Debian and Ubuntu create and start a cluster when the server is installed;
# the setting has to be there before.
with_apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql-common
	if ls -d /etc/postgresql/*/main >/dev/null 2>&1; then
		say "keeping the clusters that are already in /etc/postgresql"
	else
		as_root sed -i -E 's/^#?[[:space:]]*create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
		grep -q '^create_main_cluster = false' /etc/postgresql-common/createcluster.conf ||
			as_root sh -c 'echo "create_main_cluster = false" >>/etc/postgresql-common/createcluster.conf'
	fi
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql
}

install() {
	if command -v apt-get >/dev/null 2>&1; then
		with_apt
	elif command -v dnf >/dev/null 2>&1; then
		as_root dnf install -y postgresql-server
	elif command -v yum >/dev/null 2>&1; then
		as_root yum install -y postgresql-server
	elif command -v apk >/dev/null 2>&1; then
		as_root apk add postgresql
	elif command -v pacman >/dev/null 2>&1; then
		as_root pacman -S --noconfirm --needed postgresql
	elif command -v zypper >/dev/null 2>&1; then
		as_root zypper --non-interactive install postgresql-server
	elif command -v brew >/dev/null 2>&1; then
		say "+ brew install postgresql@17"
		brew install postgresql@17 >&2
	else
		say "no package manager that I know; install the PostgreSQL server yourself"
		exit 1
	fi
}

found && exit 0
say "no PostgreSQL server binaries on this machine; installing them"
install
found || { say "installed, but initdb and postgres are not where I look"; exit 1; }
say "done"
