# frozen_string_literal: true

# Sign in, forgot password, set a new one: Ruby, WEBrick (`gem install webrick`, or Debian's ruby-webrick) and resetd.
#
#     RESETD_SOCKET=/run/resetd/resetd.sock PORT=8000 ruby portal.rb

require "cgi"
require "openssl"
require "webrick"
require_relative "resetd"

RESETD = Resetd.new("shop", ENV.fetch("RESETD_SOCKET", "/run/resetd/resetd.sock"))
PORT = Integer(ENV.fetch("PORT", "8000"))

# Your users: a database, rather than this.
class Users
  User = Struct.new(:id, :email, :name, :salt, :hash)

  def initialize(*users) = @users = users

  def by_email(email) = @users.find { |user| user.email == email.downcase }

  def set_password(id, password)
    user = @users.find { |one| one.id == id }
    salt = SecureRandom.bytes(16)
    # And end every session of the user here: whoever had got in is out.
    user.salt, user.hash = salt, hash_of(password, salt)
  end

  # Takes the same time for a user that does not exist.
  def may_enter?(user, password)
    OpenSSL.fixed_length_secure_compare(hash_of(password, user&.salt || "\0" * 16), user&.hash || "\0" * 32)
  end

  private

  def hash_of(password, salt) = OpenSSL::KDF.scrypt(password, salt:, N: 2**14, r: 8, p: 1, length: 32)
end

USERS = Users.new(Users::User.new("u-1842", "ann@mail.example", "Ann Other"))
USERS.set_password("u-1842", "correct horse battery staple")

SIGN_IN = <<~HTML
  <form method="post" action="/login">
  <p><label>Email <input name="email" type="email" autocomplete="username" required></label>
  <p><label>Password <input name="password" type="password" autocomplete="current-password" required></label>
  <p><button>Sign in</button> <a href="/forgot">Forgot it?</a></form>
HTML

FORGOT = <<~HTML
  <form method="post" action="/forgot">
  <p><label>Email <input name="email" type="email" autocomplete="username" required></label>
  <p><button>Send the mail</button></form>
HTML

BY_CODE = <<~HTML
  <p><label>Email <input name="email" type="email" autocomplete="username" required></label>
  <p><label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code" required></label>
HTML

class Portal < WEBrick::HTTPServlet::AbstractServlet
  # For every page, and above all for the one whose address holds a token: nobody keeps it, no other site learns its
  # address, nothing from elsewhere is loaded, nobody frames it.
  HEADERS = {
    "Content-Type" => "text/html; charset=utf-8",
    "Cache-Control" => "no-store",
    "Referrer-Policy" => "no-referrer",
    "Content-Security-Policy" => "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
  }.freeze

  def do_GET(request, response)
    answer(response) do
      case request.path
      when "/", "/login" then page("Sign in", SIGN_IN)
      when "/forgot" then page("Forgot your password?", FORGOT)
      when "/reset" then look(request.query["token"], client(request))
      else sorry(404, "There is no such page.")
      end
    end
  end

  def do_POST(request, response)
    answer(response) do
      # A form of another site's. Origin says "null" here, since we send no referrer; Sec-Fetch-Site tells.
      next sorry(403, "That did not come from our site.") unless [nil, "same-origin", "none"].include?(request["Sec-Fetch-Site"])

      form = request.query.transform_values { |value| value.dup.force_encoding("UTF-8").scrub }
      case request.path
      when "/login" then login(form)
      when "/forgot" then ask(form, client(request))
      when "/reset" then change(form, client(request))
      else sorry(404, "There is no such page.")
      end
    end
  end

  private

  def login(form)
    user = USERS.by_email(form.fetch("email", ""))
    good = USERS.may_enter?(user, form.fetch("password", ""))
    # Nobody waits for this: the answer takes as long for others as for people whom we know, and works when resetd is away.
    Thread.new { quietly { RESETD.login(user.id, user.email, success: good) } } if user
    # Begin the session here.
    good ? page("Hello, #{user.name}", "") : page("Sign in", "<p>Address and password do not go together.#{SIGN_IN}", 403)
  end

  # Limits count by the address. Behind a proxy it is the proxy: take it from where that puts it.
  def client(request) = { ip: request.remote_ip, user_agent: request["User-Agent"]&.slice(0, 500) }

  def ask(form, client)
    email = form.fetch("email", "")
    user = USERS.by_email(email)
    # Everybody's request goes to resetd, which tells nobody apart; neither does the page.
    RESETD.request(user&.id, user&.email || email, name: user&.name, client:)
    page("Look into your mailbox", '<p>If there is such an account, a mail is on its way. <a href="/reset">Type a code instead</a>')
  rescue Resetd::Problem => problem
    raise unless problem.field == "email"

    page("Forgot your password?", "<p>That is not an email address.#{FORGOT}", 400)
  end

  # The link. Looks, and uses nothing up: mail scanners and previews open links too.
  def look(token, client)
    RESETD.inspect_secret(token:, client:) if token
    page("Set a new password", new_password(token))
  end

  def change(form, client)
    token, email, code, password = %w[token email code password].map { |name| form.fetch(name, "") }
    token = nil if token.empty?
    # Before redeem: what is wrong with the password must not cost the link.
    return page("Set a new password", "<p>At least 12 characters, please.#{new_password(token)}", 400) if password.length < 12

    # For an address without an account the address itself: it is refused and locked as any other is.
    secret = token ? { token: } : { account: USERS.by_email(email)&.id || email, code: }
    good = RESETD.redeem(**secret, client:)
    # The account is resetd's word, never the browser's.
    USERS.set_password(good["account"], password)
    quietly { RESETD.completed(good["reset"]) }
    # No new session: whoever holds the mail has to know the new password too.
    page("Your password is changed", '<p><a href="/">Sign in</a>')
  end

  # For what the person need not hear of.
  def quietly
    yield
  rescue Resetd::Unavailable, Resetd::Problem => error
    warn "resetd: #{error.message}"
  end

  def answer(response)
    status, text = begin
      yield
    rescue Resetd::Refused => refused
      sorry(refused.status, refused.answer)
    rescue Resetd::Unavailable => error
      warn "resetd: #{error.message}"
      sorry(503, "We can not do this right now. Please try again in a moment.")
    end
    response.status = status
    response.body = text
    HEADERS.each { |name, value| response[name] = value }
  end

  def new_password(token) = <<~HTML
    <form method="post" action="/reset">
    #{token ? %(<input type="hidden" name="token" value="#{CGI.escape_html(token)}">) : BY_CODE}
    <p><label>New password <input name="password" type="password" autocomplete="new-password" minlength="12" required></label>
    <p><button>Change password</button></form>
  HTML

  def sorry(status, text) = page("This did not work", %(<p>#{text} <a href="/forgot">Ask for a new mail</a>), status)

  def page(title, body, status = 200)
    title = CGI.escape_html(title)
    [status, <<~HTML]
      <!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
      <meta name="color-scheme" content="light dark"><title>#{title}</title><h1>#{title}</h1>
      #{body}
    HTML
  end
end

server = WEBrick::HTTPServer.new(
  BindAddress: "127.0.0.1", Port: PORT, Logger: WEBrick::Log.new($stderr, WEBrick::Log::WARN),
  # None: a token stands in the address, and a log is no place for it.
  AccessLog: [],
  StartCallback: -> { $stderr.puts "http://127.0.0.1:#{PORT}" }
)
server.mount("/", Portal)
trap("INT") { server.shutdown }
trap("TERM") { server.shutdown }
server.start
