--- target.lua: what a request to the gateway asks for, taken out of its raw request line.
-- The idea: nginx decodes and merges what it matches locations with; here only the bytes that were sent count, and what
-- two servers could read in two ways is refused.
-- The danger: a path that is signed one way and sent another, or that names a host.
-- @module tuya.target

local target = {}

--- The methods that the cloud knows.
target.METHODS = { GET = true, POST = true, PUT = true, DELETE = true, PATCH = true, HEAD = true }

local SLASH = ("/"):byte()

-- Dot segments, also with parameters, which some servers cut off before they look; and empty ones.
local function is_plain(path)
   return not path:find("//", 1, true) and not (path .. "/"):find("/%.%.?[/;]")
end

--- Takes a request line apart.
-- @tparam string prefix of the location, compared byte for byte
-- @tparam string line the request line as it came
-- @treturn ?string method; nil and the rule that is broken
-- @treturn ?string path without the prefix
-- @treturn ?string query, a plus in it written %20: that is how forms and most libraries mean it
function target.parse(prefix, line)
   local method, raw = line:match("^(%S+) (%S+) HTTP/%d[%.%d]*$")
   if not method then return nil, "the request line is not HTTP's" end
   local n = #prefix
   if raw:sub(1, n) ~= prefix or raw:byte(n + 1) ~= SLASH then
      return nil, ("the target must begin with %s/, in these very bytes"):format(prefix)
   end
   if raw:find("#", 1, true) then return nil, "the target holds a fragment" end
   local mark = raw:find("?", n + 1, true)
   local path = raw:sub(n + 1, mark and mark - 1)
   if path:find("%", 1, true) then return nil, "the path holds a percent escape" end
   if not is_plain(path) then return nil, "the path holds a dot segment or an empty one" end
   local query = mark and raw:sub(mark + 1):gsub("%+", "%%20")
   return method, path, query ~= "" and query or nil
end

-- The pattern of an entry's path: * is one segment, ** any number of them.
local function pattern_of(path)
   local escaped = path:gsub("[%-%.%+%$%(%)%?%[%]%^%%]", "%%%0")
   escaped = escaped:gsub("%*%*", "\0"):gsub("%*", "[^/]+"):gsub("%z", ".*")
   return "^" .. escaped .. "$"
end

-- Token calls hand the token out, or kill it: they are for who asks for them by name.
local function is_token_call(path)
   return path:find("^/v1%.0/token") ~= nil or path:find("^/v1%.0/authorize_token") ~= nil
end

--- Makes the test of an allow-list.
-- @tparam ?table list of "METHOD /path"; nil: all but token calls
-- @treturn function(method, path) -> boolean
function target.allowing(list)
   if not list then return function(_, path) return not is_token_call(path) end end
   local entries = {}
   for i, entry in ipairs(list) do
      local method, path = entry:match("^(%S+) (%S+)$")
      entries[i] = { method = method, pattern = pattern_of(path), is_token_call = is_token_call(path) }
   end
   return function(method, path)
      local is_token = is_token_call(path)
      for _, entry in ipairs(entries) do
         local fits = (entry.method == "*" or entry.method == method) and path:find(entry.pattern)
         if fits and (entry.is_token_call or not is_token) then return true end
      end
      return false
   end
end

return target
