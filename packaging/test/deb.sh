# The deb, from nothing to nothing: inside a booted system, with the package before (resetd_0.0.9-1) and this one beside it.
. /pkgtest/lib.sh
. /pkgtest/sandbox.sh
now=$(ls /pkgtest/resetd_*.deb | grep -v _0.0.9)
before=/pkgtest/resetd_0.0.9-1_amd64.deb
new=$(dpkg-deb -f "$now" Version)
systemd=$(systemctl --version | sed -n '1s/[^0-9]*\([0-9]*\).*/\1/p')
toml=/etc/resetd/resetd.toml

if [ "$PKGTEST_BOOT" = 2 ]; then
  say "second boot: what was enabled comes back"
  is "the system is up, and nothing failed" running "$(cat /pkgtest/state)"
  is "socket and service are active" "active active " "$(systemctl is-active resetd.socket resetd.service | tr '\n' ' ')"
  is "state survived" sent "$(state "$(cat /pkgtest/kept)")"
  is "a link from before the boot is good" 200 "$(status POST /v1/resets/inspect "{\"token\":\"$(cat /pkgtest/kept-token)\"}")"

  say "one version back"
  p=$(prop resetd.service MainPID)
  ok "dpkg -i of the version before" dpkg -i --force-confold "$before"
  is "its version is installed" 0.0.9-1 "$(dpkg-query -Wf '${Version}' resetd)"
  ok "the daemon was restarted and runs" changed "$p"
  is "state is there" sent "$(state "$(cat /pkgtest/kept)")"
  ok "edits are there" grep -q 'title = "Example Shop"' $toml
  ok "and forward again" dpkg -i --force-confold "$now"
  is "state is there again" sent "$(state "$(cat /pkgtest/kept)")"

  say "a database of a newer version is refused, not damaged"
  systemctl stop resetd.service resetd.socket
  python3 - <<'P'
