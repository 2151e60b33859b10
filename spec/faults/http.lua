-- http.lua: the home of the simulated cloud under faults, and answers, to the byte, that no rule of its own gives.
local rows = require("spec.faults.rows")

local http = {}

local OK = '{"result":true,"success":true,"t":1700000000000,"tid":"0123456789abcdef0123456789abcdef"}'

local function answer(headers, body)
   local head = { "HTTP/1.1 200 OK", "Content-Length: " .. #body }
   for name, value in pairs(headers) do head[#head + 1] = name .. ": " .. value end
   return table.concat(head, "\r\n") .. "\r\n\r\n" .. body
end

-- A gzip of so many zero bytes.
local function gzip_bomb(bytes)
   local pipe = io.popen(("head -c %d /dev/zero | gzip -9 -n"):format(bytes))
   local text = pipe:read("*a")
   pipe:close()
   return text
end

local JSON = "application/json;charset=UTF-8"

http.MAX_REPLY = 256 * 1024 -- bytes that the clients under test take

http.answers = {
   oversize = answer({ ["Content-Type"] = JSON }, '{"success":true,"result":"' .. ("x"):rep(http.MAX_REPLY) .. '"}'),
   ["gzip bomb"] = answer({ ["Content-Type"] = JSON, ["Content-Encoding"] = "gzip" }, gzip_bomb(64 * 1024 * 1024)),
   ["wrong type"] = answer({ ["Content-Type"] = "text/plain" }, OK),
   ["depth bomb"] = answer({ ["Content-Type"] = JSON }, ("["):rep(200000)),
}

local function device(id)
   return {
      id = id, name = id, category = "cz", product_id = "faultsocket00001",
      data_points = { { dp_id = 1, code = "switch", type = "Boolean", writable = true, value = false } },
   }
end

--- A home of one device that nothing befalls, some for each fault, and so many more.
function http.home(more)
   local devices = { device("ok") }
   for _, row in ipairs(rows) do
      for i = 1, rows.MANY do devices[#devices + 1] = device(row.devices .. i) end
   end
   for i = 1, more do devices[#devices + 1] = device("soak-" .. i) end
   return { devices = devices }
end

return http
