-- wrk script: one operation per run, chosen by the environment.
--   OPERATION   get | filter | create | refresh        PATH_PREFIX  the path of the SCIM base
--   TOKEN       SCIM bearer token                      IDS          file with one user id a line
--   CLIENT      base64 of client_id:client_secret      REFRESH      file with one refresh token a line
--   RUN         text that makes names of this run its own
-- Prints one line `JSON {...}` at the end. Every answer is checked for its status and, where it says more, its content.
local operation = os.getenv("OPERATION")
local prefix, token, run = os.getenv("PATH_PREFIX") or "", os.getenv("TOKEN") or "", os.getenv("RUN") or "run"

local function lines(path)
  local found = {}
  for line in io.lines(path) do found[#found + 1] = line end
  return found
end

local ids = os.getenv("IDS") and lines(os.getenv("IDS")) or {}
local tokens = os.getenv("REFRESH") and lines(os.getenv("REFRESH")) or {}
local scim = { ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/scim+json" }
local form = { ["Authorization"] = "Basic " .. (os.getenv("CLIENT") or ""), ["Content-Type"] = "application/x-www-form-urlencoded" }
local created, next_token = 0, 0

local user = '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"%s","name":{"givenName":"Gina",'
  .. '"familyName":"Example"},"displayName":"Gina Example","emails":[{"value":"%s","type":"work","primary":true}],"active":true}'

local make = {
  get = function() return wrk.format("GET", prefix .. "/Users/" .. ids[math.random(#ids)], scim) end,
  filter = function()
    local name = string.format("user%06d%%40load.test", math.random(#ids))
    return wrk.format("GET", prefix .. "/Users?filter=userName%20eq%20%22" .. name .. "%22", scim)
  end,
  create = function()
    created = created + 1
    local name = string.format("%s-%d@new.test", run, created)
    return wrk.format("POST", prefix .. "/Users", scim, user:format(name, name))
  end,
  -- Each token is used once and gives the next one. Requests take them in turn, so a token rests while the others are used.
  refresh = function()
    next_token = next_token + 1
    local taken = table.remove(tokens, 1)
    if not taken then return wrk.format("GET", "/no-refresh-token-left", form) end
    return wrk.format("POST", "/oauth2/token", form, "grant_type=refresh_token&refresh_token=" .. taken)
  end,
}

local expected = { get = 200, filter = 200, create = 201, refresh = 200 }
local threads = {}
wrong, answers = 0, 0

function setup(thread) threads[#threads + 1] = thread end

function init() math.randomseed(os.time()) end

function request() return make[operation]() end

function response(status, _, body)
  answers = answers + 1
  local is_right = status == expected[operation]
  if is_right and operation == "filter" then is_right = body:find('"totalResults":1[,}]') ~= nil end
  if is_right and operation == "refresh" then
    local fresh = body:match('"refresh_token":"([^"]+)"')
    if fresh then tokens[#tokens + 1] = fresh else is_right = false end
  end
  if not is_right then wrong = wrong + 1 end
end

function done(summary, latency)
  local all_wrong, all_answers = 0, 0
  for _, thread in ipairs(threads) do
    all_wrong, all_answers = all_wrong + thread:get("wrong"), all_answers + thread:get("answers")
  end
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format('JSON {"requests":%d,"seconds":%.3f,"p50_ms":%.3f,"p99_ms":%.3f,"wrong":%d,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000, all_wrong, errors))
end
