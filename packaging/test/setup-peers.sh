# Sourced: the host's Postfix, Dovecot, and some people.
for user in ann answers app1 sup1 adm1 stranger; do useradd -m "$user" 2>/dev/null; done
echo 'answers:secret-of-answers' | chpasswd
[ -e /etc/postfix/main.cf ] || cp /usr/share/postfix/main.cf.debian /etc/postfix/main.cf
postconf -e 'myhostname=mail.shop.test' 'myorigin=shop.test' 'mydestination=shop.test, example.test, localhost' 'inet_interfaces=127.0.0.1, 127.0.0.3' \
  'inet_protocols=ipv4' 'relay_domains=reply.shop.test' 'transport_maps=inline:{reply.shop.test=lmtp:inet:127.0.0.1:2424}' \
  'recipient_delimiter=+' 'smtpd_recipient_restrictions=permit_mynetworks, reject_unauth_destination' 'mynetworks=127.0.0.0/8' \
  'home_mailbox=' 'mailbox_command=' 'luser_relay=ann' 'local_recipient_maps=' 'compatibility_level=2' 'default_destination_rate_delay=0' \
  'smtpd_peername_lookup=no' 'lmtp_connection_cache_on_demand=no' 'minimal_backoff_time=1s' 'maximal_backoff_time=2s' 'queue_run_delay=1s'
ip address add 127.0.0.3/8 dev lo 2>/dev/null
newaliases
systemctl restart postfix
