# The rpm, and signed repositories of both kinds.
. /pkgtest/lib.sh
new=$(ls /pkgtest/resetd-*.rpm | grep -v 0.0.9)
before=$(ls /pkgtest/resetd-0.0.9*.rpm)
mkdir -p /etc/systemd/system-preset
printf 'enable resetd.socket\nenable resetd.service\ndisable *\n' >/etc/systemd/system-preset/10-test.preset

for el in el7 el8 el9; do
  rm -rf /tmp/db; rpm --dbpath /tmp/db --initdb
  rpm --dbpath /tmp/db -i --justdb --nodeps /pkgtest/$el.rpm
  case $el in
    el7) no "a system of the age of EL 7 is refused" rpm --dbpath /tmp/db -i --test "$new" ;;
    *) ok "dependencies are met on $el" rpm --dbpath /tmp/db -i --test "$new" ;;
  esac
done

say "install"
rpm --initdb; rpm -i --justdb --nodeps /pkgtest/el9.rpm
ok "rpm -i, dependencies checked" rpm -i "$before"
is "user" 'resetd:*:/var/lib/resetd:*nologin' "$(getent passwd resetd)"
is "groups" '*resetd-support*resetd-admin*' "$(getent group resetd-support resetd-admin | tr '\n' ' ')"
is "/etc/resetd" '750 root:resetd' "$(stat -c '%a %U:%G' /etc/resetd)"
is "resetd.toml" '640 root:resetd' "$(stat -c '%a %U:%G' /etc/resetd/resetd.toml)"
is "enabled as the preset says" 'enabled enabled disabled ' "$(systemctl is-enabled resetd.socket resetd.service resetd-smtp.socket | tr '\n' ' ')"
is "and not started" 'inactive inactive ' "$(systemctl is-active resetd.socket resetd.service | tr '\n' ' ')"
ok "rpm -V" rpm -V --nodeps resetd
is "each folder of its own has an owner" '' "$(for folder in /etc/resetd /usr/share/resetd /usr/share/resetd/templates /usr/share/doc/resetd /usr/share/licenses/resetd; do rpm -qf $folder 2>&1 | grep -v ^resetd; done)"
ok "a changelog" eval 'rpm -q --changelog resetd | grep -q .'
ok "manual pages are compressed" test -e /usr/share/man/man8/resetd.8.gz
ok "start" systemctl start resetd.socket resetd.service
is "it waits for its configuration" 'waits for a configuration*' "$(prop resetd.service StatusText)"
cat >>/etc/resetd/resetd.toml <<'T'
[portal.shop]
title = "Example Shop"
sender = "no-reply@shop.test"
reset_url = "https://shop.test/reset?t={token}"
reply_to = "reply+{tag}@reply.shop.test"
support_address = "help@shop.test"
[sending.relay]
host = "127.0.0.1"
T
ok "configured, reloaded" systemctl reload resetd.service
ok "serves" until_ok eval '[ "$(status GET /v1/status)" = 200 ]'
id=$(ask r-1 ann@shop.test)

say "upgrade, erase"
pid=$(prop resetd.service MainPID)
ok "rpm -U" rpm -U "$new"
ok "restarted" until_ok changed "$pid"
ok "edits are kept" grep -q 'Example Shop' /etc/resetd/resetd.toml
is "state is kept" '[as]*' "$(state "$id")"
ok "back by --oldpackage" rpm -U --oldpackage "$before"
is "state is kept" '[as]*' "$(state "$id")"
ok "rpm -e" rpm -e resetd
is "stopped" 'inactive inactive ' "$(systemctl is-active resetd.socket resetd.service | tr '\n' ' ')"
is "no links of units" '' "$(find /etc/systemd -name '*resetd*' 2>/dev/null)"
ok "edited configuration is kept (rpmsave)" test -e /etc/resetd/resetd.toml.rpmsave
ok "state is kept" test -e /var/lib/resetd/resetd.db
rm -rf /etc/resetd /var/lib/resetd; userdel resetd; groupdel resetd-support; groupdel resetd-admin; groupdel resetd 2>/dev/null

say "signed repositories"
export GNUPGHOME=/root/gpg; mkdir -m 700 $GNUPGHOME
gpg -q --batch --passphrase '' --quick-gen-key 'Repo <repo@example.org>' rsa3072 sign never 2>/dev/null
gpg -q --armor --export >/root/key.asc; gpg -q --export >/root/key.gpg
mkdir -p /srv/rpm /etc/yum.repos.d; cp "$before" "$new" /pkgtest/el9.rpm /srv/rpm/
rpm -e --justdb el9 2>/dev/null
ok "the rpms are signed" rpmsign --define '_gpg_name Repo' --define '__gpg /usr/bin/gpg' --addsign /srv/rpm/*.rpm
createrepo_c -q /srv/rpm
rpm --import /root/key.asc
printf '[resetd]\nname=resetd\nbaseurl=file:///srv/rpm\ngpgcheck=1\ngpgkey=file:///root/key.asc\nenabled=1\n' >/etc/yum.repos.d/resetd.repo
ok "dnf install" dnf -y --releasever=9 install el9 resetd-0.0.9
ok "dnf upgrade" dnf -y --releasever=9 upgrade resetd
is "to this version" "$(rpm -qp --qf '%{VERSION}' "$new" 2>/dev/null)" "$(rpm -q --qf '%{VERSION}' resetd)"
ok "dnf remove" dnf -y --releasever=9 remove resetd
cp "$before" "$new" /srv/rpm/; createrepo_c -q /srv/rpm
no "dnf refuses what is not signed" dnf -y --releasever=9 --refresh install resetd
rm -rf /etc/resetd /var/lib/resetd; userdel resetd; groupdel resetd-support; groupdel resetd-admin; groupdel resetd 2>/dev/null
mkdir -p /srv/apt; cp /pkgtest/*.deb /srv/apt/
(cd /srv/apt && apt-ftparchive packages . >Packages && apt-ftparchive -o APT::FTPArchive::Release::Suite=stable release . >Release && gpg -q --clearsign -o InRelease Release)
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
install -Dm644 /root/key.gpg /usr/share/keyrings/resetd.gpg
echo 'deb [signed-by=/usr/share/keyrings/resetd.gpg] file:/srv/apt ./' >/etc/apt/sources.list
ok "apt-get update" apt-get -qq update
ok "apt-get install" apt-get -y install resetd=0.0.9-1
is "it waits" active "$(systemctl is-active resetd.service)"
ok "apt-get install of the newer" apt-get -y install resetd
ok "apt-get purge" apt-get -y purge resetd
echo x >>/srv/apt/Packages
rm -rf /var/lib/apt/lists/*
no "apt refuses a list that was tampered with" eval "apt-get -qq update; apt-get -y install resetd"
finish last