import sqlite3
db = sqlite3.connect("/var/lib/resetd/resetd.db")
(was,) = db.execute("PRAGMA user_version").fetchone()
open("/pkgtest/schema", "w").write(str(was))
db.execute(f"PRAGMA user_version = {was + 900}")
db.commit()
P
  chown resetd:resetd /var/lib/resetd/*
  no "it does not start" systemctl start resetd.service
  ok "the journal says why" eval 'journalctl --sync; journalctl -b -u resetd -o cat | grep -q "newer than this program"'
  python3 -c 'import sqlite3; db = sqlite3.connect("/var/lib/resetd/resetd.db"); db.execute("PRAGMA user_version = " + open("/pkgtest/schema").read()); db.commit()'
  chown resetd:resetd /var/lib/resetd/*
  systemctl reset-failed resetd.service
  ok "with its own database it starts" systemctl start resetd.socket resetd.service

  say "remove"
  ok "dpkg -r" dpkg -r resetd
  is "nothing runs" "inactive inactive " "$(systemctl is-active resetd.service resetd.socket | tr '\n' ' ')"
  is "nobody listens" '' "$(ss -xlH src /run/resetd/resetd.sock)"
  ok "no process of its is left" eval '! pgrep -u resetd'
  ok "the configuration is kept" test -e $toml
  ok "the database is kept" test -e /var/lib/resetd/resetd.db
  ok "the root key is kept" test -e /var/lib/resetd/root.key
  ok "the user is kept" getent passwd resetd
  no "the program is gone" test -e /usr/sbin/resetd
  ok "installed again it goes on" dpkg -i "$now"
  ok "socket and service are active" until_ok systemctl is-active resetd.socket resetd.service
  is "with its state" sent "$(state "$(cat /pkgtest/kept)")"

  say "purge"
  ok "dpkg -P" dpkg -P resetd
  no "no configuration" test -e /etc/resetd
  no "no state" test -e /var/lib/resetd
  no "no user" getent passwd resetd
  no "no groups" getent group resetd resetd-support resetd-admin
  is "no links of units" '' "$(find /etc/systemd /var/lib/systemd/deb-systemd-helper-* -name '*resetd*' 2>/dev/null)"
  is "no file with its name" '' "$(find / -xdev \( -path /proc -o -path /sys -o -path /pkgtest -o -path /var/log -o -path /var/cache/apt -o -path /var/cache/man -o -path /var/spool \) -prune -o -name '*resetd*' -print 2>/dev/null | tr '\n' ' ')"
  is "no file without an owner" '' "$(find / -xdev \( -path /proc -o -path /sys -o -path /pkgtest -o -path /var/cache/apt -o -path /var/lib/apt \) -prune -o \( -nouser -o -nogroup \) -print 2>/dev/null | head -5 | tr '\n' ' ')"
  is "nothing failed" '' "$(systemctl --failed --no-legend --plain)"
  finish last
fi

say "systemd $systemd, $(. /etc/os-release; echo "$PRETTY_NAME"); before any package"
is "the system is up" running "$(cat /pkgtest/state)"
. /pkgtest/setup-peers.sh
ok "Postfix runs" until_ok eval 'ss -tlnH sport = :25 | grep -q 127.0.0.1'

say "install from nothing"
ok "dpkg -i" dpkg -i "$before"
is "its state" 'install ok installed' "$(dpkg-query -Wf '${Status}' resetd)"
ok "every file is as shipped (dpkg -V)" dpkg -V resetd
is "user" 'resetd:*:Password reset daemon:/var/lib/resetd:*nologin' "$(getent passwd resetd)"
for group in resetd resetd-support resetd-admin; do ok "group $group" getent group $group; done
is "/etc/resetd" '750 root:resetd' "$(stat -c '%a %U:%G' /etc/resetd)"
is "resetd.toml" '640 root:resetd' "$(stat -c '%a %U:%G' $toml)"
is "resetd.toml is a conffile" '*/etc/resetd/resetd.toml *' "$(dpkg-query -Wf '${Conffiles}' resetd | tr '\n' ' ')"
is "/run/resetd" '755 resetd:resetd' "$(stat -c '%a %U:%G' /run/resetd)"
is "the socket" '666 root:root' "$(stat -c '%a %U:%G' /run/resetd/resetd.sock)"
is "the programs" '755 root:root 755 root:root ' "$(stat -c '%a %U:%G' /usr/sbin/resetd /usr/bin/resetctl | tr '\n' ' ')"
is "no file but the configuration's is closed or open to all" '' "$(dpkg -L resetd | grep -v /etc/resetd | xargs -d '\n' stat -c '%a %n' | grep -v '^755\|^644')"
is "enabled: socket and service, not the two for mail" 'enabled enabled disabled disabled ' "$(systemctl is-enabled resetd.socket resetd.service resetd-smtp.socket resetd-lmtp.socket | tr '\n' ' ')"

say "what comes with it"
missing=$(resetctl --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | grep -v help | while read -r command; do [ -e /usr/share/man/man1/resetctl-"$command".1.gz ] || echo "$command"; done)
is "a manual page for each command" '' "$missing"
for page in 'resetd 8' 'resetctl 1' 'resetd.toml 5' 'resetd-api 7' 'resetctl-flags-list 1'; do
  ok "man ${page% *}(${page#* })" eval "man ${page#* } ${page% *} | grep -q ."
