-- Requests for wrk: people in turn, a fresh value in every write. BENCH_PEOPLE names a file with a line for each
-- person, "token tenant"; BENCH_KIND is put, mutation, get or query.
local people, counter, kind = {}, 0, os.getenv("BENCH_KIND")
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
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

local bad = 0
function response(status, _, body)
  -- 409 is counted as failed, but is an answer: two writes of one person met three times.
  if status ~= 200 and status ~= 409 or body:find('"errors"', 1, true) then
    bad = bad + 1
    if bad == 1 then io.stderr:write("status " .. status .. ": " .. body:sub(1, 300) .. "\n") end
  end
end

function done(summary, latency)
  io.write(string.format(
    'RESULT {"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "failed": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  ))
end
