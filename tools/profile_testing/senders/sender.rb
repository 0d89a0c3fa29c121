# Sends a large body with Net::HTTP, COUNT times: ADDRESS METHOD PATH SIZE HOW COUNT.
require "net/http"
require "stringio"

address, method, path, size, how, count = ARGV
uri = URI(address)
statuses = []
client = nil
count.to_i.times do
  asked = Net::HTTP.const_get(method.capitalize).new(path, "Content-Type" => "application/json")
  asked["Expect"] = "100-continue" if how == "expect"
  asked["Connection"] = "close" if how == "close"
  if how == "chunked"
    asked["Transfer-Encoding"] = "chunked"
    asked.body_stream = StringIO.new("a" * size.to_i)
  else
    asked.body = "a" * size.to_i
  end
  [asked, Net::HTTP::Get.new("/healthz")].each do |each|
    begin
      client = Net::HTTP.start(uri.host, uri.port, read_timeout: 60, continue_timeout: 5, max_retries: 0) unless client&.started?
      statuses << client.request(each).code
    rescue SystemCallError, IOError, Net::ProtocolError, Net::HTTPBadResponse => error
      statuses << error.class.name
      client.finish if client&.started?
      client = nil
    end
  end
end
puts statuses.join(" ")
