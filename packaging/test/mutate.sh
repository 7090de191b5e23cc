# Takes each hardening directive of the unit away in turn and asks whether a probe notices: a check of the probes. What none can
# notice here has its reason in this table, and a reason for what is noticed is out of date.
. /pkgtest/lib.sh
. /pkgtest/sandbox.sh
reason() {
  case $1 in
    ProtectKernelTunables) echo "nspawn mounts /proc/sys read-only for everybody" ;;
    ProtectKernelLogs | ProtectClock | ProtectHostname | RestrictRealtime | PrivateMounts) echo "SystemCallFilter= and an empty capability set forbid the same; nspawn denies clock and log itself" ;;
    NoNewPrivileges) echo "implied by SystemCallFilter= and others for a user that is not root" ;;
    AmbientCapabilities) echo "empty is the default; said, so that no drop-in of a distribution adds to it" ;;
    RemoveIPC | KeyringMode) echo "the daemon makes no System V IPC and no keys; nothing is left to see" ;;
    SystemCallArchitectures) echo "the probe has no second architecture to call by" ;;
    ProtectSystem) echo "what of the host is in the daemon's root is bound read-only" ;;
    MountAPIVFS) echo "newer systemd does it by itself beside RootDirectory=" ;;
    StateDirectoryMode) echo "no fence: the package test looks at the folder's mode" ;;
    Group) echo "follows from User=" ;;
  esac
}
dpkg -i /pkgtest/resetd_*.deb >/dev/null
probe_ground
probe_unit $RULES
probe_run | sort >/tmp/base
is "the probe runs" '*write-etc E*' "$(tr '\n' ' ' </tmp/base)"
sed -n '/^UMask/,/^\[Install\]/p' $RULES | sed -n 's/^\([A-Za-z]*\)=.*/\1/p' | cat - <(printf 'User\nGroup\n') | sort -u | while read -r directive; do echo "$directive"; done >/tmp/directives
for directive in $(cat /tmp/directives); do
  [ "$directive" != LoadCredential ] || continue
  grep -v "^$directive=" $RULES >/tmp/without.service
  case $directive in
    User) sed -i '/^Group=/d' /tmp/without.service ;;
    # They belong together: without a root of its own, nothing has to be bound.
    RootDirectory) sed -i '/^Bind.*Paths=/d' /tmp/without.service ;;
  esac
  probe_unit /tmp/without.service
  probe_run | sort >/tmp/without
  # What it says now; what it said, where it says nothing any more (killed by a system call).
  noticed=$(diff /tmp/base /tmp/without | sed -n 's/^> //p; s/^< \([^ ]*\).*/(was \1)/p' | sort -r | head -3 | tr '\n' ';')
  why=$(reason "$directive")
  if [ -n "$noticed" ] && [ -n "$why" ]; then
    ok "without $directive: $noticed; the reason why no probe can notice is out of date" false
  elif [ -n "$noticed" ]; then
    ok "without $directive: $noticed" true
  elif [ -n "$why" ]; then
    ok "without $directive: no probe can notice: $why" true
  else
    ok "without $directive: no probe notices, and no reason is given" false
  fi
done
no_ground
finish last