done
is "resetd.toml(5) knows every key of the file" '' "$(man 5 resetd.toml | col -b >/tmp/page; sed -n 's/^#\([a-z_]*\) = .*/\1/p' $toml | sort -u | while read -r key; do grep -q "^ *$key = " /tmp/page || echo "$key"; done)"
ok "completions: bash" bash -c '. /usr/share/bash-completion/completions/resetctl; complete -p resetctl'
ok "completions: zsh, fish" test -s /usr/share/zsh/vendor-completions/_resetctl -a -s /usr/share/fish/vendor_completions.d/resetctl.fish
ok "licences of the crates" eval 'zcat /usr/share/doc/resetd/crates.txt.gz >/tmp/crates; grep -q "^rustls " /tmp/crates && grep -q SQLite /tmp/crates'
ok "list of parts (CycloneDX)" python3 -c 'import gzip, json; bom = json.load(gzip.open("/usr/share/doc/resetd/resetd.cdx.json.gz")); assert bom["bomFormat"] == "CycloneDX" and len(bom["components"]) > 100'
ok "copyright and changelogs" test -s /usr/share/doc/resetd/copyright -a -s /usr/share/doc/resetd/changelog.gz -a -s /usr/share/doc/resetd/changelog.Debian.gz
ok "wordings" test -s /usr/share/resetd/templates/easy/mail.txt
ok "units are understood whole" eval 'said=$(systemd-analyze verify --man=no resetd.service resetd.socket resetd-smtp.socket resetd-lmtp.socket 2>&1 | grep -i resetd); echo "$said"; [ -z "$said" ]'
if [ "$systemd" -ge 250 ]; then
  exposure=$(systemd-analyze security --no-pager resetd.service | sed -n 's/.*Overall exposure level[^0-9]*\([0-9.]*\).*/\1/p')
  say "exposure: $exposure"
  ok "systemd-analyze security: $exposure is at most 1.1" test "${exposure/./}" -le 11
fi

say "not configured: it waits, and says what to do"
is "the service waits" active "$(systemctl is-active resetd.service)"
is "its status says for what" "waits for a configuration: $toml names no portal yet" "$(prop resetd.service StatusText)"
is "resetctl status says what to do first" '*resetd.toml*portal*config check*systemctl reload*' "$(resetctl status 2>&1 | tr '\n' ' ')"
is "and fails" 1 "$(resetctl status >/dev/null 2>&1; echo $?)"
is "no database and no key are made" '' "$(ls /var/lib/resetd)"
is "nothing failed" '' "$(systemctl --failed --no-legend --plain)"
no "a reload without a portal fails" systemctl reload resetd.service
is "and it waits on" active "$(systemctl is-active resetd.service)"

say "one file is edited"
sed -i 's|^#lmtp = .*|lmtp = ["127.0.0.1:2424"]|' $toml
cat >>$toml <<'T'
[portal.shop]
title = "Example Shop"
sender = "no-reply@shop.test"
reset_url = "https://shop.test/reset?t={token}"
reply_to = "reply+{tag}@reply.shop.test"
support_address = "help@shop.test"

[sending.relay]
host = "127.0.0.1"
T
ok "resetctl config check" resetctl config check $toml
waiting=$(prop resetd.service MainPID)
ok "systemctl reload" systemctl reload resetd.service
ok "it serves" until_ok eval '[ "$(prop resetd.service StatusText)" = "serving 1 portal" ]'
is "by the same process" "$waiting" "$(prop resetd.service MainPID)"
is "resetctl status" '*well*' "$(resetctl status | tr '\n' ' ')"
ok "resetctl doctor has nothing against it but DNS" eval 'resetctl doctor --json >/tmp/doctor || true; grep -q . /tmp/doctor'
is "state folder" '700 resetd:resetd' "$(stat -c '%a %U:%G' /var/lib/resetd)"
is "database and key" '600 resetd:resetd 600 resetd:resetd ' "$(stat -c '%a %U:%G' /var/lib/resetd/resetd.db /var/lib/resetd/root.key | tr '\n' ' ')"

