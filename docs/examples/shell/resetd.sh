# shellcheck shell=sh
# A client of resetd's socket for POSIX shells. Source this file: it needs curl 7.40 or newer and jq.
#
# Each function prints what it learnt. Status 0: done. 1: refused; the sentence for the person is printed. 2: not now; try again
# in a moment. 3: resetd does not like the request, and standard error says why.

: "${RESETD_SOCKET:=/run/resetd/resetd.sock}" "${PORTAL:=shop}"
export PORTAL

# request ACCOUNT EMAIL [METHOD]: asks for a reset mail. ACCOUNT empty: no account has this address; the answer is the same.
request() {
	body=$(account=$1 email=$2 method=${3:-link} jq -n \
		'{portal: env.PORTAL, account: (if env.account == "" then null else env.account end), email: env.email, method: env.method}')
	# One key for all tries: if only the answer was lost, the second try gets it and nobody gets two mails.
	key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	resetd 2 /v1/resets "$body" .id --header "Idempotency-Key: $key"
}

# inspect_token TOKEN: is it good? Uses nothing up. Prints account and reset.
inspect_token() { resetd 2 /v1/resets/inspect "$(token=$1 jq -n '{token: env.token}')" '"\(.account) \(.reset)"'; }

# redeem_token TOKEN, redeem_code ACCOUNT CODE: uses it, once. Set the password of the account that this prints, and of no other.
# One try: a second could only meet what the first has used. (Secrets go by the environment: arguments can be seen by all.)
redeem_token() { resetd 1 /v1/resets/redeem "$(token=$1 jq -n '{token: env.token}')" '"\(.account) \(.reset)"'; }
redeem_code() {
	body=$(account=$1 code=$2 jq -n '{portal: env.PORTAL, account: env.account, code: env.code}')
	resetd 1 /v1/resets/redeem "$body" '"\(.account) \(.reset)"'
}

# completed RESET: the password is changed; the person is told by mail.
completed() { resetd 2 "/v1/resets/$1/completed" '' .; }

# login_failed ACCOUNT EMAIL counts: at the portal's threshold a reset mail goes out by itself. login_succeeded clears the count.
login_failed() { login "$1" "$2" false; }
login_succeeded() { login "$1" "$2" true; }
login() {
	body=$(account=$1 email=$2 jq -n --argjson success "$3" '{portal: env.PORTAL, account: env.account, email: env.email, $success}')
	resetd 1 /v1/login-failures "$body" .failures
}

# What to tell a person whose link or code is refused. None of these is good again later.
answer() {
	case $1 in
	unknown) echo 'We do not know this link or code. Copy it from the mail once more, or ask for a new one.' ;;
	expired) echo 'This link or code has expired. Ask for a new one.' ;;
	used) echo 'This link or code was used already. If that was not you, ask for a new one.' ;;
	superseded) echo 'Another mail has taken the place of this one. Use the newest, or ask for a new one.' ;;
	denied) echo 'Somebody answered this mail that they had not asked for it, so we switched it off. Ask for a new one, or write to support.' ;;
	revoked) echo 'This link or code was taken back. Ask for a new one.' ;;
	locked) echo 'Too many wrong codes. Use the link in the mail, or ask for a new one: it brings a link.' ;;
	# A later resetd may know more reasons; each of them is a no.
	*) echo 'This link or code is not good any more. Ask for a new one.' ;;
	esac
}

# resetd TRIES PATH BODY FILTER [CURL-OPTION…]
resetd() (
	tries=$1 path=$2 body=$3 filter=$4
	shift 4
	until said=$(printf %s "$body" | curl --silent --show-error --max-time 5 --unix-socket "$RESETD_SOCKET" --data-binary @- \
		--header 'Content-Type: application/json' --write-out '\n%{http_code}' "$@" "http://resetd$path"); do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 2
	done
	status=$(printf %s "$said" | tail -n 1)
	said=$(printf %s "$said" | sed '$d')
	case $status in
	204) return 0 ;;
	2??) printf %s "$said" | jq -r "$filter" && return 0 ;;
	5??) return 2 ;;
	esac
	case $(printf %s "$said" | jq -r .type) in
	urn:resetd:problem:refused) answer "$(printf %s "$said" | jq -r .reason)" && return 1 ;;
	esac
	printf %s "$said" | jq -r '"resetd: \(.detail)"' >&2
	return 3
)
