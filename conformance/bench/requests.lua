-- wrk script: one operation per run, chosen by the environment.
--   OPERATION   see `make` below                       PATH_PREFIX  the path of the SCIM base
--   TOKEN       SCIM bearer token                      IDS          file with one user id a line, user 1 first
--   CLIENT      base64 of client_id:client_secret      REFRESH      file with one refresh token a line
--   USERS       how many of the ids are plain users; the rest join and leave the group
--   GROUP       id of the group of `member`            CURSORS      file with one cursor a line, from which `cursor` goes on
--   RUN         text that makes names of this run its own
-- Prints one line `JSON {...}` at the end. Every answer is checked for its status and, where it says more, its content.
local operation = os.getenv("OPERATION")
local prefix, token, run = os.getenv("PATH_PREFIX") or "", os.getenv("TOKEN") or "", os.getenv("RUN") or "run"
local users, group = tonumber(os.getenv("USERS") or "0"), os.getenv("GROUP") or ""

local function lines(name)
  local found, path = {}, os.getenv(name)
  if path then for line in io.lines(path) do found[#found + 1] = line end end
  return found
end

local ids, tokens, cursors = lines("IDS"), lines("REFRESH"), lines("CURSORS")
local scim = { ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/scim+json" }
local form = { ["Authorization"] = "Basic " .. (os.getenv("CLIENT") or ""), ["Content-Type"] = "application/x-www-form-urlencoded" }
local made, next_token = 0, 0

local user = '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"%s","name":{"givenName":"Gina",'
  .. '"familyName":"Example"},"displayName":"Gina Example","emails":[{"value":"%s","type":"work","primary":true}],"active":true}'
local patch = '{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[%s]}'

local function get(path) return wrk.format("GET", prefix .. path, scim) end
local function send(method, path, body) return wrk.format(method, prefix .. path, scim, body) end
local function somebody() return math.random(users) end

local make = {
  get = function() return get("/Users/" .. ids[somebody()]) end,
  filter = function() return get(string.format("/Users?filter=userName%%20eq%%20%%22user%07d%%40acme.test%%22", somebody())) end,
  email = function()
    return get(string.format("/Users?filter=emails.value%%20eq%%20%%22user%07d.mail%%40acme.test%%22", somebody()))
  end,
  list = function() return get("/Users?startIndex=1&count=100") end,
  cursor = function()
    local from = table.remove(cursors, 1) or ""
    return get("/Users?count=100&cursor=" .. from)
  end,
  create = function()
    made = made + 1
    return send("POST", "/Users", user:format(run .. "-" .. made .. "@acme.test", run .. "-" .. made .. ".mail@acme.test"))
  end,
  active = function()
    made = made + 1
    local value = made % 2 == 0 and "true" or "false"
    return send("PATCH", "/Users/" .. ids[somebody()], patch:format('{"op":"replace","path":"active","value":' .. value .. "}"))
  end,
  -- One of those who are not in the group joins it and leaves it with the next request, so that it keeps its size.
  member = function()
    made = made + 1
    local who = ids[users + 1 + math.floor((made - 1) / 2) % (#ids - users)]
    local change = '{"op":"remove","path":"members[value eq \\"' .. who .. '\\"]"}'
    if made % 2 == 1 then change = '{"op":"add","path":"members","value":[{"value":"' .. who .. '"}]}' end
    return send("PATCH", "/Groups/" .. group, patch:format(change))
  end,
  -- Each token is used once and gives the next one. Requests take them in turn, so a token rests while the others are used.
  refresh = function()
    next_token = next_token + 1
    local taken = table.remove(tokens, 1)
    if not taken then return wrk.format("GET", "/no-refresh-token-left", form) end
    return wrk.format("POST", "/oauth2/token", form, "grant_type=refresh_token&refresh_token=" .. taken)
  end,
}

local function holds_one(body) return body:find('"totalResults": ?1[,}]') ~= nil end

-- What a right answer looks like, beyond a status below 300.
local check = {
  filter = holds_one,
  email = holds_one,
  create = function(_, status) return status == 201 end,
  list = function(body) return select(2, body:gsub('"userName"', "")) == 100 end,
  cursor = function(body)
    local from = body:match('"nextCursor": ?"([^"]+)"')
    if from then cursors[#cursors + 1] = from end
    return select(2, body:gsub('"userName"', "")) > 0
  end,
  refresh = function(body)
    local fresh = body:match('"refresh_token":"([^"]+)"')
    if fresh then tokens[#tokens + 1] = fresh end
    return fresh ~= nil
  end,
}

local threads = {}
wrong, answers = 0, 0

function setup(thread) threads[#threads + 1] = thread end

function init() math.randomseed(os.time()) end

function request() return make[operation]() end

function response(status, _, body)
  answers = answers + 1
  local is_right = status >= 200 and status < 300
  if is_right and check[operation] then is_right = check[operation](body, status) end
  if not is_right then
    if wrong == 0 then io.stderr:write("first wrong answer: " .. status .. " " .. body:sub(1, 300) .. "\n") end
    wrong = wrong + 1
  end
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
