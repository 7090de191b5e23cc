#!/bin/sh
# Forgotten password at a terminal: a code goes to the address that the user's file names, and who types it sets a new password.
# For a kiosk, or a login shell behind ssh. The file has a line `user:address` each; it and `chpasswd` want root.
set -eu
cd "$(dirname "$0")"
. ./resetd.sh

users=${USERS:-/etc/resetd-users}
set_password=${SET_PASSWORD:-chpasswd}

ask() {
	printf '%s ' "$1" >&2
	read -r REPLY
}

secretly() {
	[ ! -t 0 ] || stty -echo
	ask "$1"
	[ ! -t 0 ] || { stty echo && echo >&2; }
}

ask 'Your user name?'
name=$REPLY
email=$(awk -F: -v name="$name" '$1 == name { print $2; exit }' "$users")
# Everybody's request goes to resetd, which tells nobody apart; neither do we.
if [ -n "$email" ]; then account=$name; else account='' email=nobody@invalid.example; fi
request "$account" "$email" code >/dev/null || { echo 'We can not do this right now. Please try again in a moment.'; exit 1; }
echo 'If there is such an account, a mail is on its way.'

ask 'The code in the mail?'
code=$REPLY
while secretly 'New password?' && [ ${#REPLY} -lt 12 ]; do
	# Before redeem: what is wrong with the password must not cost the code.
	echo 'At least 12 characters, please.'
done
password=$REPLY

status=0
good=$(redeem_code "${name:--}" "$code") || status=$?
case $status in
0) ;;
1) echo "$good" && exit 1 ;;
*) echo 'We can not do this right now. Please try again in a moment.' && exit 1 ;;
esac
# The account is resetd's word, not what was typed.
printf '%s:%s\n' "${good% *}" "$password" | $set_password
completed "${good#* }" || true
echo 'Your password is changed.'
