# Sourced by the tests inside the booted system: TAP, and what they all need.
exec 2>&1
export LC_ALL=C DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd /pkgtest || exit 1
count=$(cat /pkgtest/count 2>/dev/null || echo 0) bad=0

# ok WHAT COMMAND…: it must succeed.
ok() {
  local what=$1 said
  shift
  count=$((count + 1))
  if said=$("$@" 2>&1); then
    echo "ok $count - $what"
  else
    bad=$((bad + 1))
    echo "not ok $count - $what"
    echo "$said" | tail -8 | sed 's/^/#   /'
  fi
}

# no WHAT COMMAND…: it must fail.
no() { local what=$1; shift; ok "$what" fails "$@"; }
fails() { if "$@"; then return 1; fi; }

# is WHAT PATTERN FOUND: a shell pattern.
is() {
  count=$((count + 1))
  # shellcheck disable=SC2254
  case $3 in
    $2) echo "ok $count - $1" ;;
    *)
      bad=$((bad + 1))
      echo "not ok $count - $1"
      echo "#   wanted: $2"
      echo "#   found:  $3" | head -5
      ;;
  esac
}

skip() { count=$((count + 1)); echo "ok $count - $1 # SKIP $2"; }
say() { echo "# $*"; }

# At the end of a boot's part; the count goes on in the next.
finish() {
  echo "$count" >/pkgtest/count
  [ "${1:-}" != last ] || echo "1..$count"
  if [ "$bad" != 0 ]; then
    say "$bad failed; the end of the journal:"
    journalctl -b -u resetd.service -o short-precise --no-pager | tail -25 | sed 's/^/#   /'
  fi
  [ "$bad" = 0 ]
  exit
}

prop() { systemctl show -P "$2" "$1"; }

# until COMMAND…: succeeds within a minute; what it waits for comes by itself, and a machine may be slow.
until_ok() { local i; for i in $(seq 600); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; return 1; }

changed() { local now; now=$(prop resetd.service MainPID); [ "$now" != 0 ] && [ "$now" != "$1" ] && systemctl -q is-active resetd.service; }

as() { local user=$1; shift; setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups "$@"; }

# call METHOD PATH [BODY]: prints the status and the body.
call() {
  curl -s -m 60 --unix-socket /run/resetd/resetd.sock -w '\n%{http_code}\n' -X "$1" -H 'content-type: application/json' ${3:+-d "$3"} "http://localhost$2" |
    tac | tr '\n' ' '
}
status() { call "$@" | cut -c1-3; }

ask() { resetctl --json request --portal "${3:-shop}" --account "$1" --email "$2" | sed -n 's/.*"id": *"\([^"]*\)".*/\1/p'; }
state() { resetctl --json show "$1" | python3 -c 'import json,sys; print(json.load(sys.stdin)["state"])'; }
in_state() { [ "$(state "$1")" = "$2" ]; }

# What the journal has of the daemon, of this event.
events() { journalctl --sync 2>/dev/null; journalctl -b -u resetd.service -o json --no-pager RESETD_EVENT="$1" 2>/dev/null; }

unit_dropin() { mkdir -p "/etc/systemd/system/$1.d"; cat >"/etc/systemd/system/$1.d/test.conf"; systemctl daemon-reload; }
no_dropin() { rm -rf "/etc/systemd/system/$1.d"; systemctl daemon-reload; }
