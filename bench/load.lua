-- Requests for wrk: people round-robin, a fresh value in every write. BENCH_PEOPLE names a file with a line for each
-- person, "token tenant"; BENCH_KIND is put, mutation, get or query.
local people, counter, kind = {}, 0, os.getenv("BENCH_KIND")
local threads = {}

-- Global, so that done() can ask each thread for them.
answered, refused, wrong = 0, 0, ""

function setup(thread)
  thread:set("number", #threads)
  threads[#threads + 1] = thread
end

function init()
  for line in io.lines(os.getenv("BENCH_PEOPLE")) do
    local token, tenant = line:match("(%S+) (%S+)")
    people[#people + 1] = {
      ["Authorization"] = "Bearer " .. token, ["X-Tenant-ID"] = tenant, ["Content-Type"] = "application/json",
    }
  end
  math.randomseed(os.time() + number)
  counter = math.random(1, 1000000) * 1000
end

local MUTATION = '{"query":"mutation Rename($input: UpdateMyProfileInput!) { updateMyProfile(input: $input) { '
  .. '__typename ... on Profile { id name displayName etag } ... on ProfileError { code message } } }",'
  .. '"variables":{"input":{"displayName":"%s"}}}'
local QUERY = '{"query":"{ me { id name } }"}'

function request()
  counter = counter + 1
  local headers = people[counter % #people + 1]
  local value = string.format("n%d-%d", number, counter)
  if kind == "put" then
    return wrk.format("PUT", "/v1/users/me/profile", headers, '{"display_name":"' .. value .. '"}')
  elseif kind == "mutation" then
    return wrk.format("POST", "/graphql", headers, string.format(MUTATION, value))
  elseif kind == "query" then
    return wrk.format("POST", "/graphql", headers, QUERY)
  end
  return wrk.format("GET", "/v1/users/me/profile", headers)
end

function response(status, _, body)
  local graphql = kind == "mutation" or kind == "query"
  if status == 409 or graphql and body:find('"code":"conflict"', 1, true) then
    refused = refused + 1 -- an answer, but no success: two writes of one person met three times
  elseif status == 200 and not (graphql and body:find('"errors"', 1, true)) then
    answered = answered + 1
  elseif wrong == "" then
    wrong = "status " .. status .. ": " .. body:sub(1, 300)
  end
end

function done(summary, latency)
  local all, conflicts = 0, 0
  for _, thread in ipairs(threads) do
    all = all + thread:get("answered")
    conflicts = conflicts + thread:get("refused")
    if thread:get("wrong") ~= "" then io.stderr:write(thread:get("wrong"), "\n") end
  end
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"answered": %d, "refused": %d, "failed": %d, "seconds": %f, "p50": %f, "p99": %f}\n',
    all, conflicts, errors.connect + errors.read + errors.write + errors.timeout, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3
  ))
end