say "socket activation"
ok "stop the service alone" systemctl stop resetd.service
is "the socket listens on" 'active inactive ' "$(systemctl is-active resetd.socket resetd.service 2>/dev/null | tr '\n' ' ')"
is "a request starts it, and is answered" 200 "$(status GET /v1/status)"
is "it runs" active "$(systemctl is-active resetd.service)"
ok "a restart leaves the socket's file in place" eval 'i=$(stat -c %i /run/resetd/resetd.sock); systemctl restart resetd.service; [ "$i" = "$(stat -c %i /run/resetd/resetd.sock)" ]'

say "roles by group"
usermod -aG resetd app1; usermod -aG resetd-support sup1; usermod -aG resetd-admin adm1
body='{"portal":"shop","account":"r1","email":"ann@shop.test"}'
is "app: asks for a reset" 202 "$(as app1 bash -c ". ./lib.sh; status POST /v1/resets '$body'")"
is "app: sees no flags" 403 "$(as app1 bash -c '. ./lib.sh; status GET /v1/flags')"
is "app: sees no queue" 403 "$(as app1 bash -c '. ./lib.sh; status GET /v1/queue')"
is "support: sees flags" 200 "$(as sup1 bash -c '. ./lib.sh; status GET /v1/flags')"
is "support: asks for no reset" 403 "$(as sup1 bash -c ". ./lib.sh; status POST /v1/resets '$body'")"
is "support: sees no queue" 403 "$(as sup1 bash -c '. ./lib.sh; status GET /v1/queue')"
is "admin: sees the queue" 200 "$(as adm1 bash -c '. ./lib.sh; status GET /v1/queue')"
is "admin: sees flags" 200 "$(as adm1 bash -c '. ./lib.sh; status GET /v1/flags')"
is "stranger: nothing" 403 "$(as stranger bash -c '. ./lib.sh; status GET /v1/status')"
is "root: all" 200 "$(status GET /v1/queue)"
no "a stranger can't read the configuration" as stranger cat $toml
no "an application can't read the state" as app1 ls /var/lib/resetd

say "a whole reset, through Postfix"
id=$(ask u-1 ann@shop.test)
ok "it is sent" until_ok in_state "$id" sent
ok "the mail arrives" until_ok eval '[ "$(python3 mail.py /var/mail/ann count)" -ge 2 ]'
token=$(python3 mail.py /var/mail/ann token)
is "from the portal's sender" '*no-reply@shop.test*' "$(python3 mail.py /var/mail/ann from)"
is "inspect: good" 200 "$(status POST /v1/resets/inspect "{\"token\":\"$token\"}")"
is "redeem: good, once" 200 "$(status POST /v1/resets/redeem "{\"token\":\"$token\"}")"
is "and not twice" 410 "$(status POST /v1/resets/redeem "{\"token\":\"$token\"}")"
ok "it is redeemed" in_state "$id" redeemed
echo "$id" >/tmp/redeemed

say "a reply, through Postfix and LMTP"
id=$(ask u-2 ann@shop.test)
n=$(python3 mail.py /var/mail/ann count)
ok "sent" until_ok in_state "$id" sent
ok "arrived" until_ok eval "[ \"\$(python3 mail.py /var/mail/ann count)\" -gt $n ] || [ \"\$(python3 mail.py /var/mail/ann count)\" -ge 3 ]"
token=$(python3 mail.py /var/mail/ann token)
reply_to=$(python3 mail.py /var/mail/ann reply_to)
printf 'From: Ann <ann@shop.test>\nTo: %s\nSubject: Re: your password\nMessage-ID: <a1@shop.test>\n\nThis was not me! I did not ask for this.\n' "$reply_to" | sendmail -f ann@shop.test "$reply_to"
ok "the answer kills the link" until_ok in_state "$id" denied
is "it does not redeem" 410 "$(status POST /v1/resets/redeem "{\"token\":\"$token\"}")"
is "a flag is up" '*not_me*' "$(resetctl --json flags list | tr '\n' ' ')"
ok "support has mail" until_ok grep -q '^To:.*help@shop.test' /var/mail/ann
no "with no live link in it" grep -qF "$token" /var/spool/postfix/deferred -r

