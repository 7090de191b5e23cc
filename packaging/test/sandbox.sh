# Sourced: the sandbox, probed from inside. The probe's unit has every line of resetd.service but what it runs; the control has
# none of them and runs as root.
RULES=/usr/lib/systemd/system/resetd.service

probe_ground() {
  for folder in /etc /usr /opt /srv /var/log /home; do mkdir -p -m 777 $folder/open; chmod 777 $folder/open; done
  mkdir -p /usr/lib/modules/probe /srv /var/lib/probe
  echo x >/srv/probe-file; echo x >/var/lib/probe/file
  chmod 755 /root
  echo x >/home/probe-file; echo x >/root/probe-file; chmod 644 /home/probe-file /root/probe-file
  touch /tmp/probe-host
  mknod -m 666 /dev/probe-device c 1 3 2>/dev/null || touch /dev/probe-device
}

no_ground() { rm -rf /etc/open /usr/open /opt/open /srv/open /var/log/open /home/open /usr/lib/modules/probe /home/probe-file /root/probe-file /tmp/probe-host /dev/probe-device /srv/probe-file /var/lib/probe; rm -f /var/lib/resetd/probe /run/resetd/probe /run/systemd/system/probe.service; systemctl daemon-reload; }

# probe_unit FILE: a unit of FILE's directives that runs the probe.
probe_unit() {
  sed -e 's|^ExecStart=.*|ExecStart=/usr/bin/python3 /pkgtest/probe.py\nStandardOutput=append:/pkgtest/probe.out\nBindReadOnlyPaths=/pkgtest|' -e 's/^Type=.*/Type=oneshot/' \
    -e '/^\(ExecReload\|WatchdogSec\|Restart\|RestartSec\|RestartPreventExitStatus\|NotifyAccess\|Requires\|After\|Also\|WantedBy\)=/d' "$1" \
    >/run/systemd/system/probe.service
  systemctl daemon-reload
}

# Prints what the probe says.
probe_run() {
  rm -f /pkgtest/probe.out /var/lib/resetd/probe /run/resetd/probe
  systemctl reset-failed probe.service 2>/dev/null
  systemctl start probe.service || echo "unit failed"
  cat /pkgtest/probe.out
}

probe_control() {
  printf '[Service]\nType=oneshot\nExecStart=/usr/bin/python3 /pkgtest/probe.py\nStandardOutput=append:/pkgtest/probe.out\n' >/run/systemd/system/probe.service
  systemctl daemon-reload
}

said() { sed -n "s/^$2 //p" "$1"; }
