-- Requests for wrk's one thread: people in turn from BENCH_TURN on, a fresh value in every write. BENCH_PEOPLE names a
-- file with a line for each person, "token tenant"; BENCH_KIND is put, mutation, get or query.
local ME = "/v1/users/me/profile"
local MUTATION = '{"query":"mutation Rename($input: UpdateMyProfileInput!) { updateMyProfile(input: $input) { '
  .. '__typename ... on Profile { id name displayName etag } ... on ProfileError { code message } } }",'
  .. '"variables":{"input":{"displayName":"%s"}}}'
local REQUESTS = {
  put = { "PUT", ME, '{"display_name":"%s"}' },
  mutation = { "POST", "/graphql", MUTATION },
  get = { "GET", ME, "" },
  query = { "POST", "/graphql", '{"query":"{ me { id name } }"}' },
}
local kind = os.getenv("BENCH_KIND")
local method, path, template = unpack(REQUESTS[kind])
local values = os.getenv("BENCH_VALUES") .. "-%012d"
local heads, thread = {}, nil

-- Global, so that done() can ask the thread for them.
turn, answered, refused, wrong = tonumber(os.getenv("BENCH_TURN")), 0, 0, ""

function setup(the_only)
  thread = the_only
end

local function body()
  return string.format(template, string.format(values, turn))
end

-- Bodies have one length, so all but the body is written beforehand.
function init()
  local sample = body()
  for line in io.lines(os.getenv("BENCH_PEOPLE")) do
    local token, tenant = line:match("(%S+) (%S+)")
    local headers = {
      ["Authorization"] = "Bearer " .. token, ["X-Tenant-ID"] = tenant, ["Content-Type"] = "application/json",
    }
    local whole = wrk.format(method, path, headers, sample ~= "" and sample or nil)
    heads[#heads + 1] = whole:sub(1, #whole - #sample)
  end
end

function request()
  turn = turn + 1
  return heads[turn % #heads + 1] .. body()
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
  if thread:get("wrong") ~= "" then io.stderr:write(thread:get("wrong"), "\n") end
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"turn": %d, "answered": %d, "refused": %d, "failed": %d, "seconds": %f, "p50": %f, "p99": %f}\n',
    thread:get("turn"), thread:get("answered"), thread:get("refused"),
    errors.connect + errors.read + errors.write + errors.timeout, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3
  ))
end