say "the journal"
events flag.raised | tail -1 >/tmp/line
is "unit, priority, name" 'resetd.service 5 resetd' "$(python3 -c 'import json; j = json.loads(open("/tmp/line").read()); print(j["_SYSTEMD_UNIT"], j["PRIORITY"], j["SYSLOG_IDENTIFIER"])' 2>&1)"
ok "a line that journalctl shows" eval 'journalctl -b -u resetd.service -o cat --no-pager | grep -q "^flag.raised .*reason"'
is "fields of its own" 'flag.raised' "$(python3 -c 'import json; print(json.loads(open("/tmp/line").read())["RESETD_EVENT"])' 2>&1)"
is "no address in it" '' "$(journalctl -b -u resetd.service -o cat --no-pager | grep -F 'ann@shop.test' | head -1)"
is "no secret in it" '' "$(journalctl -b -u resetd.service -o cat --no-pager | grep -F "$token" | head -1)"

say "reload"
pid=$(prop resetd.service MainPID)
cp $toml /tmp/good.toml
echo 'nonsense = 1' >>$toml
no "a file with a mistake makes the reload fail" systemctl reload resetd.service
is "the mistake is in the journal" '*nonsense*' "$(journalctl --sync; journalctl -b -u resetd.service -o cat --no-pager | grep nonsense | tail -1)"
is "the old is in force" 200 "$(status GET /v1/status)"
cp /tmp/good.toml $toml
printf '[limits]\ncool_down = "0s"\nper_account = "unlimited"\nper_address = "unlimited"\n' >/tmp/limits
sed -i -e 's/^\[limits\]/[limits]\ncool_down = "0s"\nper_account = "unlimited"\nper_address = "unlimited"\nper_portal = "unlimited"\nin_all = "unlimited"/' $toml
ok "a good one is taken" systemctl reload resetd.service
ok "and the journal says so" until_ok eval 'events reloaded | grep -q .'
is "by the same process" "$pid" "$(prop resetd.service MainPID)"
is "the file's owner and mode stand" '640 root:resetd' "$(stat -c '%a %U:%G' $toml)"

say "kill -9"
id=$(ask u-3 ann@shop.test)
kill -9 "$pid"
ok "it is started again" until_ok changed "$pid"
is "once" 1 "$(prop resetd.service NRestarts)"
ok "what it had accepted is sent" until_ok in_state "$id" sent

say "the watchdog"
printf '[Service]\nWatchdogSec=2\n' | unit_dropin resetd.service
systemctl restart resetd.service
pid=$(prop resetd.service MainPID)
sleep 5
is "leaves a living daemon alone" "$pid" "$(prop resetd.service MainPID)"
kill -STOP "$pid"
ok "a stopped daemon is replaced" until_ok changed "$pid"
ok "systemd says that the watchdog did it" eval 'journalctl --sync; journalctl -b -u resetd.service -o cat --no-pager | grep -qi "watchdog timeout"'
pid=$(prop resetd.service MainPID)
cat >/tmp/hold.py <<'P'
import os, sqlite3, sys, time
db = sqlite3.connect("/var/lib/resetd/resetd.db", isolation_level=None, timeout=60)
db.execute("BEGIN IMMEDIATE")
while os.path.exists(f"/proc/{sys.argv[1]}"):
    time.sleep(0.1)
