# frozen_string_literal: true

# A client of resetd's socket. Copy this file: it needs nothing but Ruby 3.0 or newer.

require "json"
require "net/http"
require "securerandom"
require "socket"

class Resetd
  # What to tell a person whose link or code is refused, by `reason`. None of these is good again later.
  ANSWERS = {
    "unknown" => "We do not know this link or code. Copy it from the mail once more, or ask for a new one.",
    "expired" => "This link or code has expired. Ask for a new one.",
    "used" => "This link or code was used already. If that was not you, ask for a new one.",
    "superseded" => "Another mail has taken the place of this one. Use the newest, or ask for a new one.",
    "denied" => "Somebody answered this mail that they had not asked for it, so we switched it off. Ask for a new one, or write to support.",
    "revoked" => "This link or code was taken back. Ask for a new one.",
    "locked" => "Too many wrong codes. Use the link in the mail, or ask for a new one: it brings a link."
  }.freeze

  # resetd can't be reached or can't store: the person tries again in a moment.
  class Unavailable < StandardError; end

  # The request breaks a rule, or this user may not make it: the message tells the developer, `field` what is wrong.
  class Problem < StandardError
    attr_reader :status, :field

    def initialize(problem)
      super(problem["detail"])
      @status, @field = problem.values_at("status", "field")
    end
  end

  # The secret is not good: tell the person `answer`, with the HTTP status `status`.
  class Refused < StandardError
    attr_reader :reason, :status

    def initialize(problem)
      @reason, @status = problem.values_at("reason", "status")
      super(@reason)
    end

    # A later resetd may know more reasons; each of them is a no.
    def answer = ANSWERS.fetch(reason, "This link or code is not good any more. Ask for a new one.")
  end

  # Net::HTTP, on a Unix socket.
  class Connection < Net::HTTP
    def initialize(path, seconds)
      super("resetd")
      @path = path
      self.read_timeout = self.write_timeout = seconds
    end

    def connect
      @socket = Net::BufferedIO.new(UNIXSocket.new(@path), read_timeout: read_timeout, write_timeout: write_timeout)
    end
  end

  def initialize(portal, path = "/run/resetd/resetd.sock", seconds: 5)
    @portal, @path, @seconds = portal, path, seconds
  end

  # Asks for a reset mail. account nil: no account has this address, and the answer is the same.
  # more: name, locale, method, client: {ip:, user_agent:}, valid_since.
  def request(account, email, **more)
    # One key for all tries: if only the answer was lost, the second try gets it and nobody gets two mails.
    key = { "Idempotency-Key" => SecureRandom.uuid }
    call("/v1/resets", { portal: @portal, account:, email:, **more }, key, tries: 2)["id"]
  end

  # Is it good? Uses nothing up. `token:`, or `account:` and `code:`; `client: {ip:}`. Gives "reset", "account", "expires_at".
  def inspect_secret(**secret) = call("/v1/resets/inspect", with_portal(secret), tries: 2)

  # Uses it, once. Set the password of the "account" that this gives, and of no other.
  # One try: a second could only meet what the first has used.
  def redeem(**secret) = call("/v1/resets/redeem", with_portal(secret))

  # The password is changed: the person is told by mail.
  def completed(reset) = call("/v1/resets/#{reset}/completed", tries: 2)

  # Counts a failed login; at the portal's threshold a reset mail goes out by itself. success: clears the count.
  def login(account, email, success:) = call("/v1/login-failures", { portal: @portal, account:, email:, success: })

  private

  def with_portal(secret) = secret.key?(:token) ? secret : { portal: @portal, **secret }

  def call(path, body = nil, headers = {}, tries: 1)
    response = begin
      Connection.new(@path, @seconds).start do |http|
        http.post(path, body ? JSON.generate(body) : "", { "Content-Type" => "application/json", **headers })
      end
    rescue SystemCallError, IOError, Timeout::Error, Net::ProtocolError => error
      return call(path, body, headers, tries: tries - 1) if tries > 1

      raise Unavailable, error.message
    end
    answer = JSON.parse(response.body) unless response.body.to_s.empty?
    status = response.code.to_i
    return answer if status < 300
    raise Refused, answer if answer["type"] == "urn:resetd:problem:refused"

    raise status >= 500 ? Unavailable.new(answer["detail"]) : Problem.new(answer)
  end
end