P
python3 /tmp/hold.py "$pid" & holder=$!
ok "one whose writer hangs, while its main loop turns, is replaced" until_ok changed "$pid"
wait $holder
no_dropin resetd.service
systemctl reset-failed resetd.service; systemctl restart resetd.service
chown resetd:resetd /var/lib/resetd/*

say "secrets that systemd hands in"
id=$(ask u-4 ann@shop.test); ok "a mail is out" until_ok in_state "$id" sent
until_ok eval '[ -n "$(python3 mail.py /var/mail/ann token)" ]'; sleep 1
token=$(python3 mail.py /var/mail/ann token)
systemctl stop resetd.service
mkdir -m 700 /etc/resetd/credentials
install -m 600 /var/lib/resetd/root.key /etc/resetd/credentials/root.key; mv /var/lib/resetd/root.key /root/kept.key
printf '[Service]\nLoadCredential=root.key:/etc/resetd/credentials/root.key\n' | unit_dropin resetd.service
ok "it starts with its key as a credential" systemctl start resetd.service
is "the link from before is good" 200 "$(status POST /v1/resets/inspect "{\"token\":\"$token\"}")"
no "and no key was made" test -e /var/lib/resetd/root.key
if [ "$systemd" -ge 250 ]; then
  if systemd-creds encrypt --with-key=host --name=root.key /etc/resetd/credentials/root.key /etc/resetd/credentials/root.cred 2>/tmp/creds; then
    printf '[Service]\nLoadCredentialEncrypted=root.key:/etc/resetd/credentials/root.cred\n' | unit_dropin resetd.service
    ok "it starts with its key encrypted" systemctl restart resetd.service
    is "the link is good" 200 "$(status POST /v1/resets/inspect "{\"token\":\"$token\"}")"
  else
    skip "encrypted credentials" "$(head -1 /tmp/creds)"
  fi
fi
no_dropin resetd.service; mv /root/kept.key /var/lib/resetd/root.key; rm -r /etc/resetd/credentials
systemctl restart resetd.service

say "sockets for mail: port 25 without a privilege, LMTP that outlives a restart"
printf '[Socket]\nListenStream=\nListenStream=127.0.0.2:25\n' | unit_dropin resetd-smtp.socket
cat >>$toml <<'T'
[mailbox.smtp]
listen = ["127.0.0.2:25"]
hostname = "mx.shop.test"
T
systemctl enable -q resetd-smtp.socket resetd-lmtp.socket
ok "enable, and restart" systemctl restart resetd.service
is "both listen" 'active active ' "$(systemctl is-active resetd-smtp.socket resetd-lmtp.socket | tr '\n' ' ')"
is "port 25 greets" '220 mx.shop.test*' "$(timeout 20 bash -c 'exec 3<>/dev/tcp/127.0.0.2/25; head -1 <&3')"
is "from a process without any capability" '0000000000000000' "$(sed -n 's/^CapEff:\t//p' "/proc/$(prop resetd.service MainPID)/status")"
is "all that was handed in is used" '' "$(events socket.unused)"
id=$(ask u-5 ann@shop.test); ok "a mail is out" until_ok in_state "$id" sent; sleep 1
reply_to=$(python3 mail.py /var/mail/ann reply_to)
systemctl stop resetd.service
(python3 - "$reply_to" >/tmp/smtp.out 2>&1 <<'P'
import smtplib, sys
to = sys.argv[1].strip()
with smtplib.SMTP("127.0.0.2", 25, timeout=120) as smtp:
    smtp.sendmail("ann@shop.test", [to], f"From: ann@shop.test\r\nTo: {to}\r\nSubject: Re: x\r\nMessage-ID: <b1@shop.test>\r\n\r\nThis was not me.\r\n")
    print("taken")
P
) & peer=$!
wait $peer
is "a connection to port 25 starts the daemon, and its mail is taken" taken "$(tail -1 /tmp/smtp.out)"
ok "and read: there is no proof in it, but a flag" until_ok eval '[ "$(resetctl --json flags list | grep -o "\"not_me\"" | wc -l)" -ge 2 ]'
systemctl disable -q --now resetd-smtp.socket 2>/dev/null; no_dropin resetd-smtp.socket
python3 - $toml <<'P'
import sys
text = open(sys.argv[1]).read()
open(sys.argv[1], "w").write(text.split("[mailbox.smtp]\nlisten = [\"127.0.0.2")[0])
P
ok "without it again" systemctl restart resetd.service

say "straight to the mail servers (MX), and IMAP, inside the sandbox"
python3 dns.py & dns=$!
cp $toml /tmp/relay.toml
python3 - $toml <<'P'
import sys
text = open(sys.argv[1]).read()
text = text.replace('[sending.relay]\nhost = "127.0.0.1"\n', '[sending.mx]\nprivate_addresses = true\nmta_sts = false\ndane = false\n')
text = text.replace("\n[dns]\n", '\n[dns]\nservers = ["127.0.0.1:5353"]\n')
open(sys.argv[1], "w").write(text)
P
ok "config check" resetctl config check $toml
ok "restart" systemctl restart resetd.service
id=$(ask u-6 ann@example.test)
ok "a mail goes straight to the server that DNS names" until_ok in_state "$id" sent
is "which is there" '*mx.example.test*' "$(resetctl --json show "$id" | tr '\n' ' ')"
kill $dns; cp /tmp/relay.toml $toml; chown root:resetd $toml
if command -v doveconf >/dev/null; then
  # Dovecot 2.4 has other names for the same.
  if dovecot --version | grep -q '^2\.[0-3]\.'; then
    printf '%s\n' 'disable_plaintext_auth = no' 'mail_location = mbox:~/mail:INBOX=/var/mail/%u'
  else
    printf '%s\n' 'auth_allow_cleartext = yes' 'mail_driver = mbox' 'mail_path = ~/mail' 'mail_inbox_path = /var/mail/%{user}'
  fi >/etc/dovecot/local.conf
  printf '%s\n' 'protocols = imap' 'ssl = no' 'mail_privileged_group = mail' 'mail_access_groups = mail' 'listen = 127.0.0.1' >>/etc/dovecot/local.conf
  ok "Dovecot runs" systemctl restart dovecot
  printf 'secret-of-answers\n' | install -m 400 -o resetd /dev/stdin /etc/resetd/imap.password
  cat >>$toml <<'T'
[portal.club]
title = "Club"
sender = "no-reply@shop.test"
reset_url = "https://club.test/reset?t={token}"
reply_to = "answers+{tag}@shop.test"
support_address = "help@shop.test"
[[mailbox.imap]]
host = "127.0.0.1"
user = "answers"
password_file = "/etc/resetd/imap.password"
T
  ok "restart with an IMAP account" systemctl restart resetd.service
  id=$(ask c-1 ann@shop.test club); ok "a mail is out" until_ok in_state "$id" sent
  ok "arrived" until_ok eval 'python3 mail.py /var/mail/ann reply_to | grep -q answers'
  reply_to=$(python3 mail.py /var/mail/ann reply_to)
  printf 'From: ann@shop.test\nTo: %s\nSubject: Re: x\nMessage-ID: <c1@shop.test>\n\nThis was not me!\n' "$reply_to" | sendmail -f ann@shop.test "$reply_to"
  ok "its answer comes in by IMAP" until_ok in_state "$id" denied
  cp /tmp/relay.toml $toml; chown root:resetd $toml; systemctl restart resetd.service
else
  skip "IMAP" "there is no Dovecot in this root"
fi
systemctl disable -q --now resetd-lmtp.socket 2>/dev/null; systemctl restart resetd.service

say "the sandbox: each probe inside, and in a control without it"
probe_ground
probe_unit $RULES; probe_run >/tmp/inside
probe_control; probe_run >/tmp/outside
# NAME, what it says inside, what it says outside
while read -r name inside outside; do
  is "inside: $name" "$inside" "$(said /tmp/inside "$name")"
  is "  the control: $name" "$outside" "$(said /tmp/outside "$name")"
done <<'T'
write-etc E* ok
write-usr E* ok
write-opt E* ok
write-var-log E* ok
write-home E* ok
read-home E* ok
read-root E* ok
read-srv E* ok
read-var-lib E* ok
see-tmp hidden seen
see-device few all
processes own all
read-proc-stat E* ok
read-proc-1 E* ok
cgroups read-only writable
modules E* some
no-new-privileges 1 0
capabilities 0000000000000000 *[1-9a-f]*
seccomp 2 *
uid user root
gid group root
umask 600 644
socket-netlink E* ok
socket-packet E* ok
multicast EPERM ok
personality EPERM ok
namespace-user EPERM ok
namespace-net EPERM ok
kernel-log EPERM *
mount EPERM EFAULT
swapon EPERM E*
module EPERM E*
ptrace EPERM ESRCH
executable-memory E* ok
suid EPERM ok
T
while read -r name; do is "it may: $name" ok "$(said /tmp/inside "$name")"; done <<'T'
write-state
write-run
write-tmp
read-config
read-templates
tcp
unix
name-lookup
T
is "inside: write-srv" 'E*' "$(said /tmp/inside write-srv)"
printf '[Service]\nBindPaths=/srv/open /home/open\nProtectHome=no\n' | unit_dropin probe.service
# The control's are root's.
rm -f /srv/open/probe /home/open/probe
probe_unit $RULES; probe_run >/tmp/inside
for name in write-srv write-home; do is "it may, with BindPaths= in a drop-in: $name" ok "$(said /tmp/inside $name)"; done
no_dropin probe.service
no_ground

say "requests during restarts and an upgrade"
rm -f /tmp/stop; python3 load.py /tmp/stop >/tmp/load.out & load=$!
for _ in 1 2 3; do sleep 1; systemctl restart resetd.service; done
touch /tmp/stop; wait $load; say "$(cat /tmp/load.out)"
is "three restarts: every request was answered, and none lost" 'answered * other 0 lost 0 *' "$(cat /tmp/load.out)"
systemctl reset-failed resetd.service
pid=$(prop resetd.service MainPID); key=$(md5sum </var/lib/resetd/root.key)
journalctl --sync; starts=$(events started | wc -l)
rm -f /tmp/stop; python3 load.py /tmp/stop >/tmp/load.out & load=$!
sleep 1
ok "dpkg -i of this version over the one before" dpkg -i --force-confold "$now"
sleep 1; touch /tmp/stop; wait $load; say "$(cat /tmp/load.out)"
is "its version is installed" "$new" "$(dpkg-query -Wf '${Version}' resetd)"
is "every request was answered, and none lost" 'answered [1-9]* other 0 lost 0 *' "$(cat /tmp/load.out)"
ok "the daemon was replaced" changed "$pid"
is "by one restart" "$((starts + 1))" "$(events started | wc -l)"
is "the key is the same" "$key" "$(md5sum </var/lib/resetd/root.key)"
ok "the edits are there" grep -q 'title = "Example Shop"' $toml
is "and the file's owner and mode" '640 root:resetd' "$(stat -c '%a %U:%G' $toml)"
is "state from before" redeemed "$(state "$(cat /tmp/redeemed)")"
ok "once more changes nothing" dpkg -i --force-confold "$now"
systemctl disable -q --now resetd.service
dpkg -i --force-confold "$now" >/dev/null
is "what an administrator disabled stays so" 'disabled inactive ' "$(systemctl is-enabled resetd.service | tr '\n' ' ')$(systemctl is-active resetd.service | tr '\n' ' ')"
systemctl enable -q --now resetd.service
rm -f /var/lib/resetd/probe*

# Addresses made by hand don't outlive the boot.
postconf -e 'inet_interfaces=127.0.0.1'
id=$(ask kept ann@shop.test); until_ok in_state "$id" sent; sleep 1
echo "$id" >/pkgtest/kept; python3 mail.py /var/mail/ann token >/pkgtest/kept-token
is "nothing failed" '' "$(systemctl --failed --no-legend --plain)"
finish
